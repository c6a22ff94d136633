//! The inputs of the machine: [`Input`].
//!
//! In each state the environment may choose any input that the driver can give: the peer, the
//! network, the user and the clock are adversaries.

use std::time::Duration;

use crate::{
    driver::{Driver, Link, Writes},
    machine::{Decision, Intake, Machine, Means, NOW},
    session::World,
    setting::{Setting, steps},
    time::Timestamp,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    /// A step of time passes. Deadlines that are due stay unseen.
    Tick,
    /// The driver wakes and lets the machine judge.
    Deadline,
    Start,
    Connected,
    Ended,
    GivenUp,
    /// `flushed`: the reply to the close frame is written at once.
    PeerClosed {
        flushed: bool,
    },
    Drained,
    Frame {
        life: bool,
    },
    Reply,
    ProbeWritten {
        longest: Option<u32>,
    },
    CaughtUp,
    Handed,
    Blocked,
    Progress,
    Acknowledged {
        before_probe: bool,
    },
    Flushed,
    Written {
        by_ping: bool,
    },
    Intake(Intake),
    Decide(Decision),
    Postponed(Option<u32>),
    Close,
    Abort,
    Reconnect,
    Probe,
    Pause,
    Resume,
    Panicked,
    /// The driver fetches the outputs of the last input. Usually it does so after each input.
    Fetch,
}

impl Input {
    /// Gives the machine this input at this time.
    pub(crate) fn apply(self, machine: &mut Machine, now: Timestamp, setting: &Setting) {
        let number = machine.connection();
        match self {
            Self::Tick | Self::Fetch => {}
            Self::Deadline => machine.handle_deadline(now),
            Self::Start => machine.handle_start(now),
            Self::Connected => {
                machine.handle_connected(now, number, setting.means, setting.max_age);
            }
            Self::Ended => machine.handle_ended(now, number),
            Self::GivenUp => machine.handle_given_up(now, number),
            Self::PeerClosed { .. } => machine.handle_peer_closed(now, number),
            Self::Drained => machine.handle_drained(),
            Self::Frame { life } => machine.handle_frame(now, number, life),
            Self::Reply => machine.handle_reply(number),
            Self::ProbeWritten { longest } => {
                machine.handle_probe_written(now, number, longest.map(steps));
            }
            Self::CaughtUp => machine.handle_caught_up(now, number),
            Self::Handed => machine.handle_handed(number),
            Self::Blocked => machine.handle_write_blocked(now, number),
            Self::Progress => machine.handle_write_progress(now, number),
            Self::Acknowledged { before_probe } => {
                machine.handle_acknowledged(now, number, before_probe);
            }
            Self::Flushed => machine.handle_flushed(now, number),
            Self::Written { by_ping } => {
                machine.handle_flushed(now, number);
                machine.handle_written(now, number, by_ping);
            }
            Self::Intake(intake) => machine.handle_intake(now, intake),
            Self::Decide(decision) => machine.handle_decision(now, decision),
            Self::Postponed(delay) => {
                let until = delay.and_then(|delay| now.checked_add(steps(delay)));
                machine.handle_postponed(now, until);
            }
            Self::Close => machine.handle_close(now),
            Self::Abort => machine.handle_abort(now),
            Self::Reconnect => machine.handle_reconnect_now(now),
            Self::Probe => machine.handle_probe_now(now),
            Self::Pause => machine.handle_pause(now),
            Self::Resume => machine.handle_resume(now),
            Self::Panicked => machine.handle_panicked(now),
        }
    }

    /// Returns whether another input may follow before the outputs are fetched: the driver fetches
    /// them after it has taken all commands, and after it has written, read and judged.
    pub(crate) fn is_deferred(self, driver: &Driver) -> bool {
        match self {
            Self::Ended | Self::GivenUp => driver.link == Link::Open,
            Self::PeerClosed { .. } | Self::Drained | Self::CaughtUp | Self::Postponed(_) => true,
            Self::Close | Self::Abort | Self::Panicked | Self::Pause | Self::Resume => true,
            _ => false,
        }
    }

    fn is_command(self) -> bool {
        matches!(
            self,
            Self::Close | Self::Abort | Self::Pause | Self::Resume | Self::Reconnect | Self::Probe
        )
    }

    /// Returns whether this input may follow a deferred one directly.
    fn follows(self, first: Self) -> bool {
        match first {
            // The order in which the driver takes commands.
            Self::Close => self.is_command() && self != Self::Close,
            Self::Abort => self.is_command() && !matches!(self, Self::Close | Self::Abort),
            Self::Pause | Self::Resume => matches!(self, Self::Reconnect | Self::Probe),
            _ => true,
        }
    }
}

/// The inputs that are possible in this state.
pub(crate) fn possible(world: &World, setting: &Setting, inputs: &mut Vec<Input>) {
    let (driver, machine, scope) = (&world.driver, &world.machine, setting.scope);
    if !world.broken.is_empty() {
        return;
    }
    if driver.owes_decision {
        decisions(driver.replaces, inputs);
        return;
    }
    inputs.push(if driver.unfetched.is_some() { Input::Fetch } else { Input::Tick });
    let now = NOW;
    if machine.poll_deadline().is_some_and(|at| at <= now) {
        inputs.push(Input::Deadline);
    }
    if !driver.started {
        inputs.push(Input::Start);
    }
    match driver.link {
        Link::None => {}
        Link::Attempt => inputs.extend([Input::Connected, Input::Ended]),
        Link::Open => open(world, setting, inputs),
    }
    if driver.draining {
        inputs.push(Input::Drained);
    }
    if scope.full {
        let other = if machine.intake().is_full() { Intake::Storing } else { Intake::Full };
        inputs.push(Input::Intake(other));
    }
    let due = machine.next_attempt().is_some_and(|at| at <= now);
    if scope.budget && (due || driver.is_held && machine.is_waiting()) {
        inputs.extend([Input::Postponed(Some(1)), Input::Postponed(None)]);
    }
    if !machine.is_closed() {
        inputs.extend([Input::Close, Input::Abort, Input::Reconnect, Input::Probe]);
        inputs.push(Input::Panicked);
        if scope.pauses {
            inputs.extend([Input::Pause, Input::Resume]);
        }
    }
    if let Some(first) = driver.unfetched {
        inputs.retain(|input| *input == Input::Fetch || input.follows(first));
    }
}

fn decisions(replaces: bool, inputs: &mut Vec<Input>) {
    let retries = [Duration::ZERO, steps(2)].map(Decision::Retry);
    inputs.extend(retries.map(Input::Decide));
    if !replaces {
        let others = [
            Decision::Retry(Duration::MAX),
            Decision::Stop,
            Decision::NoDelayLeft,
            Decision::Panicked,
        ];
        inputs.extend(others.map(Input::Decide));
    }
}

/// The inputs of an open connection.
fn open(world: &World, setting: &Setting, inputs: &mut Vec<Input>) {
    let (driver, scope) = (&world.driver, setting.scope);
    inputs.extend([Input::Ended, Input::GivenUp]);
    if world.machine.may_read() {
        inputs.extend([true, false].map(|life| Input::Frame { life }));
        inputs.extend([true, false].map(|flushed| Input::PeerClosed { flushed }));
        inputs.push(Input::CaughtUp);
        if setting.means == Means::Messages {
            inputs.push(Input::Reply);
        }
    }
    if driver.probe && driver.writes != Writes::Blocked {
        inputs.extend([None, Some(1)].map(|longest| Input::ProbeWritten { longest }));
    }
    if scope.messages && driver.writes == Writes::None {
        inputs.push(Input::Handed);
    }
    if driver.writes == Writes::Handed {
        inputs.extend([true, false].map(|by_ping| Input::Written { by_ping }));
    }
    if !scope.blocks {
        return;
    }
    if driver.writes == Writes::Blocked {
        inputs.extend([Input::Progress, Input::Flushed]);
    } else {
        inputs.push(Input::Blocked);
    }
    inputs.extend([true, false].map(|before_probe| Input::Acknowledged { before_probe }));
}
