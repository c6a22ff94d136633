//! A blocked write without accepted bytes.

use std::time::Duration;

use super::sim::{Output, Sim, ms, rules};
use crate::machine::{Intake, Loss, Machine, Rules, Transition};

/// A write timeout of five minutes, and no heartbeat.
fn patient() -> Rules {
    Rules { heartbeat: None, write_timeout: ms(300_000), ..rules() }
}

/// Blocked at 1 s.
fn blocked(rules: Rules) -> Sim {
    let mut sim = Sim::open(rules);
    sim.run_to(1_000);
    sim.feed(|machine, now| machine.handle_write_blocked(now, 1));
    sim
}

/// The reports: their times, how long the write had been blocked, and whether frames arrived.
fn reports(sim: &Sim) -> Vec<(u64, Duration, bool)> {
    let told = sim.log.iter().filter_map(|(millis, output)| match output {
        Output::Told(Transition::WriteBlocked { connection: 1, time, heard }) => {
            Some((*millis, *time, *heard))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn a_blocked_write_is_reported_once_and_then_ends_the_connection() {
    let mut sim = blocked(patient());
    sim.run_to(60_999);
    assert_eq!((reports(&sim), sim.machine.write_blocked_since()), (vec![], None));
    sim.run_to(300_999);
    assert_eq!(reports(&sim), [(61_000, ms(60_000), false)]);
    assert_eq!(sim.machine.write_blocked_since(), Some(super::sim::at(1_000)));
    assert_eq!(sim.losses(), []);
    sim.run_to(301_000);
    assert_eq!(sim.losses(), [(301_000, Loss::WriteStalled(ms(300_000)))]);
    assert_eq!(reports(&sim).len(), 1);
    assert_eq!(sim.machine.write_blocked_since(), None);
}

#[test]
fn inbound_frames_do_not_extend_the_write_timeout() {
    for heartbeat in [None, rules().heartbeat] {
        let mut sim = blocked(Rules { heartbeat, ..patient() });
        sim.writes_probes = false;
        for second in 2..=301 {
            sim.run_to(second * 1_000);
            sim.life();
            // The driver repeatedly finds the write blocked.
            sim.feed(|machine, now| machine.handle_write_blocked(now, 1));
        }
        assert_eq!(reports(&sim), [(61_000, ms(60_000), true)]);
        assert_eq!(sim.losses(), [(301_000, Loss::WriteStalled(ms(300_000)))]);
    }
}

#[test]
fn each_accepted_byte_restarts_the_write_timeout() {
    let mut sim = blocked(patient());
    for minute in 1..=60 {
        sim.run_to(minute * 59_999);
        sim.feed(|machine, now| machine.handle_write_progress(now, 1));
    }
    assert_eq!((reports(&sim), sim.losses()), (vec![], vec![]));
    // This also holds after a report.
    sim.run_to(3_599_940 + 299_999);
    sim.feed(|machine, now| machine.handle_write_progress(now, 1));
    assert_eq!((reports(&sim).len(), sim.machine.write_blocked_since()), (1, None));
    sim.run_to(3_599_940 + 299_999 + 299_999);
    assert_eq!((reports(&sim).len(), sim.losses()), (2, vec![]));
    // A flush ends it.
    sim.feed(|machine, now| machine.handle_flushed(now, 1));
    assert_eq!(sim.deadline(), None);
}

#[test]
fn acknowledged_bytes_restart_the_timeout_after_the_first_look() {
    // Before the first look it is not known whether the bytes were acknowledged before the write
    // was blocked.
    let mut sim = blocked(patient());
    sim.run_to(30_000);
    sim.feed(|machine, now| machine.handle_acknowledged(now, 1, false));
    sim.run_to(61_000);
    assert_eq!(reports(&sim).len(), 1);
    sim.run_to(300_000);
    sim.feed(|machine, now| machine.handle_acknowledged(now, 1, false));
    sim.run_to(599_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(600_000);
    assert_eq!(sim.losses().len(), 1);
}

#[test]
fn a_blocked_write_is_not_judged_while_nothing_is_read() {
    // The write is blocked for 20 s while frames are read. Then nothing is read for an hour. Then
    // the rest of the time passes.
    let mut sim = blocked(patient());
    sim.run_to(21_000);
    sim.intake(Intake::Full);
    sim.run_to(3_600_000);
    sim.feed(|machine, now| machine.handle_write_blocked(now, 1));
    assert_eq!((sim.deadline(), reports(&sim)), (None, vec![]));
    sim.intake(Intake::Storing);
    sim.run_to(3_639_999);
    assert_eq!(reports(&sim), []);
    sim.run_to(3_879_999);
    assert_eq!(reports(&sim), [(3_640_000, ms(60_000), false)]);
    assert_eq!(sim.losses(), []);
    sim.run_to(3_880_000);
    assert_eq!(sim.losses().len(), 1);

    // Blocked only while nothing is read: the time begins when reading resumes.
    let mut sim = Sim::open(patient());
    sim.intake(Intake::Full);
    sim.feed(|machine, now| machine.handle_write_blocked(now, 1));
    sim.run_to(400_000);
    sim.intake(Intake::Taking);
    sim.run_to(699_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(700_000);
    assert_eq!(sim.losses().len(), 1);
}

#[test]
fn without_a_write_timeout_a_blocked_write_is_only_reported() {
    let mut sim = blocked(Rules { write_timeout: Duration::MAX, ..patient() });
    sim.run_to(1_000_000_000);
    assert_eq!((reports(&sim).len(), sim.losses(), sim.deadline()), (1, vec![], None));
}

#[test]
fn a_short_write_timeout_ends_the_connection_without_a_report() {
    for timeout in [1_000, 59_999, 60_000] {
        let mut sim = blocked(Rules { write_timeout: ms(timeout), ..patient() });
        sim.run_to(timeout + 999);
        assert_eq!(sim.losses(), []);
        sim.run_to(timeout + 1_000);
        assert_eq!(sim.losses(), [(timeout + 1_000, Loss::WriteStalled(ms(timeout)))]);
        assert_eq!(reports(&sim), []);
    }
}

#[test]
fn a_write_timeout_seen_late_does_not_end_the_connection_at_once() {
    // The machine slept for an hour, before and after the report.
    for (asleep, woke) in [(200_000, 3_600_000), (10_000, 3_600_000), (31_000, 3_600_000)] {
        let mut sim = blocked(patient());
        sim.run_to(asleep);
        sim.jump_to(woke);
        sim.run_to(woke + 4_999);
        assert_eq!(sim.losses(), []);
        // The deadline is not put off repeatedly.
        sim.run_to(woke + 300_000);
        let lost = sim.losses().into_iter().find(|(_, loss)| matches!(loss, Loss::WriteStalled(_)));
        assert!(lost.is_some(), "{asleep}");
        assert_eq!(reports(&sim).len(), 1);
    }
    // The deadline is at 301 s. It is seen late if the time of a recheck has passed since.
    for (seen, lost) in [(306_000, true), (306_001, false)] {
        let mut sim = blocked(patient());
        sim.run_to(100_000);
        sim.jump_to(seen);
        assert_eq!(!sim.losses().is_empty(), lost, "seen at {seen}");
    }
    let mut sim = blocked(patient());
    for late in 1..=5 {
        sim.jump_to(late * 400_000);
    }
    assert!(!sim.losses().is_empty(), "a task that is always late also loses the connection");
}

#[test]
fn a_pause_restarts_the_write_timeout() {
    let mut sim = blocked(patient());
    sim.run_to(100_000);
    sim.feed(Machine::handle_pause);
    sim.run_to(1_000_000);
    sim.feed(Machine::handle_resume);
    sim.feed(|machine, now| machine.handle_probe_written(now, 1, None));
    sim.life();
    sim.run_to(1_299_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(1_300_000);
    assert_eq!(sim.losses(), [(1_300_000, Loss::WriteStalled(ms(300_000)))]);
}

#[test]
fn a_probe_that_was_just_acknowledged_gets_its_whole_timeout() {
    let mut sim = Sim::open(rules());
    for before_verdict in [24_000, 33_000, 42_000] {
        sim.run_to(before_verdict);
        sim.feed(|machine, now| machine.handle_acknowledged(now, 1, true));
        assert_eq!(sim.deadline(), Some(before_verdict + 10_000));
        assert_eq!(sim.losses(), []);
    }
    // Acknowledged bytes behind the probe, or of another connection, do not count.
    sim.run_to(50_000);
    sim.feed(|machine, now| machine.handle_acknowledged(now, 1, false));
    sim.feed(|machine, now| machine.handle_acknowledged(now, 2, true));
    sim.run_to(51_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(52_000);
    assert_eq!(sim.losses(), [(52_000, Loss::HeartbeatTimeout(ms(52_000)))]);
}
