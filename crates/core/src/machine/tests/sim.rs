//! A [`Machine`] with a simulated driver: it gets inputs, is drained after each input, and its
//! outputs are recorded with their times.

use std::time::Duration;

use crate::{
    config::{ConnectTimeout, Trigger},
    machine::{
        Action, Decision, End, HeartbeatRules, Intake, Loss, Machine, Means, Pace, Rules,
        Transition, WithoutPings,
    },
    time::Timestamp,
};

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_epoch(ms(millis))
}

pub(super) fn in_millis(at: Timestamp) -> u64 {
    u64::try_from(at.since_epoch().as_millis()).unwrap_or(u64::MAX)
}

/// The original's numbers, with a minimum gap and the deadlines that it lacks.
pub(super) fn rules() -> Rules {
    Rules {
        heartbeat: Some(HeartbeatRules {
            trigger: Trigger::Idle,
            every: ms(15_000),
            timeout: ms(10_000),
            max_missed: 0,
            slot: ms(0),
        }),
        without_pings: WithoutPings::Watch { silence: ms(60_000) },
        recheck: ms(5_000),
        stable_after: ms(5_000),
        connect_timeout: ConnectTimeout::fixed(ms(10_000)),
        close_timeout: ms(5_000),
        write_timeout: Duration::MAX,
        pace: Pace {
            minimum_gap: ms(100),
            outage_limit: Duration::MAX,
            last_attempt: u32::MAX,
            last_initial_attempt: None,
            flap_limit: u32::MAX,
        },
    }
}

/// An output. The log has the order in which the driver fetches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Did(Action),
    Told(Transition),
}

pub(super) struct Sim {
    pub(super) machine: Machine,
    pub(super) now: Timestamp,
    pub(super) log: Vec<(u64, Output)>,
    /// The answer to each request for a decision.
    pub(super) decision: Decision,
    /// Whether a probe is written as soon as it is requested.
    pub(super) writes_probes: bool,
    /// The kind of probe that connections can send.
    pub(super) means: Means,
    /// How old connections may become.
    pub(super) max_age: Option<Duration>,
}

impl Sim {
    /// Not started.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            machine: Machine::new(rules),
            now: Timestamp::EPOCH,
            log: Vec::new(),
            decision: Decision::Retry(ms(2_000)),
            writes_probes: true,
            means: Means::Pings,
            max_age: None,
        }
    }

    /// Dialled at 0 ms.
    pub(super) fn connecting(rules: Rules) -> Self {
        let mut sim = Self::new(rules);
        sim.feed(Machine::handle_start);
        sim.feed(Machine::handle_deadline);
        sim
    }

    /// Dialled and open at 0 ms, with an empty log.
    pub(super) fn open(rules: Rules) -> Self {
        let mut sim = Self::connecting(rules);
        sim.connected();
        sim.log.clear();
        sim
    }

    /// Gives the machine an input at the present time, and fetches all outputs.
    pub(super) fn feed(&mut self, input: impl FnOnce(&mut Machine, Timestamp)) {
        input(&mut self.machine, self.now);
        self.drain();
    }

    pub(super) fn connected(&mut self) {
        let (number, means, max_age) = (self.machine.connection(), self.means, self.max_age);
        self.feed(|machine, now| machine.handle_connected(now, number, means, max_age));
    }

    pub(super) fn ended(&mut self) {
        let number = self.machine.connection();
        self.feed(|machine, now| machine.handle_ended(now, number));
    }

    /// A frame of the current connection that is proof of life.
    pub(super) fn life(&mut self) {
        let number = self.machine.connection();
        self.feed(|machine, now| machine.handle_frame(now, number, true));
    }

    pub(super) fn intake(&mut self, intake: Intake) {
        self.feed(|machine, now| machine.handle_intake(now, intake));
    }

    /// All available frames were read.
    pub(super) fn caught_up(&mut self) {
        let number = self.machine.connection();
        self.feed(|machine, now| machine.handle_caught_up(now, number));
    }

    /// Runs to this time, with a stop at each deadline.
    pub(super) fn run_to(&mut self, millis: u64) {
        let end = at(millis);
        for _ in 0..100_000 {
            match self.machine.poll_deadline().filter(|deadline| *deadline <= end) {
                Some(deadline) => self.now = self.now.max(deadline),
                None => {
                    self.now = end;
                    return;
                }
            }
            self.feed(Machine::handle_deadline);
        }
        panic!("no end of deadlines before {end}");
    }

    /// Jumps to this time, as after a stall.
    pub(super) fn jump_to(&mut self, millis: u64) {
        self.now = at(millis);
        self.feed(Machine::handle_deadline);
    }

    pub(super) fn drain(&mut self) {
        let millis = in_millis(self.now);
        loop {
            if let Some(action) = self.machine.poll_action() {
                self.log.push((millis, Output::Did(action)));
                match action {
                    Action::AskVerdict { .. } => {
                        self.machine.handle_decision(self.now, self.decision)
                    }
                    Action::Replace => {
                        self.machine.handle_decision(self.now, Decision::Retry(Duration::ZERO));
                    }
                    Action::Probe if self.writes_probes => {
                        let number = self.machine.connection();
                        self.machine.handle_probe_written(self.now, number, None);
                    }
                    Action::Drain | Action::EndDrain => self.machine.handle_drained(),
                    _ => {}
                }
            } else if let Some(transition) = self.machine.poll_event() {
                self.log.push((millis, Output::Told(transition)));
            } else {
                return;
            }
        }
    }

    /// The times of this action, in milliseconds.
    pub(super) fn times(&self, wanted: impl Fn(Action) -> bool) -> Vec<u64> {
        let did = self.log.iter().filter_map(|(millis, output)| match output {
            Output::Did(action) if wanted(*action) => Some(*millis),
            _ => None,
        });
        did.collect()
    }

    pub(super) fn probes(&self) -> Vec<u64> {
        self.times(|action| action == Action::Probe)
    }

    pub(super) fn dials(&self) -> Vec<u64> {
        self.times(|action| matches!(action, Action::Dial(_)))
    }

    pub(super) fn losses(&self) -> Vec<(u64, Loss)> {
        let told = self.log.iter().filter_map(|(millis, output)| match output {
            Output::Told(Transition::Lost { loss, .. }) => Some((*millis, *loss)),
            _ => None,
        });
        told.collect()
    }

    pub(super) fn closed(&self) -> Vec<(u64, End)> {
        let told = self.log.iter().filter_map(|(millis, output)| match output {
            Output::Told(Transition::Closed(end)) => Some((*millis, *end)),
            _ => None,
        });
        told.collect()
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.machine.poll_deadline().map(in_millis)
    }
}
