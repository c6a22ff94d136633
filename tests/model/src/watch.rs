//! What an observer of inputs and outputs knows: [`Watch`]. The rules are judged by it, and not by
//! the state of the machine.

use std::time::Duration;

use crate::{
    input::Input,
    machine::{Dial, Intake, Loss, Machine, Means, Rules, Transition, WithoutPings},
    rule::{Broken, Rule},
    setting::{STEP, Setting},
    status::Phase,
};

/// Times are in steps, up to this number.
const LONG: u8 = 100;

/// Counts of attempts, up to this number.
const MANY: u8 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    cycle: Cycle,
    /// The number of the last attempt that was reported: 0 or 1, since the machine's is, too.
    number: u64,
    will: Will,
    paused: bool,
    /// The connection ended in a pause, and this is not reported yet.
    paused_at_loss: bool,
    // The open connection:
    age: u8,
    probe: Probe,
    /// Since the last activity: a frame, accepted bytes, the end of a pause, or reading again.
    still: u8,
    /// While a write is blocked: the time in which frames were read and no byte was accepted.
    stuck: Option<Stuck>,
    /// The close frame was requested.
    closes: bool,
    /// A verdict on the heartbeat was due, and the connection was kept.
    put_off: bool,
    /// The same for a verdict on a blocked write.
    stuck_put_off: bool,
    /// The silence was reported, and nothing was heard since.
    silence_reported: bool,
    /// Probes in a row that were not answered, before the last one.
    misses: u8,
    // The server, on connections without pings: it was seen to answer.
    answers: bool,
    // The attempts:
    last_dial: Option<u8>,
    attempt: u8,
    /// The next attempt replaces a connection.
    replaces: bool,
    /// The next verdict begins with fresh delays.
    fresh: bool,
    flaps: u8,
    had_connection: bool,
    down: u8,
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

/// The last probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Probe {
    /// There is none, or it was answered.
    None,
    /// It was requested. `heard`: proof of life came since. `before`: proof of life came, and then
    /// another was wanted. The peer may have answered a probe before its flush is complete.
    Asked { wait: u8, since: u8, heard: bool, before: bool },
    /// It was written. `due`: the steps to the deadline of its answer, at least. `unread`: nothing
    /// was read for some time since then, or its answer may have come before.
    Written { wait: u8, due: i8, unread: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stuck {
    time: u8,
    /// The driver has looked at the count of acknowledged bytes.
    watched: bool,
}

impl Stuck {
    const NEW: Self = Self { time: 0, watched: false };
}

/// The whole steps in a time.
pub(crate) fn in_steps(time: Duration) -> u8 {
    u8::try_from(time.as_secs() / STEP.as_secs()).unwrap_or(u8::MAX)
}

fn timeout(rules: &Rules) -> u8 {
    in_steps(rules.heartbeat.map_or(rules.recheck, |heartbeat| heartbeat.timeout))
}

fn recheck(rules: &Rules) -> u8 {
    in_steps(rules.recheck)
}

/// Whether the server may leave heartbeats unanswered.
fn learns(setting: &Setting) -> bool {
    let optional = setting.rules.without_pings != WithoutPings::SendText;
    setting.means == Means::Messages && optional
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            cycle: Cycle::Between { retry: false },
            number: 0,
            will: Will::Run,
            paused: false,
            paused_at_loss: false,
            age: 0,
            probe: Probe::None,
            still: 0,
            stuck: None,
            closes: false,
            put_off: false,
            stuck_put_off: false,
            silence_reported: false,
            misses: 0,
            answers: false,
            last_dial: None,
            attempt: 0,
            replaces: false,
            fresh: true,
            flaps: 0,
            had_connection: false,
            down: 0,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.cycle == Cycle::Closed
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.will == Will::End
    }

    /// A verdict was due before and was put off, so the next one may end the connection.
    pub(crate) fn is_put_off(&self) -> bool {
        self.put_off || self.stuck_put_off
    }

    pub(crate) fn silence_is_reported(&self) -> bool {
        self.silence_reported
    }

    /// Forgets everything that no rule needs any more.
    pub(crate) fn make_canonical(&mut self, setting: &Setting) {
        let (rules, pace) = (&setting.rules, &setting.rules.pace);
        let limited =
            |limit: Duration| if limit == Duration::MAX { 0 } else { in_steps(limit) + 1 };
        self.number = self.number.min(1);
        self.paused_at_loss = false;
        match self.cycle {
            Cycle::Closed => {
                *self = Self { cycle: Cycle::Closed, will: Will::End, number: 1, ..Self::new() };
            }
            Cycle::Between { .. } | Cycle::Connecting => self.open(),
            Cycle::Open => {}
        }
        self.age = self.age.min(in_steps(rules.stable_after));
        self.still = self.still.min(timeout(rules).max(recheck(rules)));
        if let Some(stuck) = &mut self.stuck {
            stuck.time = stuck.time.min(limited(rules.write_timeout).max(1));
        }
        if let Some(last) = &mut self.last_dial {
            *last = (*last).min(in_steps(pace.minimum_gap));
        }
        self.down = self.down.min(limited(pace.outage_limit));
        if pace.flap_limit == u32::MAX {
            self.flaps = 0;
        }
        if !learns(setting) {
            self.answers = false;
            self.misses = 0;
        }
        self.had_connection &= pace.last_attempt != pace.last_initial_attempt;
    }

    /// A step of time passes.
    pub(crate) fn tick(&mut self, full: bool, setting: &Setting) {
        let later = |time: &mut u8| *time = (*time + 1).min(LONG);
        later(&mut self.age);
        later(&mut self.still);
        later(&mut self.down);
        if let Some(dial) = &mut self.last_dial {
            later(dial);
        }
        if let Some(stuck) = self.stuck.as_mut().filter(|_| !full) {
            later(&mut stuck.time);
        }
        match &mut self.probe {
            Probe::None => {}
            Probe::Asked { since, .. } => {
                *since = (*since + 1).min(recheck(&setting.rules).max(timeout(&setting.rules)))
            }
            Probe::Written { due, .. } => *due = (*due - 1).max(0),
        }
    }

    /// The machine gets this input now.
    pub(crate) fn input(&mut self, input: Input, machine: &Machine, setting: &Setting) {
        let rules = &setting.rules;
        if machine.phase() == Phase::Idle {
            self.down = 0;
        }
        match input {
            Input::Deadline => self.deadline(machine, setting),
            Input::Connected => self.open(),
            Input::Ended | Input::GivenUp | Input::PeerClosed { .. } => {
                self.paused_at_loss = self.paused;
            }
            Input::Frame { life } => self.frame(life),
            Input::ProbeWritten { longest } => {
                let full = machine.intake().is_full();
                self.probe_written(longest, full);
            }
            Input::Blocked => self.stuck = self.stuck.or(Some(Stuck::NEW)),
            Input::Progress => {
                self.accepted();
                self.moved();
            }
            Input::Acknowledged { before_probe } => {
                if self.stuck.is_some_and(|stuck| stuck.watched) {
                    self.accepted();
                }
                if before_probe {
                    self.moved();
                }
            }
            Input::Flushed | Input::Written { .. } => self.stuck = None,
            Input::Intake(Intake::Full) => {
                if let Probe::Written { unread, .. } = &mut self.probe {
                    *unread = true;
                }
            }
            Input::Intake(_) => self.still = 0,
            Input::Reply => self.answers = true,
            Input::Close | Input::Abort => self.will = Will::End,
            Input::Probe => self.check_soon(recheck(rules)),
            Input::Pause => self.pause(),
            Input::Resume => self.resume(machine, recheck(rules)),
            _ => {}
        }
    }

    fn deadline(&mut self, machine: &Machine, setting: &Setting) {
        if machine.phase() != Phase::Open || machine.intake().is_full() {
            return;
        }
        if machine.verdict_is_due(crate::machine::NOW) {
            self.put_off |= self.probe != Probe::None || self.stuck.is_none();
            let limit = in_steps(setting.rules.write_timeout);
            self.stuck_put_off |= self.stuck.is_some_and(|stuck| stuck.time >= limit);
        }
        if let Some(stuck) = &mut self.stuck {
            stuck.watched |= stuck.time > 0;
        }
    }

    fn open(&mut self) {
        self.age = 0;
        self.probe = Probe::None;
        self.still = 0;
        self.stuck = None;
        self.closes = false;
        self.put_off = false;
        self.stuck_put_off = false;
        self.silence_reported = false;
        self.misses = 0;
    }

    fn frame(&mut self, life: bool) {
        self.still = 0;
        self.misses = 0;
        if !life {
            return;
        }
        self.silence_reported = false;
        self.answers |= self.probe != Probe::None;
        match &mut self.probe {
            Probe::Asked { heard, .. } => *heard = true,
            Probe::None | Probe::Written { .. } => {
                self.probe = Probe::None;
                self.put_off = false;
            }
        }
    }

    fn probe_written(&mut self, longest: Option<u32>, full: bool) {
        let Probe::Asked { wait, heard, before, .. } = self.probe else { return };
        if heard {
            self.probe = Probe::None;
            self.put_off = false;
            return;
        }
        let wait = longest.map_or(wait, |longest| wait.min(longest as u8));
        self.probe = Probe::Written { wait, due: wait as i8, unread: full || before };
    }

    /// Bytes of a blocked write were accepted.
    fn accepted(&mut self) {
        if let Some(stuck) = &mut self.stuck {
            *stuck = Stuck::NEW;
            self.stuck_put_off = false;
        }
    }

    /// Accepted bytes extend the deadline of the answer.
    fn moved(&mut self) {
        self.still = 0;
        if let Probe::Written { wait, due, .. } = &mut self.probe {
            *due = (*due).max(*wait as i8);
        }
    }

    /// The user wants to know soon whether the connection is alive.
    fn check_soon(&mut self, recheck: u8) {
        match &mut self.probe {
            Probe::None => {}
            Probe::Asked { wait, heard, before, .. } => {
                *wait = recheck.min(*wait);
                *before |= std::mem::take(heard);
            }
            Probe::Written { due, .. } => *due = (*due).min(recheck as i8),
        }
    }

    fn pause(&mut self) {
        self.paused = true;
        if let Cycle::Between { retry } = &mut self.cycle {
            *retry = false;
            self.replaces = false;
        }
    }

    fn resume(&mut self, machine: &Machine, recheck: u8) {
        self.paused = false;
        if machine.phase() != Phase::Paused {
            return;
        }
        if machine.may_write() {
            self.still = 0;
            self.accepted();
            if let Probe::Asked { wait, since, heard, before } = &mut self.probe {
                (*wait, *since) = (recheck, 0);
                *before |= std::mem::take(heard);
            }
        } else {
            self.down = 0;
        }
    }

    /// The machine requested a probe after this input.
    pub(crate) fn probe_asked(&mut self, setting: &Setting, after: Input) {
        let (timeout, recheck) = (timeout(&setting.rules), recheck(&setting.rules));
        let regular = after == Input::Deadline && self.probe == Probe::None && !self.put_off;
        let wait = if regular { timeout } else { recheck.min(timeout) };
        if let Probe::Written { due: 0, .. } = self.probe {
            self.misses = (self.misses + 1).min(MANY);
        }
        self.probe = Probe::Asked { wait, since: 0, heard: false, before: false };
        // A verdict on the last probe was put off, and this one is judged in any case.
        self.put_off |= after == Input::CaughtUp;
    }

    pub(crate) fn close_asked(&mut self) {
        self.closes = true;
    }

    /// The machine drops the connection for this loss.
    pub(crate) fn judge(&self, loss: Loss, setting: &Setting, full: bool, broken: &mut Broken) {
        let judged =
            matches!(loss, Loss::HeartbeatTimeout(_) | Loss::WriteStalled(_) | Loss::MaxAge);
        broken.unless(!(judged && (full || self.paused)), Rule::BackPressure);
        match loss {
            Loss::HeartbeatTimeout(_) => match self.probe {
                Probe::Written { due, unread, .. } => {
                    broken.unless(due <= 0, Rule::Life);
                    broken.unless(!unread, Rule::BackPressure);
                    let row = self.misses + 1 >= 3;
                    broken.unless(self.answers || row || !learns(setting), Rule::Learning);
                }
                Probe::None | Probe::Asked { .. } => broken.unless(false, Rule::Life),
            },
            Loss::WriteStalled(_) => {
                let limit = in_steps(setting.rules.write_timeout);
                let stuck = self.stuck.is_some_and(|stuck| stuck.time >= limit);
                let unwritten = match self.probe {
                    Probe::Asked { wait, since, .. } => since.min(self.still) >= wait,
                    Probe::None | Probe::Written { .. } => false,
                };
                broken.unless(stuck || unwritten, Rule::Stalled);
            }
            _ => {}
        }
    }

    /// An attempt begins.
    pub(crate) fn dialled(&mut self, dial: Dial, setting: &Setting, broken: &mut Broken) {
        let pace = &setting.rules.pace;
        broken.unless(self.will == Will::Run && !self.paused, Rule::Will);
        let expected = match self.last_dial {
            None => 0,
            Some(_) if self.replaces => 0,
            Some(_) => self.attempt + 1,
        };
        let number = dial.attempt.min(MANY.into()) as u8;
        broken.unless(number == expected.min(MANY), Rule::Stable);
        if let Some(last) = self.last_dial {
            broken.unless(STEP * u32::from(last) >= pace.minimum_gap, Rule::Pace);
        }
        let most = if self.had_connection { pace.last_attempt } else { pace.last_initial_attempt };
        broken.unless(dial.attempt <= most, Rule::Pace);
        broken.unless(u32::from(self.flaps) <= pace.flap_limit, Rule::Pace);
        broken.unless(STEP * u32::from(self.down) <= pace.outage_limit, Rule::Pace);
        self.attempt = number;
        self.replaces = false;
        self.last_dial = Some(0);
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
                self.silence_reported = true;
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
                self.down = 0;
            }
            Transition::Lost { connection, opened, loss, .. } => {
                let expected = if opened { Cycle::Open } else { Cycle::Connecting };
                unless(self.cycle == expected && connection == self.number);
                unless(loss != Loss::Ended);
                self.cycle = Cycle::Between { retry: !self.paused && !self.paused_at_loss };
                self.lost(opened, loss, setting);
                if let Some(fresh) = fresh {
                    broken.unless(fresh == self.fresh, Rule::Stable);
                    self.fresh = false;
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

    fn lost(&mut self, opened: bool, loss: Loss, setting: &Setting) {
        let rules = &setting.rules;
        let old = STEP * u32::from(self.age) >= rules.stable_after;
        let stable = opened && (old || self.closes);
        let wanted = matches!(loss, Loss::Replaced | Loss::Paused | Loss::MaxAge);
        if opened && !self.had_connection {
            self.had_connection = true;
            if rules.pace.last_attempt != rules.pace.last_initial_attempt {
                self.attempt = 0;
            }
        }
        if stable {
            self.attempt = 0;
            self.fresh = true;
            self.flaps = 0;
        } else if opened && !wanted {
            self.flaps = (self.flaps + 1).min(MANY);
        }
        if matches!(loss, Loss::Replaced | Loss::MaxAge) {
            self.attempt = 0;
            self.fresh = true;
            self.replaces = !self.paused;
        }
        if opened {
            self.down = 0;
        }
    }
}
