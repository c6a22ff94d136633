//! The deadlines of every state: 1 ms before, at and after, an hour late, and in sequence.

use super::{
    sim::{Sim, at, ms, rules},
    states::one_in_each_state,
};
use crate::{
    config::Trigger,
    machine::{Action, HeartbeatRules, Intake, Loss, Machine, Rules},
};

fn with(set: impl FnOnce(&mut HeartbeatRules)) -> Rules {
    let mut rules = rules();
    set(rules.heartbeat.as_mut().expect("the rules have a heartbeat"));
    rules
}

#[test]
fn a_look_before_the_deadline_changes_nothing_in_any_state() {
    for (state, mut sim) in one_in_each_state() {
        sim.drain();
        let Some(deadline) = sim.deadline() else { continue };
        sim.now = at(deadline - 1);
        // The new time is an effect of its own.
        sim.machine.observe(sim.now);
        let before = sim.machine.clone();
        sim.feed(Machine::handle_deadline);
        assert_eq!(sim.machine, before, "{state}");
    }
}

/// The driver then reads all available frames first.
#[test]
fn a_verdict_on_the_peer_is_announced_when_it_is_due() {
    let mut announced = Vec::new();
    for (state, mut sim) in one_in_each_state() {
        sim.drain();
        let Some(deadline) = sim.deadline() else { continue };
        assert!(!sim.machine.verdict_is_due(at(deadline - 1)), "{state}");
        if sim.machine.verdict_is_due(at(deadline)) {
            announced.push(state);
        }
    }
    assert_eq!(announced, ["connecting", "open, probe out", "retiring", "closing"]);

    // While nothing is read, the answer to the probe is not judged.
    let mut sim = Sim::open(rules());
    sim.run_to(15_000);
    sim.intake(Intake::Full);
    assert!(!sim.machine.verdict_is_due(at(25_000)));
}

#[test]
fn a_connection_that_has_drained_is_not_dropped_again() {
    let mut sim = Sim::open(rules());
    sim.feed(|machine, now| machine.handle_peer_closed(now, 1));
    sim.run_to(60_000);
    assert_eq!(sim.times(|action| action == Action::Drain), [0]);
    assert_eq!(sim.times(|action| action == Action::EndDrain), []);
}

#[test]
fn a_probe_after_silence_is_due_at_the_last_slot_of_its_interval() {
    for (slot, due) in [(10_000, 10_000), (15_000, 15_000), (60_000, 15_000)] {
        let sim = Sim::open(with(|heartbeat| heartbeat.slot = ms(slot)));
        assert_eq!(sim.deadline(), Some(due), "slots of {slot} ms");
    }
}

#[test]
fn an_hour_asleep_causes_at_most_one_probe_or_attempt() {
    for (state, mut sim) in one_in_each_state() {
        sim.drain();
        sim.log.clear();
        sim.jump_to(3_600_000);
        for _ in 0..10 {
            sim.feed(Machine::handle_deadline);
        }
        assert!(sim.probes().len() + sim.dials().len() <= 1, "{state}: {:?}", sim.log);
        assert!(sim.deadline().is_none_or(|deadline| deadline > 3_600_000), "{state}");
    }
}

/// The peer may answer a probe before its flush is complete.
#[test]
fn after_a_stall_an_answer_that_may_have_come_is_asked_for_again() {
    let mut sim = Sim::open(rules());
    sim.writes_probes = false;
    sim.feed(Machine::handle_probe_now);
    sim.life();
    // Another answer is wanted, and the time to flush the probe is over long since.
    sim.now = at(20_000);
    sim.feed(Machine::handle_probe_now);
    sim.jump_to(20_000);
    sim.feed(|machine, now| machine.handle_probe_written(now, 1, None));
    sim.writes_probes = true;
    sim.run_to(40_000);
    assert_eq!(sim.probes(), [0, 25_000]);
    assert_eq!(sim.losses(), [(30_000, Loss::HeartbeatTimeout(ms(30_000)))]);
}

#[test]
fn proof_of_life_ends_the_doubt_about_a_probe_that_is_not_flushed() {
    // A fresh probe, after an hour in which nothing was read.
    let mut doubted = Sim::open(rules());
    doubted.intake(Intake::Full);
    doubted.run_to(3_600_000);
    doubted.writes_probes = false;
    doubted.intake(Intake::Storing);
    doubted.caught_up();
    // A probe whose time to be flushed was extended.
    let mut extended = Sim::open(rules());
    extended.writes_probes = false;
    extended.run_to(15_000);
    extended.jump_to(3_600_000);
    for mut sim in [doubted, extended] {
        for hours in 2..5 {
            sim.life();
            sim.jump_to(hours * 3_600_000);
            assert_eq!(sim.losses(), [], "after {hours} hours");
        }
        sim.run_to(4 * 3_600_000 + 10_000);
        assert_eq!(sim.losses().len(), 1);
    }
}

#[test]
fn proof_of_life_around_each_deadline_moves_the_deadline() {
    for (heard, probes) in [(14_999, vec![]), (15_000, vec![15_000]), (15_001, vec![15_000])] {
        let mut sim = Sim::open(rules());
        sim.run_to(heard);
        sim.life();
        sim.run_to(heard + 14_999);
        assert_eq!(sim.probes(), probes, "heard at {heard}");
        sim.run_to(heard + 15_000);
        assert_eq!(sim.probes().last(), Some(&(heard + 15_000)));
    }
}

#[test]
fn a_fixed_period_ignores_frames_and_repeats_no_missed_probes() {
    let period = with(|heartbeat| heartbeat.trigger = Trigger::Period);
    let mut sim = Sim::open(period);
    for second in 0..60 {
        sim.run_to(second * 1_000 + 500);
        sim.life();
    }
    assert_eq!(sim.probes(), [15_000, 30_000, 45_000]);
    sim.jump_to(1_000_000);
    sim.life();
    sim.run_to(1_014_999);
    assert_eq!(sim.probes().len(), 4);
    sim.run_to(1_015_000);
    assert_eq!(sim.probes().len(), 5);

    // The answer comes after the end of the period: one probe is due at once.
    let mut sim = Sim::open(with(|heartbeat| {
        heartbeat.trigger = Trigger::Period;
        heartbeat.every = ms(1_000);
    }));
    sim.run_to(5_500);
    assert_eq!(sim.probes(), [1_000]);
    sim.life();
    sim.run_to(5_500);
    assert_eq!(sim.probes(), [1_000, 5_500]);
}

#[test]
fn silence_is_detected_with_any_ratio_of_timeout_and_interval() {
    for trigger in [Trigger::Idle, Trigger::Period] {
        for (every, timeout) in [(15_000, 10_000), (10_000, 10_000), (1_000, 30_000), (1, 1)] {
            let mut sim = Sim::open(with(|heartbeat| {
                *heartbeat = HeartbeatRules {
                    trigger,
                    every: ms(every),
                    timeout: ms(timeout),
                    ..*heartbeat
                };
            }));
            sim.run_to(every + timeout);
            let dead = every + timeout;
            assert_eq!(sim.losses(), [(dead, Loss::HeartbeatTimeout(ms(dead)))]);
            assert_eq!(sim.probes(), [every]);
        }
    }
}

#[test]
fn misses_are_tolerated_up_to_the_limit() {
    for max_missed in 0..4 {
        let mut sim = Sim::open(with(|heartbeat| heartbeat.max_missed = max_missed));
        let dead = 15_000 + 10_000 * (u64::from(max_missed) + 1);
        sim.run_to(dead - 1);
        assert_eq!((sim.losses(), sim.probes().len() as u32), (vec![], max_missed + 1));
        sim.run_to(dead);
        assert_eq!(sim.losses(), [(dead, Loss::HeartbeatTimeout(ms(dead)))]);
    }
    // Only misses in a row count.
    let mut sim = Sim::open(with(|heartbeat| heartbeat.max_missed = 1));
    for round in 0..10 {
        sim.run_to(round * 30_000 + 29_999);
        sim.life();
    }
    assert_eq!(sim.losses(), []);
}

#[test]
fn the_wait_for_an_answer_can_be_shortened_but_not_lengthened() {
    for (longest, dead) in [(200, 15_200), (10_000, 25_000), (60_000, 25_000)] {
        let mut sim = Sim::open(rules());
        sim.writes_probes = false;
        sim.run_to(15_000);
        sim.feed(|machine, now| machine.handle_probe_written(now, 1, Some(ms(longest))));
        sim.run_to(dead - 1);
        assert_eq!(sim.losses(), []);
        sim.run_to(dead);
        assert_eq!(sim.losses().len(), 1);
    }
}

#[test]
fn an_old_connection_is_retired_when_quiet_or_after_a_grace_period() {
    let retired = |sim: &Sim| sim.times(|action| action == Action::SendClose);
    let aged = |age| {
        let mut sim = Sim::connecting(rules());
        sim.max_age = Some(ms(age));
        sim.connected();
        sim
    };
    let mut sim = aged(8_000);
    sim.run_to(7_999);
    assert_eq!(retired(&sim), []);
    sim.run_to(8_000);
    assert_eq!(retired(&sim), [8_000]);

    // A message is handed over, or a probe is out: the connection is retired later, but not without
    // limit.
    let mut sim = aged(8_000);
    sim.machine.handle_handed(1);
    sim.run_to(12_999);
    assert_eq!(retired(&sim), []);
    sim.run_to(13_000);
    assert_eq!(retired(&sim), [13_000]);

    let mut sim = aged(16_000);
    sim.run_to(16_500);
    assert_eq!(retired(&sim), []);
    sim.life();
    sim.run_to(16_500);
    assert_eq!(retired(&sim), [16_500]);
}

#[test]
fn an_answer_before_the_flush_counts() {
    for trigger in [Trigger::Idle, Trigger::Period] {
        let mut sim = Sim::open(with(|heartbeat| heartbeat.trigger = trigger));
        sim.writes_probes = false;
        sim.run_to(15_000);
        sim.feed(|machine, now| machine.handle_write_blocked(now, 1));
        sim.run_to(16_000);
        sim.life();
        sim.run_to(22_000);
        sim.feed(|machine, now| {
            machine.handle_flushed(now, 1);
            machine.handle_probe_written(now, 1, None);
        });
        assert_eq!(sim.machine.probe_since(), None);
        let next = if trigger == Trigger::Idle { 31_000 } else { 30_000 };
        sim.run_to(next);
        assert_eq!((sim.probes(), sim.losses()), (vec![15_000, next], vec![]));
    }
}

#[test]
fn an_answer_is_awaited_from_the_request_of_a_probe_on() {
    let mut sim = Sim::open(rules());
    assert!(!sim.machine.awaits_answer());
    sim.feed(|machine, now| machine.handle_probe_now(now));
    assert!(sim.machine.awaits_answer(), "before it is written");
    sim.life();
    sim.feed(|machine, now| machine.handle_probe_written(now, 1, None));
    assert!(!sim.machine.awaits_answer(), "the answer was heard before");
}
