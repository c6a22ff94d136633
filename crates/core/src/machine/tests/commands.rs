//! Pause, resume, reconnect and probe, in every state and in sequence.

use std::time::Duration;

use super::{
    sim::{Sim, at, ms, rules},
    states::one_in_each_state,
};
use crate::machine::{Action, Decision, End, Loss, Machine, Pace, Rules, State, Transition};

#[test]
fn a_pause_in_any_state_begins_no_attempt_until_resume() {
    for (state, mut sim) in one_in_each_state() {
        if state == "closing" {
            continue;
        }
        sim.feed(Machine::handle_pause);
        let (dials, probes) = (sim.dials().len(), sim.probes().len());
        assert!(matches!(sim.machine.state, State::Paused(_)), "{state}");
        sim.run_to(3_600_000);
        sim.feed(Machine::handle_reconnect_now);
        sim.feed(Machine::handle_probe_now);
        sim.run_to(7_200_000);
        assert_eq!((sim.dials().len(), sim.probes().len()), (dials, probes), "{state}");
        assert_eq!(sim.deadline(), None, "{state}");
        sim.feed(Machine::handle_resume);
        sim.run_to(7_200_000);
        let begun = sim.dials().len() - dials + sim.probes().len() - probes;
        assert_eq!(begun, 1, "{state}: {:?}", sim.log);
    }
}

#[test]
fn a_connection_kept_in_a_pause_must_answer_soon_after_resume() {
    let mut sim = Sim::open(rules());
    sim.run_to(20_000);
    sim.feed(Machine::handle_pause);
    sim.run_to(600_000);
    assert_eq!((sim.losses(), sim.probes()), (vec![], vec![15_000]));
    sim.feed(Machine::handle_resume);
    assert_eq!(sim.probes(), [15_000, 600_000]);
    sim.run_to(604_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(605_000);
    assert_eq!(sim.losses(), [(605_000, Loss::HeartbeatTimeout(ms(605_000)))]);
}

/// The driver takes commands before it fetches the actions of a loss.
#[test]
fn a_pause_with_a_loss_keeps_the_fresh_delays_for_the_next_verdict() {
    let fresh = |sim: &Sim| {
        sim.times(|action| matches!(action, Action::AskVerdict { fresh: true, .. })).len()
    };
    let mut sim = Sim::open(rules());
    sim.run_to(5_000);
    sim.machine.handle_ended(sim.now, 1);
    sim.feed(Machine::handle_pause);
    assert_eq!((fresh(&sim), sim.losses().len()), (0, 1));
    sim.feed(Machine::handle_resume);
    sim.run_to(5_000);
    sim.ended();
    assert_eq!(fresh(&sim), 1, "the connection was stable");
    sim.run_to(7_000);
    sim.ended();
    assert_eq!(fresh(&sim), 1);
}

#[test]
fn an_unwritten_probe_is_not_sent_again() {
    for with_pulse in [true, false] {
        let mut rules = rules();
        rules.heartbeat = rules.heartbeat.filter(|_| with_pulse);
        let mut sim = Sim::open(rules);
        sim.writes_probes = false;
        sim.feed(Machine::handle_probe_now);
        sim.feed(Machine::handle_pause);
        sim.feed(Machine::handle_resume);
        sim.life();
        sim.feed(Machine::handle_probe_now);
        assert_eq!(sim.probes(), [0], "heartbeat: {with_pulse}");
        sim.feed(|machine, now| machine.handle_probe_written(now, 1, None));
        assert!(sim.machine.probe_since().is_some());
        // Its answer may have come before the command, so a fresh probe precedes the verdict.
        sim.run_to(5_000);
        assert_eq!((sim.probes(), sim.losses()), (vec![0, 5_000], vec![]));
    }
}

#[test]
fn a_connection_lost_in_a_pause_is_dialled_only_after_resume() {
    let mut sim = Sim::open(rules());
    sim.feed(Machine::handle_pause);
    sim.run_to(10_000);
    sim.ended();
    assert_eq!(sim.losses(), [(10_000, Loss::Reported)]);
    sim.run_to(60_000);
    assert_eq!((sim.dials(), sim.deadline()), (vec![], None));
    sim.feed(Machine::handle_resume);
    sim.run_to(60_000);
    assert_eq!(sim.dials(), [60_000]);
}

#[test]
fn a_pause_is_not_counted_as_outage() {
    let pace = Pace { outage_limit: ms(30_000), ..rules().pace };
    let mut sim = Sim::connecting(Rules { pace, ..rules() });
    sim.ended();
    sim.feed(Machine::handle_pause);
    sim.run_to(600_000);
    sim.feed(Machine::handle_resume);
    sim.run_to(600_000);
    sim.ended();
    assert_eq!(sim.closed(), []);
    // No attempt begins after the limit.
    for second in 1..30 {
        sim.run_to(600_000 + second * 1_000);
        if matches!(sim.machine.state, State::Connecting { .. }) {
            sim.ended();
        }
    }
    sim.run_to(700_000);
    assert_eq!(sim.closed().len(), 1);
    assert_eq!(sim.closed()[0].1, End::OutageLimit);
    assert!(sim.dials().last() <= Some(&630_000), "{:?}", sim.dials());
}

#[test]
fn an_attempt_due_after_the_outage_limit_ends_the_session() {
    let pace = Pace { outage_limit: ms(60_000), ..rules().pace };
    for (seen, ends) in [(60_000, false), (60_001, true), (3_600_000, true)] {
        let mut sim = Sim::open(Rules { pace, ..rules() });
        sim.ended();
        // The attempt is due at 2 s, and the task stalled.
        sim.jump_to(seen);
        assert_eq!(sim.dials().is_empty(), ends, "seen at {seen}");
        assert_eq!(sim.closed(), if ends { vec![(seen, End::OutageLimit)] } else { vec![] });
    }
}

#[test]
fn an_attempt_postponed_beyond_the_limit_ends_the_session_at_once() {
    let pace = Pace { outage_limit: ms(60_000), ..rules().pace };
    for (until, ends) in [(60_000, false), (60_001, true)] {
        let mut sim = Sim::open(Rules { pace, ..rules() });
        sim.ended();
        sim.feed(|machine, now| machine.handle_postponed(now, Some(at(until))));
        assert_eq!(sim.closed(), if ends { vec![(0, End::OutageLimit)] } else { vec![] });
    }
}

#[test]
fn an_attempt_without_a_known_time_waits_until_the_outage_limit() {
    for (limit, end) in [(ms(60_000), Some(60_000)), (Duration::MAX, None)] {
        let mut sim =
            Sim::open(Rules { pace: Pace { outage_limit: limit, ..rules().pace }, ..rules() });
        sim.ended();
        sim.feed(|machine, now| machine.handle_postponed(now, None));
        assert_eq!(sim.machine.next_attempt(), None);
        sim.run_to(3_600_000);
        let closed: Vec<_> = end.map(|end| (end, End::OutageLimit)).into_iter().collect();
        assert_eq!(sim.closed(), closed);
        assert_eq!(sim.dials(), []);
    }
    let pace = Pace { outage_limit: ms(60_000), ..rules().pace };
    let mut sim = Sim::open(Rules { pace, ..rules() });
    sim.ended();
    sim.feed(|machine, now| machine.handle_postponed(now, None));
    sim.run_to(59_999);
    sim.feed(|machine, now| machine.handle_postponed(now, Some(now)));
    sim.run_to(3_600_000);
    assert_eq!(sim.dials(), [59_999]);
}

#[test]
fn a_requested_attempt_waits_only_for_the_minimum_gap() {
    for (asked, dialled) in [(1, 100), (99, 100), (100, 100), (101, 101), (1_999, 1_999)] {
        let mut sim = Sim::connecting(rules());
        sim.ended();
        sim.run_to(asked);
        sim.feed(Machine::handle_reconnect_now);
        sim.run_to(1_999);
        assert_eq!(sim.dials(), [0, dialled], "asked at {asked}");
    }
    // The command is repeated.
    let mut sim = Sim::open(rules());
    for millis in 0..1_000 {
        sim.run_to(millis);
        sim.feed(Machine::handle_reconnect_now);
        sim.connected();
    }
    assert_eq!(sim.dials(), [100, 200, 300, 400, 500, 600, 700, 800, 900]);
}

#[test]
fn a_replaced_connection_is_no_failure() {
    let pace = Pace { flap_limit: 1, ..rules().pace };
    let mut sim = Sim::open(Rules { pace, ..rules() });
    for round in 1..10 {
        sim.run_to(round * 1_000);
        sim.feed(Machine::handle_reconnect_now);
        sim.run_to(round * 1_000 + 1);
        sim.connected();
        assert_eq!((sim.machine.attempt(), sim.machine.pacing.failures()), (0, 0));
    }
    sim.ended();
    assert_eq!(sim.closed(), []);
    assert_eq!(
        sim.times(|action| matches!(action, Action::AskVerdict { fresh: true, .. })),
        [9_001]
    );
    // After it the delays begin again, as after a stable connection.
    assert_eq!(sim.times(|action| matches!(action, Action::AskVerdict { fresh: false, .. })), []);
}

#[test]
fn reconnect_now_between_a_loss_and_its_decision_has_an_effect() {
    let mut sim = Sim::open(rules());
    sim.machine.handle_ended(sim.now, 1);
    sim.feed(Machine::handle_reconnect_now);
    sim.run_to(100);
    assert_eq!(sim.dials(), [100]);
    // The command does not overrule the decision.
    let mut sim = Sim::open(rules());
    sim.decision = Decision::Stop;
    sim.machine.handle_ended(sim.now, 1);
    sim.feed(Machine::handle_reconnect_now);
    assert_eq!(sim.closed(), [(0, End::Stopped)]);
}

#[test]
fn probe_now_sends_one_probe_and_shortens_the_wait() {
    let mut sim = Sim::open(rules());
    sim.run_to(1_000);
    for _ in 0..3 {
        sim.feed(Machine::handle_probe_now);
    }
    assert_eq!(sim.probes(), [1_000]);
    sim.run_to(5_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(6_000);
    assert_eq!(sim.losses(), [(6_000, Loss::HeartbeatTimeout(ms(6_000)))]);

    for (asked, dead) in [(15_001, 20_001), (19_999, 24_999), (20_001, 25_000)] {
        let mut rules = rules();
        // After the command, no miss is tolerated.
        rules.heartbeat.as_mut().expect("the rules have a heartbeat").max_missed = 3;
        let mut sim = Sim::open(rules);
        sim.run_to(asked);
        sim.feed(Machine::handle_probe_now);
        // A second command does not put the deadline off.
        sim.run_to(dead - 1);
        sim.feed(Machine::handle_probe_now);
        assert_eq!((sim.probes(), sim.losses()), (vec![15_000], vec![]));
        sim.run_to(dead);
        assert_eq!(sim.losses().len(), 1, "asked at {asked}");
    }
}

#[test]
fn each_transition_is_reported_once_and_in_order() {
    let mut sim = Sim::new(rules());
    sim.feed(Machine::handle_start);
    sim.run_to(0);
    sim.connected();
    sim.run_to(1_000);
    sim.ended();
    sim.run_to(3_000);
    sim.feed(Machine::handle_close);
    let told: Vec<_> = sim
        .log
        .iter()
        .filter_map(|(millis, output)| match output {
            super::sim::Output::Told(transition) => Some((*millis, *transition)),
            super::sim::Output::Did(_) => None,
        })
        .collect();
    let (opened, loss) = (true, Loss::Reported);
    assert_eq!(
        told,
        [
            (0, Transition::Connecting { connection: 1, attempt: 0 }),
            (0, Transition::Open { connection: 1, attempt: 0, outage: ms(0) }),
            (1_000, Transition::Lost { connection: 1, opened, loss, cutoff: None }),
            (1_000, Transition::Retry { attempt: 1, delay: ms(2_000) }),
            (3_000, Transition::Connecting { connection: 2, attempt: 1 }),
            (3_000, Transition::Closed(End::User)),
        ]
    );
}
