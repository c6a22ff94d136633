//! The knowledge of an observer of inputs and outputs: [`Watch`]. The rules are judged by it, and not by
//! the state of the machine.

mod attempts;
mod connection;

use self::{
    attempts::Attempts,
    connection::{Observed, learns},
};
use crate::{
    input::Input,
    machine::{Dial, Loss, Machine, Means, Transition},
    rule::{Broken, Rule},
    setting::{STEP, Setting},
    status::Phase,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    cycle: Cycle,
    /// The number of the last attempt that was reported: 0 or 1, since the machine's is, too.
    number: u64,
    will: Will,
    paused: bool,
    /// The connection ended in a pause, and this is not reported yet.
    paused_at_loss: bool,
    connection: Observed,
    /// The server was seen to answer, on a connection without pings.
    answers: bool,
    attempts: Attempts,
}

/// The place in the grammar of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Cycle {
    /// Between two cycles. `Retry` must come before the next attempt, or must not come.
    Between {
        retry: bool,
    },
    Connecting,
    Open,
    Closed,
}

/// The will of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Will {
    Run,
    End,
}

impl Watch {
    pub(crate) const NEW: Self = Self {
        cycle: Cycle::Between { retry: false },
        number: 0,
        will: Will::Run,
        paused: false,
        paused_at_loss: false,
        connection: Observed::NEW,
        answers: false,
        attempts: Attempts::NONE,
    };

    pub(crate) fn is_over(&self) -> bool {
        self.cycle == Cycle::Closed
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.will == Will::End
    }

    /// A verdict was due before and was put off, so the next one may end the connection.
    pub(crate) fn is_put_off(&self) -> bool {
        self.connection.is_put_off()
    }

    pub(crate) fn silence_is_reported(&self) -> bool {
        self.connection.silence_reported
    }

    /// Forgets everything that no rule needs any more.
    pub(crate) fn make_canonical(&mut self, setting: &Setting) {
        self.number = self.number.min(1);
        self.paused_at_loss = false;
        self.answers &= learns(setting);
        self.connection.make_canonical(setting);
        self.attempts.make_canonical(setting);
        match self.cycle {
            Cycle::Closed => {
                *self = Self { cycle: Cycle::Closed, will: Will::End, number: 1, ..Self::NEW };
            }
            Cycle::Between { .. } | Cycle::Connecting => self.connection = Observed::NEW,
            Cycle::Open => {}
        }
    }

    /// A step of time passes.
    pub(crate) fn tick(&mut self, full: bool) {
        self.connection.tick(full);
        self.attempts.tick();
    }

    /// The machine gets this input now.
    pub(crate) fn input(&mut self, input: Input, machine: &Machine, setting: &Setting) {
        if machine.phase() == Phase::Idle {
            self.attempts.down = 0;
        }
        match input {
            Input::Ended | Input::GivenUp | Input::PeerClosed { .. } => {
                self.paused_at_loss = self.paused;
            }
            Input::Frame { life: true } => self.answers |= self.connection.awaits_answer(),
            Input::Reply => self.answers = true,
            Input::Close | Input::Abort => self.will = Will::End,
            Input::Pause => {
                self.paused = true;
                if let Cycle::Between { retry } = &mut self.cycle {
                    *retry = false;
                    self.attempts.replaces = false;
                }
            }
            Input::Resume => {
                self.paused = false;
                if machine.phase() == Phase::Paused && !machine.may_write() {
                    self.attempts.down = 0;
                }
            }
            _ => {}
        }
        self.connection.input(input, machine, setting);
    }

    /// The machine requested a probe after this input.
    pub(crate) fn probe_asked(&mut self, setting: &Setting, after: Input) {
        self.connection.probe_asked(setting, after);
    }

    /// The machine requested the close frame.
    pub(crate) fn close_asked(&mut self) {
        self.connection.closes = true;
    }

    /// The machine drops the connection for this loss.
    pub(crate) fn judge(&self, loss: Loss, setting: &Setting, full: bool, broken: &mut Broken) {
        let unread = full || self.paused;
        self.connection.judge(loss, setting, (unread, self.answers), broken);
    }

    /// An attempt begins.
    pub(crate) fn dialled(&mut self, dial: Dial, setting: &Setting, broken: &mut Broken) {
        broken.unless(self.will == Will::Run && !self.paused, Rule::Will);
        self.attempts.dialled(dial, setting, broken);
    }

    /// The machine reports a transition. `fresh`: with it, the machine asked for a verdict, with
    /// fresh delays or not.
    pub(crate) fn report(
        &mut self,
        transition: Transition,
        fresh: Option<bool>,
        setting: &Setting,
        broken: &mut Broken,
    ) {
        let mut unless = |holds| broken.unless(holds, Rule::Grammar);
        match transition {
            Transition::WriteBlocked { connection, .. }
            | Transition::Unanswered { connection, .. } => {
                unless(self.cycle == Cycle::Open && connection == self.number);
            }
            Transition::Silent { connection, .. } => {
                unless(self.cycle == Cycle::Open && connection == self.number);
                unless(setting.means == Means::Nothing);
                self.connection.silence_reported = true;
            }
            Transition::Connecting { connection, .. } => {
                unless(self.cycle == Cycle::Between { retry: false });
                unless(connection == self.number + 1);
                self.number = connection;
                self.cycle = Cycle::Connecting;
            }
            Transition::Open { connection, .. } => {
                unless(self.cycle == Cycle::Connecting && connection == self.number);
                self.cycle = Cycle::Open;
                self.attempts.down = 0;
            }
            Transition::Lost { connection, opened, loss, .. } => {
                let expected = if opened { Cycle::Open } else { Cycle::Connecting };
                unless(self.cycle == expected && connection == self.number);
                unless(loss != Loss::Ended);
                self.cycle = Cycle::Between { retry: !self.paused && !self.paused_at_loss };
                let old = STEP * u32::from(self.connection.age) >= setting.rules.stable_after;
                let stable = opened.then_some(old || self.connection.closes);
                self.attempts.lost(stable, loss, setting);
                self.attempts.replaces &= !self.paused;
                if let Some(fresh) = fresh {
                    self.attempts.verdict_asked(fresh, broken);
                }
            }
            Transition::Retry { .. } => {
                unless(self.cycle == Cycle::Between { retry: true });
                self.cycle = Cycle::Between { retry: false };
            }
            Transition::Closed(_) => {
                unless(self.cycle != Cycle::Closed);
                self.cycle = Cycle::Closed;
            }
        }
    }
}
