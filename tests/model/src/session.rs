//! The model of a session: [`Session`].

use stateright::{Model, Property};

use crate::{
    driver::Driver,
    input::{self, Input},
    machine::{Machine, NOW},
    prospects,
    rule::{Broken, Rule},
    setting::{STEP, Setting},
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
    pub(crate) fn new(setting: &Setting) -> Self {
        let mut machine = Machine::new(setting.rules);
        machine.make_canonical(NOW);
        let broken = Broken::default();
        Self { machine, driver: Driver::new(), watch: Watch::NEW, broken }
    }

    /// Gives the machine an input. Its outputs are not fetched.
    fn give(&mut self, input: Input, setting: &Setting) {
        self.watch.input(input, &self.machine, setting);
        self.driver.input(input);
        if input == Input::Tick {
            self.machine.make_canonical(NOW.checked_add(STEP).unwrap_or(NOW));
            self.watch.tick(self.machine.intake().is_full());
        } else {
            input.apply(&mut self.machine, NOW, setting);
        }
    }

    /// The state after this input.
    pub(crate) fn after(&self, input: Input, setting: &Setting) -> Self {
        let mut next = self.clone();
        next.give(input, setting);
        if setting.scope.pairs && self.driver.unfetched.is_none() && input.is_deferred(&self.driver)
        {
            next.driver.unfetched = Some(input);
            return next;
        }
        // Of two inputs, the one that may have requested a probe.
        let cause = match self.driver.unfetched {
            Some(first) if input == Input::Fetch || first == Input::CaughtUp => first,
            _ => input,
        };
        next.fetch(setting, cause);
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
        Life Clock Busy BackPressure Stalled Waits Death Stable Will Old Late Learning Backward Never
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
