//! The knowledge of an observer about the open connection: [`Observed`].

use crate::{
    input::Input,
    machine::{Intake, Loss, Machine, Means, NOW, WithoutPings},
    rule::{Broken, Rule},
    setting::{Setting, in_steps, recheck, timeout},
    status::Phase,
};

/// An open connection. Times are in steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Observed {
    pub(super) age: u8,
    probe: Probe,
    /// Since the last activity: a frame, accepted bytes, the end of a pause, or reading again.
    still: u8,
    /// While a write is blocked: the time in which frames were read and no byte was accepted.
    stuck: Option<Stuck>,
    /// The close frame was requested.
    pub(super) closes: bool,
    /// A verdict on the heartbeat was due, and the connection was kept.
    put_off: bool,
    /// The same for a verdict on a blocked write.
    stuck_put_off: bool,
    /// The silence was reported, and nothing was heard since.
    pub(super) silence_reported: bool,
    /// Probes in a row that were not answered, before the last one.
    misses: u8,
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

/// Whether the server may leave heartbeats unanswered.
pub(super) fn learns(setting: &Setting) -> bool {
    let optional = setting.rules.without_pings != WithoutPings::SendText;
    setting.means == Means::Messages && optional
}

impl Observed {
    pub(super) const NEW: Self = Self {
        age: 0,
        probe: Probe::None,
        still: 0,
        stuck: None,
        closes: false,
        put_off: false,
        stuck_put_off: false,
        silence_reported: false,
        misses: 0,
    };

    /// A verdict was due before and was put off, so the next one may end the connection.
    pub(super) fn is_put_off(&self) -> bool {
        self.put_off || self.stuck_put_off
    }

    /// Proof of life now is the answer to a probe.
    pub(super) fn awaits_answer(&self) -> bool {
        self.probe != Probe::None
    }

    pub(super) fn make_canonical(&mut self, setting: &Setting) {
        let rules = &setting.rules;
        let longest = timeout(rules).max(recheck(rules));
        self.age = self.age.min(in_steps(rules.stable_after));
        self.still = self.still.min(longest);
        if let Some(stuck) = &mut self.stuck {
            stuck.time = stuck.time.min(in_steps(rules.write_timeout));
        }
        if let Probe::Asked { since, .. } = &mut self.probe {
            *since = (*since).min(longest);
        }
        if !learns(setting) {
            self.misses = 0;
        }
    }

    /// A step of time passes.
    pub(super) fn tick(&mut self, full: bool) {
        self.age += 1;
        self.still += 1;
        if let Some(stuck) = self.stuck.as_mut().filter(|_| !full) {
            stuck.time = stuck.time.saturating_add(1);
        }
        match &mut self.probe {
            Probe::None => {}
            Probe::Asked { since, .. } => *since += 1,
            Probe::Written { due, .. } => *due = (*due - 1).max(0),
        }
    }

    /// The machine gets this input now.
    pub(super) fn input(&mut self, input: Input, machine: &Machine, setting: &Setting) {
        match input {
            Input::Deadline => self.deadline(machine, setting),
            Input::Connected => *self = Self::NEW,
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
            Input::Probe => self.check_soon(recheck(&setting.rules)),
            Input::Resume if machine.phase() == Phase::Paused => {
                self.resume(recheck(&setting.rules));
            }
            _ => {}
        }
    }

    fn deadline(&mut self, machine: &Machine, setting: &Setting) {
        if machine.phase() != Phase::Open || machine.intake().is_full() {
            return;
        }
        if machine.verdict_is_due(NOW) {
            self.put_off |= self.probe != Probe::None || self.stuck.is_none();
            let limit = in_steps(setting.rules.write_timeout);
            self.stuck_put_off |= self.stuck.is_some_and(|stuck| stuck.time >= limit);
        }
        if let Some(stuck) = &mut self.stuck {
            stuck.watched |= stuck.time > 0;
        }
    }

    fn frame(&mut self, life: bool) {
        self.still = 0;
        self.misses = 0;
        if !life {
            return;
        }
        self.silence_reported = false;
        self.put_off = false;
        match &mut self.probe {
            Probe::Asked { heard, .. } => *heard = true,
            Probe::None | Probe::Written { .. } => self.probe = Probe::None,
        }
    }

    fn probe_written(&mut self, longest: Option<u32>, full: bool) {
        let Probe::Asked { wait, heard, before, .. } = self.probe else { return };
        if heard {
            self.probe = Probe::None;
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

    fn resume(&mut self, recheck: u8) {
        self.still = 0;
        self.accepted();
        if let Probe::Asked { wait, since, heard, before } = &mut self.probe {
            (*wait, *since) = (recheck, 0);
            *before |= std::mem::take(heard);
        }
    }

    /// The machine requested a probe after this input.
    pub(super) fn probe_asked(&mut self, setting: &Setting, after: Input) {
        let (timeout, recheck) = (timeout(&setting.rules), recheck(&setting.rules));
        let regular = after == Input::Deadline && self.probe == Probe::None && !self.put_off;
        let wait = if regular { timeout } else { recheck.min(timeout) };
        if let Probe::Written { due: 0, .. } = self.probe {
            self.misses = (self.misses + 1).min(3);
        }
        self.probe = Probe::Asked { wait, since: 0, heard: false, before: false };
        // A verdict on the last probe was put off, and this one is judged in any case.
        self.put_off |= after == Input::CaughtUp;
    }

    /// The machine drops the connection for this loss. `unread`: nothing is read, or the user
    /// paused the session. `answers`: the server was seen to answer.
    pub(super) fn judge(
        &self,
        loss: Loss,
        setting: &Setting,
        (unread, answers): (bool, bool),
        broken: &mut Broken,
    ) {
        let judged =
            matches!(loss, Loss::HeartbeatTimeout(_) | Loss::WriteStalled(_) | Loss::MaxAge);
        broken.unless(!(judged && unread), Rule::BackPressure);
        match loss {
            Loss::HeartbeatTimeout(_) => match self.probe {
                Probe::Written { due, unread, .. } => {
                    broken.unless(due <= 0, Rule::Life);
                    broken.unless(!unread, Rule::BackPressure);
                    let row = self.misses + 1 >= 3;
                    broken.unless(answers || row || !learns(setting), Rule::Learning);
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
}
