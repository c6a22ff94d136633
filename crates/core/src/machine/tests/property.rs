//! Random inputs at random times. The rules hold for all of them.

use std::time::Duration;

use proptest::{prelude::*, test_runner::RngSeed};

use super::sim::{Output, Sim, in_millis, ms, rules};
use crate::{
    config::{ConnectTimeout, Trigger},
    machine::{
        Action, Decision, HeartbeatRules, Intake, Loss, Machine, Means, Pace, Rules, State,
        Transition,
    },
    time::Timestamp,
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(Wait),
    Connected { means: Means, max_age: Option<u64> },
    Ended,
    PeerClosed,
    Frame { life: bool },
    ProbeWritten { longest: Option<u64> },
    Reply,
    Handed,
    Blocked,
    Progress,
    Departed { before_probe: bool },
    Flushed,
    Written { by_ping: bool },
    GivenUp,
    Intake(Intake),
    CaughtUp,
    Reconnect,
    Probe,
    Pause,
    Resume,
    Postponed(u64),
    Late(u8, u64),
    NextRuling(Decision),
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    ToDeadline {
        off_by: i64,
    },
    For(u64),
    /// The clock goes backward.
    Back(u64),
}

fn wait() -> impl Strategy<Value = Step> {
    prop_oneof![
        (-1..=1_i64).prop_map(|off_by| Wait::ToDeadline { off_by }),
        (0..3_000_u64).prop_map(Wait::For),
        (0..7_200_000_u64).prop_map(Wait::For),
        (0..100_000_u64).prop_map(Wait::Back),
    ]
    .prop_map(Step::Wait)
}

fn means() -> impl Strategy<Value = Means> {
    prop_oneof![Just(Means::Pings), Just(Means::Messages), Just(Means::Nothing),]
}

fn step() -> impl Strategy<Value = Step> {
    let rare = prop_oneof![
        Just(Step::PeerClosed),
        Just(Step::Handed),
        Just(Step::Blocked),
        Just(Step::Progress),
        any::<bool>().prop_map(|before_probe| Step::Departed { before_probe }),
        Just(Step::Flushed),
        any::<bool>().prop_map(|by_ping| Step::Written { by_ping }),
        Just(Step::GivenUp),
        Just(Step::Intake(Intake::Taking)),
        Just(Step::Intake(Intake::Storing)),
        Just(Step::Intake(Intake::Full)),
        Just(Step::CaughtUp),
        Just(Step::Reconnect),
        Just(Step::Probe),
        Just(Step::Pause),
        Just(Step::Resume),
        (0..100_000_u64).prop_map(Step::Postponed),
        (0..10_u8, 0..3_u64).prop_map(|(input, ago)| Step::Late(input, ago)),
        (0..100_000_u64).prop_map(|delay| Step::NextRuling(Decision::Retry(ms(delay)))),
        Just(Step::Reply),
        Just(Step::NextRuling(Decision::NoDelayLeft)),
        Just(Step::NextRuling(Decision::Stop)),
    ];
    prop_oneof![
        8 => wait(),
        4 => (means(), proptest::option::of(1..200_000_u64))
            .prop_map(|(means, max_age)| Step::Connected { means, max_age }),
        2 => Just(Step::Ended),
        3 => any::<bool>().prop_map(|life| Step::Frame { life }),
        2 => proptest::option::of(1..20_000_u64)
            .prop_map(|longest| Step::ProbeWritten { longest }),
        6 => rare,
    ]
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let heartbeat = (any::<bool>(), 1..40_000_u64, 1..40_000_u64, 0..3_u32).prop_map(
        |(idle, every, timeout, max_missed)| HeartbeatRules {
            trigger: if idle { Trigger::Idle } else { Trigger::Period },
            every: ms(every),
            timeout: ms(timeout),
            max_missed,
            // Some heartbeats are aligned.
            slot: ms(if max_missed == 1 { 250 } else { 0 }),
        },
    );
    let limited = |limits| prop_oneof![3 => Just(u32::MAX), 1 => limits];
    let outage = prop_oneof![Just(Duration::MAX), (1..400_000_u64).prop_map(ms)];
    let attempts = (limited(0..5_u32), proptest::option::of(limited(0..5_u32)));
    let pace = (0..500_u64, outage, attempts, limited(0..5_u32)).prop_map(
        |(gap, outage_limit, (last_attempt, last_initial_attempt), flap_limit)| Pace {
            minimum_gap: ms(gap),
            outage_limit,
            last_attempt,
            last_initial_attempt,
            flap_limit,
        },
    );
    let write_timeout = prop_oneof![Just(Duration::MAX), (1..400_000_u64).prop_map(ms)];
    let heartbeat = proptest::option::weighted(0.9, heartbeat);
    (heartbeat, pace, write_timeout, 1..10_000_u64, 0..20_000_u64).prop_map(
        |(heartbeat, pace, write_timeout, recheck, stable)| Rules {
            write_timeout,
            heartbeat,
            recheck: ms(recheck),
            stable_after: ms(stable),
            connect_timeout: ConnectTimeout::growing(ms(1_000), ms(60_000)),
            pace,
            ..rules()
        },
    )
}

/// The state that is checked during a run.
struct Watch {
    sim: Sim,
    paused: bool,
    last_dial: Option<Timestamp>,
    /// The connection that was reported as connecting and not as lost.
    under_way: Option<u64>,
    probe_unwritten: bool,
    /// The user has requested the end.
    ending: bool,
    closed: u32,
}

impl Watch {
    fn new(rules: Rules) -> Self {
        let mut sim = Sim::new(rules);
        sim.writes_probes = false;
        Self {
            sim,
            paused: false,
            last_dial: None,
            under_way: None,
            probe_unwritten: false,
            ending: false,
            closed: 0,
        }
    }

    fn take(&mut self, step: Step) {
        let number = self.sim.machine.connection();
        let sim = &mut self.sim;
        match step {
            Step::Wait(wait) => {
                let target = match wait {
                    Wait::For(millis) => sim.now.checked_add(ms(millis)),
                    Wait::Back(millis) => {
                        let back = sim.now.since_epoch().saturating_sub(ms(millis));
                        sim.machine.handle_deadline(Timestamp::from_epoch(back));
                        return self.check();
                    }
                    Wait::ToDeadline { off_by } => sim.machine.poll_deadline().map(|deadline| {
                        let millis = in_millis(deadline).saturating_add_signed(off_by);
                        Timestamp::from_epoch(ms(millis)).max(sim.now)
                    }),
                };
                if let Some(target) = target {
                    sim.now = target;
                    self.judge_deadlines();
                }
            }
            Step::Connected { means, max_age } => {
                sim.feed(|machine, now| {
                    machine.handle_connected(now, number, means, max_age.map(ms))
                });
            }
            Step::Ended => sim.ended(),
            Step::PeerClosed => sim.feed(|machine, now| machine.handle_peer_closed(now, number)),
            Step::Frame { life } => {
                sim.feed(|machine, now| machine.handle_frame(now, number, life));
            }
            Step::ProbeWritten { longest } => {
                if std::mem::take(&mut self.probe_unwritten) {
                    let longest = longest.map(ms);
                    sim.feed(|machine, now| machine.handle_probe_written(now, number, longest));
                }
            }
            Step::Reply => sim.feed(|machine, _| machine.handle_reply(number)),
            Step::Handed => sim.feed(|machine, _| machine.handle_handed(number)),
            Step::Blocked => sim.feed(|machine, now| machine.handle_write_blocked(now, number)),
            Step::Progress => sim.feed(|machine, now| machine.handle_write_progress(now, number)),
            Step::Departed { before_probe } => {
                sim.feed(|machine, now| machine.handle_acknowledged(now, number, before_probe));
            }
            Step::Flushed => sim.feed(|machine, now| machine.handle_flushed(now, number)),
            Step::Written { by_ping } => {
                sim.feed(|machine, now| machine.handle_written(now, number, by_ping));
            }
            Step::GivenUp => sim.feed(|machine, now| machine.handle_given_up(now, number)),
            Step::Intake(intake) => sim.intake(intake),
            Step::CaughtUp => sim.caught_up(),
            Step::Reconnect => sim.feed(Machine::handle_reconnect_now),
            Step::Probe => sim.feed(Machine::handle_probe_now),
            Step::Pause => {
                self.paused = true;
                sim.feed(Machine::handle_pause);
            }
            Step::Resume => {
                self.paused = false;
                sim.feed(Machine::handle_resume);
            }
            Step::Postponed(millis) => {
                // The driver postpones only an attempt that is due.
                if let Some(due) = sim.machine.next_attempt() {
                    sim.now = sim.now.max(due);
                    let until = sim.now.checked_add(ms(millis));
                    sim.feed(|machine, now| machine.handle_postponed(now, until));
                }
            }
            Step::Late(input, ago) => self.late(input, ago),
            Step::NextRuling(decision) => sim.decision = decision,
        }
        self.check();
    }

    /// An input of an old or unknown connection changes nothing.
    fn late(&mut self, input: u8, ago: u64) {
        let machine = &mut self.sim.machine;
        let (now, current) = (self.sim.now, machine.connection());
        let number = current.checked_sub(ago + 1).unwrap_or(current + 1);
        machine.observe(now);
        let before = machine.clone();
        match input {
            0 => machine.handle_connected(now, number, Means::Pings, None),
            1 => machine.handle_ended(now, number),
            2 => machine.handle_peer_closed(now, number),
            3 => machine.handle_frame(now, number, true),
            4 => machine.handle_probe_written(now, number, None),
            5 => machine.handle_write_blocked(now, number),
            6 => machine.handle_flushed(now, number),
            7 => machine.handle_written(now, number, true),
            8 => machine.handle_given_up(now, number),
            _ => machine.handle_caught_up(now, number),
        }
        assert_eq!(*machine, before, "input {input} of connection {number} had an effect");
    }

    /// A deadline is handled in a few calls, even if it is seen late.
    fn judge_deadlines(&mut self) {
        for _ in 0..6 {
            self.sim.feed(Machine::handle_deadline);
            self.look();
            let now = self.sim.now;
            if self.sim.machine.poll_deadline().is_none_or(|deadline| deadline > now) {
                return;
            }
        }
        panic!("a deadline is still due at {}: {:?}", self.sim.now, self.sim.machine);
    }

    fn check(&mut self) {
        self.sim.drain();
        self.look();
        let machine = &self.sim.machine;
        assert_eq!((machine.probe, &machine.pending), (false, &None), "an output was not fetched");
        // Whenever a connection is wanted, there is a connection, an attempt, or a time for the
        // next attempt.
        let wanted = self.closed == 0 && !self.ending && !self.paused && self.last_dial.is_some();
        if wanted {
            match &machine.state {
                State::Connecting { deadline } => assert!(deadline.is_some()),
                State::Retiring { close } => {
                    let full = machine.intake().is_full();
                    assert_eq!(
                        close.deadline().is_none(),
                        full,
                        "the time is suspended while full"
                    );
                }
                State::Waiting { until, .. } => assert!(until.is_some()),
                State::Open(_) => {}
                other => panic!("a connection is wanted, but: {other:?}"),
            }
        }
        assert_eq!(machine.is_closed(), self.closed == 1);
    }

    /// Checks the outputs since the last call.
    fn look(&mut self) {
        let new: Vec<_> = self.sim.log.drain(..).map(|(_, output)| output).collect();
        assert!(new.len() <= 16, "one input led to {} outputs: {new:?}", new.len());
        for output in new {
            assert!(
                self.closed == 0 || matches!(output, Output::Did(Action::EndDrain)),
                "{output:?} after the end"
            );
            match output {
                Output::Did(Action::Dial(_)) => {
                    let now = self.sim.now;
                    if let Some(last) = self.last_dial {
                        let gap = now.saturating_since(last);
                        assert!(
                            gap >= self.sim.machine.rules.pace.minimum_gap,
                            "dials {gap:?} apart"
                        );
                    }
                    let (pacing, pace) = (&self.sim.machine.pacing, &self.sim.machine.rules.pace);
                    assert!(pacing.is_in_time(Some(now), pace), "dialled after the outage limit");
                    let last = pace.last_attempt.max(pace.last_initial_attempt.unwrap_or(0));
                    assert!(
                        last > 0 || self.last_dial.is_none(),
                        "dialled twice, with only one attempt allowed"
                    );
                    self.last_dial = Some(now);
                    self.probe_unwritten = false;
                    assert!(!self.paused, "dialled in a pause");
                }
                Output::Did(Action::Probe) => {
                    assert!(!self.probe_unwritten, "a second probe while one is unwritten");
                    self.probe_unwritten = true;
                }
                Output::Told(Transition::Connecting { connection, .. }) => {
                    assert_eq!(self.under_way.replace(connection), None, "two connections at once");
                }
                Output::Told(Transition::Open { connection, .. }) => {
                    assert_eq!(self.under_way, Some(connection));
                }
                Output::Told(Transition::Lost { connection, loss, .. }) => {
                    assert_eq!(self.under_way.take(), Some(connection), "lost for {loss:?}");
                    let judged = matches!(loss, Loss::HeartbeatTimeout(_) | Loss::WriteStalled(_));
                    let full = self.sim.machine.intake().is_full();
                    assert!(!(judged && full), "{loss:?} while nothing is read");
                    assert_ne!(loss, Loss::Ended);
                }
                Output::Told(Transition::Closed(_)) => self.closed += 1,
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        // WebAssembly has no random numbers.
        rng_seed: if cfg!(target_family = "wasm") { RngSeed::Fixed(0) } else { RngSeed::Random },
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_inputs_break_no_rule_and_the_session_ends_once(
        rules in any_rules(),
        before in proptest::collection::vec(step(), 0..80),
        abort in any::<bool>(),
        after in proptest::collection::vec(step(), 0..20),
    ) {
        let mut watch = Watch::new(rules);
        watch.sim.feed(Machine::handle_start);
        watch.judge_deadlines();
        watch.check();
        for step in before {
            watch.take(step);
        }
        let dials = watch.sim.machine.connection();
        watch.sim.feed(if abort { Machine::handle_abort } else { Machine::handle_close });
        watch.ending = true;
        watch.check();
        for step in after {
            watch.take(step);
        }
        watch.sim.now = watch.sim.now.checked_add(ms(10_000)).expect("far from the end of time");
        watch.judge_deadlines();
        watch.check();
        prop_assert_eq!(watch.sim.machine.connection(), dials);
        prop_assert_eq!(watch.closed, 1);
        prop_assert_eq!(watch.sim.machine.poll_deadline(), None);
    }
}
