//! The driver, as far as the machine depends on it: [`Driver`].

use std::time::Duration;

use crate::{
    input::Input,
    machine::{Action, Decision, Loss, Transition},
    rule::Rule,
    session::World,
    setting::Setting,
};

/// The state of the driver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Driver {
    pub(crate) started: bool,
    pub(crate) link: Link,
    /// A connection that the peer closed still writes its reply.
    pub(crate) draining: bool,
    /// A probe was requested and is not written.
    pub(crate) probe: bool,
    pub(crate) writes: Writes,
    /// The machine waits for a decision.
    pub(crate) owes_decision: bool,
    /// The decision is about a replacement.
    pub(crate) replaces: bool,
    /// The shared budget has not planned the attempt, or there is no delay that ends.
    pub(crate) is_held: bool,
    /// The last input, if its outputs are not fetched.
    pub(crate) unfetched: Option<Input>,
}

/// The connection of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    None,
    Attempt,
    Open,
}

/// The writes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Writes {
    None,
    Handed,
    Blocked,
}

impl Driver {
    pub(crate) fn new() -> Self {
        Self {
            started: false,
            link: Link::None,
            draining: false,
            probe: false,
            writes: Writes::None,
            owes_decision: false,
            replaces: false,
            is_held: false,
            unfetched: None,
        }
    }

    /// The driver does its part of an input.
    pub(crate) fn input(&mut self, input: Input) {
        match input {
            Input::Start => self.started = true,
            Input::Connected => self.link = Link::Open,
            Input::Ended | Input::GivenUp => self.drop_link(),
            Input::PeerClosed { flushed } => {
                self.drop_link();
                self.draining = !flushed;
            }
            Input::Drained => self.draining = false,
            Input::ProbeWritten { .. } => self.probe = false,
            Input::Handed => self.writes = Writes::Handed,
            Input::Blocked => self.writes = Writes::Blocked,
            Input::Flushed | Input::Written { .. } => self.writes = Writes::None,
            Input::Decide(decision) => {
                self.owes_decision = false;
                self.is_held = decision == Decision::Retry(Duration::MAX);
            }
            Input::Postponed(delay) => self.is_held = delay.is_none(),
            _ => {}
        }
    }

    /// The connection or the attempt is dropped.
    fn drop_link(&mut self) {
        self.link = Link::None;
        self.probe = false;
        self.writes = Writes::None;
    }
}

impl World {
    /// Fetches all outputs of the machine and carries them out. `after`: the last input.
    pub(crate) fn fetch(&mut self, setting: &Setting, after: Input) {
        self.driver.unfetched = None;
        let (mut fresh, mut outputs) = (None, 0);
        loop {
            outputs += 1;
            if outputs > 16 {
                self.broken.unless(false, Rule::Actions);
                return;
            }
            if let Some(action) = self.machine.poll_action() {
                if let Action::AskVerdict { fresh: asked, .. } = action {
                    fresh = Some(asked);
                }
                self.carry_out(action, setting, after);
            } else if let Some(transition) = self.machine.poll_event() {
                let fresh = fresh.filter(|_| matches!(transition, Transition::Lost { .. }));
                self.watch.report(transition, fresh, setting, &mut self.broken);
                if matches!(transition, Transition::Closed(_)) {
                    self.driver.owes_decision = false;
                }
            } else {
                break;
            }
        }
        self.broken.unless(self.machine.is_closed() == self.watch.is_over(), Rule::Grammar);
    }

    fn carry_out(&mut self, action: Action, setting: &Setting, after: Input) {
        let Self { machine, driver, watch, broken } = self;
        let ends = matches!(action, Action::EndDrain | Action::Abandon(Loss::Ended));
        broken.unless(!watch.is_over() || ends, Rule::Actions);
        match action {
            Action::Abandon(loss) => {
                let live = driver.link != Link::None || loss == Loss::Ended;
                broken.unless(live, Rule::Actions);
                watch.judge(loss, setting, machine.intake().is_full(), broken);
                driver.draining = false;
                driver.drop_link();
            }
            Action::Drain => {
                if !driver.draining {
                    machine.handle_drained();
                }
            }
            Action::EndDrain => driver.draining = false,
            Action::AskVerdict { .. } | Action::Replace => {
                let owes = driver.link != Link::None || driver.owes_decision;
                broken.unless(!owes, Rule::Actions);
                driver.owes_decision = true;
                driver.replaces = action == Action::Replace;
            }
            Action::Dial(dial) => {
                let free = driver.link == Link::None && !driver.draining;
                broken.unless(free, Rule::Actions);
                broken.unless(dial.deadline.is_some(), Rule::Waits);
                driver.link = Link::Attempt;
                driver.is_held = false;
                watch.dialled(dial, setting, broken);
            }
            Action::Probe => {
                let free = driver.link == Link::Open && !driver.probe;
                broken.unless(free && !watch.is_ending(), Rule::Actions);
                driver.probe = true;
                watch.probe_asked(setting, after);
            }
            Action::SendClose => {
                broken.unless(driver.link == Link::Open, Rule::Actions);
                let waits = machine.intake().is_full() && !watch.is_ending();
                broken.unless(!waits, Rule::BackPressure);
                watch.close_asked();
            }
        }
    }
}
