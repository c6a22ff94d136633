//! The model of a session: [`Session`].

use stateright::{Model, Property};

use crate::{
    driver::{Driver, Link, Writes},
    input::{self, Input},
    machine::{Decision, Machine, NOW},
    prospects,
    rule::{Broken, Rule},
    setting::{STEP, Setting, steps},
    watch::Watch,
};

/// All behaviours of a session with one setting.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) setting: Setting,
}

/// The machine, its environment, and the history that the rules need.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) driver: Driver,
    pub(crate) watch: Watch,
    pub(crate) broken: Broken,
}

impl World {
    fn new(setting: &Setting) -> Self {
        let mut machine = Machine::new(setting.rules);
        machine.make_canonical(NOW);
        let broken = Broken::default();
        Self { machine, driver: Driver::new(), watch: Watch::new(), broken }
    }

    fn give(&mut self, input: Input, setting: &Setting) {
        let (machine, driver, now) = (&mut self.machine, &mut self.driver, NOW);
        let number = machine.connection();
        self.watch.input(input, machine, setting);
        match input {
            Input::Tick => {
                machine.make_canonical(now.checked_add(STEP).unwrap_or(now));
                self.watch.tick(machine.intake().is_full(), setting);
            }
            Input::Deadline => machine.handle_deadline(now),
            Input::Start => {
                driver.started = true;
                machine.handle_start(now);
            }
            Input::Connected => {
                driver.link = Link::Open;
                machine.handle_connected(now, number, setting.means, setting.max_age);
            }
            Input::Ended => {
                driver.drop_link();
                machine.handle_ended(now, number);
            }
            Input::GivenUp => {
                driver.drop_link();
                machine.handle_given_up(now, number);
            }
            Input::PeerClosed { flushed } => {
                driver.drop_link();
                driver.draining = !flushed;
                machine.handle_peer_closed(now, number);
            }
            Input::Drained => {
                driver.draining = false;
                machine.handle_drained();
            }
            Input::Frame { life } => machine.handle_frame(now, number, life),
            Input::Reply => machine.handle_reply(number),
            Input::ProbeWritten { longest } => {
                driver.probe = false;
                machine.handle_probe_written(now, number, longest.map(steps));
            }
            Input::CaughtUp => machine.handle_caught_up(now, number),
            Input::Handed => {
                driver.writes = Writes::Handed;
                machine.handle_handed(number);
            }
            Input::Blocked => {
                driver.writes = Writes::Blocked;
                machine.handle_write_blocked(now, number);
            }
            Input::Progress => machine.handle_write_progress(now, number),
            Input::Acknowledged { before_probe } => {
                machine.handle_acknowledged(now, number, before_probe);
            }
            Input::Flushed => {
                driver.writes = Writes::None;
                machine.handle_flushed(now, number);
            }
            Input::Written { by_ping } => {
                driver.writes = Writes::None;
                machine.handle_flushed(now, number);
                machine.handle_written(now, number, by_ping);
            }
            Input::Intake(intake) => machine.handle_intake(now, intake),
            Input::Decide(decision) => {
                driver.owes_decision = false;
                driver.is_held = decision == Decision::Retry(std::time::Duration::MAX);
                machine.handle_decision(now, decision);
            }
            Input::Postponed(delay) => {
                driver.is_held = delay.is_none();
                let until = delay.and_then(|delay| now.checked_add(steps(delay)));
                machine.handle_postponed(now, until);
            }
            Input::Close => machine.handle_close(now),
            Input::Abort => machine.handle_abort(now),
            Input::Reconnect => machine.handle_reconnect_now(now),
            Input::Probe => machine.handle_probe_now(now),
            Input::Pause => machine.handle_pause(now),
            Input::Resume => machine.handle_resume(now),
            Input::Panicked => machine.handle_panicked(now),
            Input::Fetch => {}
        }
    }

    /// The state after this input.
    fn after(&self, input: Input, setting: &Setting) -> Self {
        let mut next = self.clone();
        next.give(input, setting);
        if setting.scope.pairs && self.driver.unfetched.is_none() && input.is_deferred(&self.driver)
        {
            next.driver.unfetched = Some(input);
            return next;
        }
        next.fetch(setting, input);
        next.machine.make_canonical(NOW);
        next.watch.make_canonical(setting);
        if !next.machine.is_waiting() {
            next.driver.is_held = false;
        }
        next
    }
}

/// The rule is broken on no path to this state, and on no path of interest from it.
fn always(rule: Rule) -> Property<Session> {
    macro_rules! conditions {
        ($($rule:ident)*) => {
            match rule {
                $(Rule::$rule => |session: &Session, world: &World| {
                    !world.broken.contains(Rule::$rule)
                        && prospects::hold(Rule::$rule, world, &session.setting)
                },)*
            }
        };
    }
    let condition: fn(&Session, &World) -> bool = conditions! {
        Life Clock Busy BackPressure Stalled Waits Death Stable Will Old Late Burst Backward Never
        Grammar Actions Pace
    };
    Property::always(rule.name(), condition)
}

impl Model for Session {
    type State = World;
    type Action = Input;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.setting)]
    }

    fn actions(&self, world: &World, inputs: &mut Vec<Input>) {
        input::possible(world, &self.setting, inputs);
    }

    fn next_state(&self, world: &World, input: Input) -> Option<World> {
        Some(world.after(input, &self.setting))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Rule::ALL.map(always).into()
    }
}
