//! The invariants that the machine keeps by itself. Each test has the name of its invariant.

use std::time::Duration;

use super::{
    sim::{Sim, at, ms, rules},
    states::one_in_each_state,
};
use crate::{
    machine::{Action, Decision, End, Intake, Loss, Machine, Means, Pace, Rules, State},
    time::Timestamp,
};

#[test]
fn invariant_01_only_chosen_frames_of_the_current_connection_prove_life() {
    // Proof of life on this connection 1 ms before the deadline: there is no verdict.
    let mut sim = Sim::open(rules());
    sim.run_to(24_999);
    sim.life();
    sim.run_to(39_998);
    assert_eq!((sim.losses(), sim.probes()), (vec![], vec![15_000]));

    // A frame that is not proof of life does not prevent the verdict.
    let mut sim = Sim::open(rules());
    sim.run_to(24_999);
    sim.feed(|machine, now| machine.handle_frame(now, 1, false));
    sim.run_to(25_000);
    assert_eq!(sim.losses(), [(25_000, Loss::HeartbeatTimeout(ms(25_000)))]);

    // A frame of an older or later connection does not prevent the verdict.
    for number in [0, 2, u64::MAX] {
        let mut sim = Sim::open(rules());
        sim.run_to(24_999);
        sim.feed(|machine, now| machine.handle_frame(now, number, true));
        sim.run_to(25_000);
        assert_eq!(sim.losses(), [(25_000, Loss::HeartbeatTimeout(ms(25_000)))]);
    }
}

#[test]
fn invariant_03_the_clock_decides_not_the_sleep() {
    // A sleep that ends early is no deadline, even repeatedly.
    let mut sim = Sim::open(rules());
    for early in [1, 7_500, 14_999] {
        sim.jump_to(early);
        assert_eq!(sim.probes(), []);
    }
    sim.jump_to(15_000);
    assert_eq!(sim.probes(), [15_000]);
    sim.jump_to(24_999);
    assert_eq!(sim.losses(), []);
    // A sleep that ends a little late is a deadline.
    sim.jump_to(25_001);
    assert_eq!(sim.losses(), [(25_001, Loss::HeartbeatTimeout(ms(25_001)))]);
}

#[test]
fn invariant_05_our_own_back_pressure_is_not_the_peers_silence() {
    // Nothing is read from before the probe on: probes are sent, and none is judged.
    let mut sim = Sim::open(rules());
    sim.run_to(1_000);
    sim.intake(Intake::Full);
    sim.run_to(600_000);
    assert_eq!(sim.losses(), []);
    assert!(sim.probes().len() > 20, "{:?}", sim.probes());

    // Reading stops while a probe is out: when reading resumes, a fresh probe precedes the verdict.
    for (stop, resume) in [(15_001, 20_000), (24_999, 25_000), (15_001, 24_999)] {
        let mut sim = Sim::open(rules());
        sim.run_to(stop);
        sim.intake(Intake::Full);
        sim.run_to(resume);
        sim.intake(Intake::Storing);
        sim.run_to(60_000);
        let (probes, losses) = (sim.probes(), sim.losses());
        assert!(probes[0] == 15_000 && probes[1] >= resume.min(25_000), "{probes:?}");
        assert!(losses[0].0 >= probes[1] + 5_000, "{probes:?} {losses:?}");
    }

    // An unwritten probe is not judged either while nothing is read.
    let mut sim = Sim::open(rules());
    sim.writes_probes = false;
    sim.run_to(15_000);
    sim.intake(Intake::Full);
    sim.run_to(100_000);
    assert_eq!(sim.losses(), []);
    sim.intake(Intake::Storing);
    sim.run_to(109_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(110_000);
    assert_eq!(sim.losses(), [(110_000, Loss::WriteStalled(ms(10_000)))]);
}

/// Part of invariant 5.
#[test]
fn one_fresh_probe_is_sent_after_all_unread_frames_are_read() {
    // The answers to the probes of an hour were due while nothing was read.
    let full_for_an_hour = || {
        let mut sim = Sim::open(rules());
        sim.intake(Intake::Full);
        sim.run_to(3_600_000);
        sim.intake(Intake::Storing);
        sim.log.clear();
        sim
    };
    let mut sim = full_for_an_hour();
    sim.caught_up();
    sim.caught_up();
    assert_eq!(sim.probes(), [3_600_000], "one");
    sim.run_to(3_604_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(3_605_000);
    assert_eq!(sim.losses(), [(3_605_000, Loss::HeartbeatTimeout(ms(3_605_000)))]);

    // It is sent for frames of the current connection only.
    let mut sim = full_for_an_hour();
    sim.feed(|machine, now| machine.handle_caught_up(now, 0));
    assert_eq!(sim.probes(), []);

    // If proof of life was read, no fresh probe is sent.
    let mut sim = full_for_an_hour();
    sim.life();
    sim.caught_up();
    assert_eq!(sim.probes(), []);
    assert_eq!(sim.deadline(), Some(3_615_000));

    // A reader that takes one message at a time from a live peer causes no probe.
    let mut sim = Sim::open(rules());
    for second in 1..=14 {
        sim.run_to(second * 1_000);
        sim.intake(Intake::Full);
        sim.intake(Intake::Storing);
        sim.caught_up();
    }
    assert_eq!(sim.probes(), []);
}

/// Part of invariant 5.
#[test]
fn a_planned_replacement_waits_while_nothing_is_read() {
    let mut sim = Sim::connecting(Rules { heartbeat: None, ..rules() });
    sim.max_age = Some(ms(8_000));
    sim.connected();
    sim.intake(Intake::Full);
    sim.run_to(100_000);
    assert_eq!((sim.times(|action| action == Action::SendClose), sim.deadline()), (vec![], None));
    sim.intake(Intake::Storing);
    sim.run_to(100_000);
    assert_eq!(sim.times(|action| action == Action::SendClose), [100_000]);

    // The close timeout of 5 s is suspended twice, for a long time, and then continues.
    for (stop, go_on) in [(102_000, 200_000), (201_000, 300_000)] {
        sim.run_to(stop);
        sim.intake(Intake::Full);
        assert_eq!(sim.deadline(), None);
        sim.run_to(go_on);
        sim.intake(Intake::Storing);
    }
    assert_eq!((sim.deadline(), sim.losses()), (Some(302_000), vec![]));
    sim.run_to(302_000);
    assert_eq!(sim.losses(), [(302_000, Loss::MaxAge)]);
}

#[test]
fn invariant_06_a_stuck_write_blocks_neither_reads_nor_deadlines() {
    // No byte moves: the connection is lost as stalled, at the same time as for silence.
    let stuck = || {
        let mut sim = Sim::open(rules());
        sim.writes_probes = false;
        sim.feed(|machine, now| machine.handle_write_blocked(now, 1));
        sim.run_to(15_000);
        assert_eq!((sim.probes(), sim.machine.probe_since()), (vec![15_000], None));
        sim
    };
    let mut sim = stuck();
    sim.run_to(24_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(25_000);
    assert_eq!(sim.losses(), [(25_000, Loss::WriteStalled(ms(25_000)))]);

    // Accepted bytes or any frame extend the deadline, and the probe is not sent twice.
    for frame in [false, true] {
        let mut sim = stuck();
        for second in 16..=600 {
            sim.run_to(second * 1_000);
            sim.feed(|machine, now| match frame {
                true => machine.handle_frame(now, 1, false),
                false => machine.handle_write_progress(now, 1),
            });
        }
        assert_eq!((sim.losses(), sim.probes()), (vec![], vec![15_000]));
        sim.run_to(609_999);
        assert_eq!(sim.losses(), []);
        sim.run_to(610_000);
        assert_eq!(sim.losses(), [(610_000, Loss::WriteStalled(ms(10_000)))]);
    }

    // When the probe is written, the wait for its answer begins.
    let mut sim = stuck();
    sim.run_to(24_999);
    sim.feed(|machine, now| {
        machine.handle_flushed(now, 1);
        machine.handle_probe_written(now, 1, None);
    });
    sim.run_to(34_998);
    assert_eq!(sim.losses(), []);
    sim.run_to(34_999);
    assert_eq!(sim.losses(), [(34_999, Loss::HeartbeatTimeout(ms(34_999)))]);

    // Bytes accepted by a connection that was never blocked prove nothing, since the kernel accepts
    // them.
    let mut sim = Sim::open(rules());
    sim.run_to(24_999);
    sim.feed(|machine, now| machine.handle_write_progress(now, 1));
    sim.run_to(25_000);
    assert_eq!(sim.losses().len(), 1);
}

#[test]
fn invariant_07_every_wait_has_a_deadline() {
    // The attempt.
    let mut sim = Sim::connecting(rules());
    sim.run_to(9_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(10_000);
    assert_eq!(sim.losses(), [(10_000, Loss::ConnectTimeout(ms(10_000)))]);
    // The delay.
    sim.run_to(11_999);
    assert_eq!(sim.dials(), [0]);
    sim.run_to(12_000);
    assert_eq!(sim.dials(), [0, 12_000]);

    // The time to drain a connection that the peer closed, with a longer delay.
    let mut sim = Sim::open(rules());
    sim.decision = Decision::Retry(ms(60_000));
    sim.machine.handle_peer_closed(at(0), 1);
    assert_eq!(sim.machine.poll_action(), Some(Action::Drain));
    sim.drain();
    sim.run_to(4_999);
    assert_eq!(sim.times(|action| action == Action::EndDrain), []);
    sim.run_to(5_000);
    assert_eq!(sim.times(|action| action == Action::EndDrain), [5_000]);
    // With a shorter delay it ends before the next attempt begins.
    let mut sim = Sim::open(rules());
    sim.decision = Decision::Retry(ms(3_000));
    sim.machine.handle_peer_closed(at(0), 1);
    assert_eq!(sim.machine.poll_action(), Some(Action::Drain));
    sim.drain();
    sim.run_to(60_000);
    assert_eq!(sim.times(|action| action == Action::EndDrain), [3_000]);
    assert_eq!(sim.dials().first(), Some(&3_000));

    // The close handshake, requested by the user.
    let mut sim = Sim::open(rules());
    sim.feed(Machine::handle_close);
    sim.run_to(4_999);
    assert_eq!(sim.closed(), []);
    sim.run_to(5_000);
    assert_eq!(sim.closed(), [(5_000, End::User)]);

    // The close handshake, for the maximum age.
    let mut sim = Sim::connecting(rules());
    sim.max_age = Some(ms(8_000));
    sim.connected();
    sim.run_to(8_000);
    assert_eq!(sim.times(|action| action == Action::SendClose), [8_000]);
    sim.run_to(12_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(13_000);
    assert_eq!(sim.losses(), [(13_000, Loss::MaxAge)]);
    assert_eq!(sim.dials(), [0, 13_000]);
}

#[test]
fn invariant_08_a_stable_connection_resets_the_attempt_counter() {
    for (life, expected) in [(4_999, 2), (5_000, 1), (5_001, 1)] {
        let mut sim = Sim::connecting(rules());
        sim.ended();
        sim.run_to(2_000);
        sim.connected();
        sim.run_to(2_000 + life);
        sim.ended();
        assert_eq!(sim.machine.attempt(), expected, "after {life} ms");
        let fresh =
            sim.times(|action| matches!(action, Action::AskVerdict { fresh: true, .. })).len();
        assert_eq!(fresh, if expected == 1 { 2 } else { 1 }, "after {life} ms");
    }

    // One setting has the rule of the original.
    let mut sim = Sim::connecting(Rules { stable_after: ms(0), ..rules() });
    for _ in 0..100 {
        sim.connected();
        sim.ended();
        assert_eq!(sim.machine.attempt(), 1);
        let until = sim.deadline().unwrap_or(0);
        sim.run_to(until);
    }

    // A connection that did not open does not reset the counter.
    let pace = Pace { last_attempt: 1, ..rules().pace };
    let mut sim = Sim::connecting(Rules { pace, ..rules() });
    sim.ended();
    sim.run_to(2_000);
    sim.ended();
    assert_eq!(sim.closed(), [(2_000, End::AttemptsExhausted)]);

    // Before a connection has opened there may be another limit.
    let initial = |last_initial_attempt, last_attempt| {
        let last_initial_attempt = Some(last_initial_attempt);
        let pace = Pace { last_attempt, last_initial_attempt, ..rules().pace };
        Sim::connecting(Rules { pace, ..rules() })
    };
    let mut sim = initial(0, u32::MAX);
    sim.ended();
    assert_eq!(sim.closed(), [(0, End::AttemptsExhausted)]);
    let mut sim = initial(0, u32::MAX);
    sim.connected();
    for attempt in 1..=100 {
        sim.ended();
        assert_eq!(sim.machine.attempt(), attempt);
        let until = sim.deadline().unwrap_or(0);
        sim.run_to(until);
    }
    // The attempts before the first connection do not count for the limit after it.
    for (first, failures) in [(u32::MAX, 5), (1, 1)] {
        let mut sim = initial(first, 1);
        for _ in 0..failures {
            sim.ended();
            let until = sim.deadline().unwrap_or(0);
            sim.run_to(until);
        }
        sim.connected();
        sim.ended();
        assert_eq!((sim.machine.attempt(), sim.closed().len()), (1, 0));
        let until = sim.deadline().unwrap_or(0);
        sim.run_to(until);
        sim.ended();
        assert_eq!(sim.closed().len(), 1);
    }
}

#[test]
fn invariant_09_the_users_commands_win_in_every_state() {
    let hints: [fn(&mut Machine, Timestamp); 6] = [
        Machine::handle_reconnect_now,
        Machine::handle_probe_now,
        Machine::handle_resume,
        Machine::handle_pause,
        Machine::handle_close,
        Machine::handle_start,
    ];
    for abort in [false, true] {
        for (state, mut sim) in one_in_each_state() {
            sim.feed(if abort { Machine::handle_abort } else { Machine::handle_close });
            assert!(
                matches!(sim.machine.state, State::Closing { .. } | State::Closed),
                "{state}: {:?}",
                sim.machine.state
            );
            sim.log.retain(|(_, output)| matches!(output, super::sim::Output::Told(_)));
            let dials = sim.machine.connection();
            for hint in hints {
                sim.feed(hint);
            }
            sim.connected();
            sim.life();
            sim.run_to(3_600_000);
            sim.ended();
            assert_eq!(sim.machine.connection(), dials, "{state}");
            assert_eq!((sim.dials(), sim.probes()), (vec![], vec![]), "{state}");
            assert_eq!(sim.closed().len(), 1, "{state}: {:?}", sim.closed());
            assert_eq!(sim.deadline(), None, "{state}");
            assert_eq!(sim.closed()[0].1, if abort { End::Aborted } else { End::User });
        }
    }
}

#[test]
fn invariant_10_nothing_of_an_old_connection_affects_the_new_one() {
    let late: [fn(&mut Machine, Timestamp); 11] = [
        |machine, now| machine.handle_connected(now, 1, Means::Pings, Some(ms(1))),
        |machine, now| machine.handle_ended(now, 1),
        |machine, now| machine.handle_peer_closed(now, 1),
        |machine, now| machine.handle_frame(now, 1, true),
        |machine, now| machine.handle_probe_written(now, 1, None),
        |machine, now| machine.handle_write_blocked(now, 1),
        |machine, now| machine.handle_write_progress(now, 1),
        |machine, now| machine.handle_flushed(now, 1),
        |machine, now| machine.handle_written(now, 1, true),
        |machine, now| machine.handle_given_up(now, 1),
        |machine, now| {
            machine.handle_handed(1);
            machine.handle_caught_up(now, 1);
        },
    ];
    for moment in [2_000, 2_001, 17_000, 26_999] {
        for open in [false, true] {
            for input in late {
                let mut sim = Sim::open(rules());
                sim.ended();
                sim.run_to(2_000);
                if open {
                    sim.connected();
                }
                sim.run_to(moment);
                // The new time is an effect of its own.
                sim.machine.observe(sim.now);
                let before = sim.machine.clone();
                input(&mut sim.machine, sim.now);
                assert_eq!(sim.machine, before);
            }
        }
    }

    // The heartbeat begins again with each connection, for any end of the last one.
    for death in [1, 14_999, 15_000, 24_999] {
        let mut sim = Sim::open(rules());
        sim.run_to(death);
        sim.ended();
        sim.run_to(death + 2_000);
        sim.connected();
        sim.log.clear();
        sim.run_to(death + 2_000 + 24_999);
        assert_eq!((sim.probes(), sim.losses()), (vec![death + 17_000], vec![]));
        sim.run_to(death + 2_000 + 25_000);
        assert_eq!(sim.losses().len(), 1);
    }
}

#[test]
fn invariant_11_a_deadline_first_seen_late_ends_no_connection_at_once() {
    // If the deadline is seen a little late, there is a verdict. If it is later than a tenth of the
    // timeout, the verdict follows after a second look. If it is later than the timeout, a fresh
    // probe with a short deadline precedes the verdict.
    let cases = [
        (25_000, 0),
        (26_000, 0),
        (26_001, 1_000),
        (35_000, 1_000),
        (35_001, 5_000),
        (3_625_000, 5_000),
    ];
    for (seen, grace) in cases {
        let mut sim = Sim::open(rules());
        sim.run_to(15_000);
        sim.jump_to(seen);
        if grace > 0 {
            assert_eq!(sim.losses(), [], "seen at {seen}");
            sim.run_to(seen + grace - 1);
            assert_eq!(sim.losses(), [], "seen at {seen}");
        }
        sim.run_to(seen + grace);
        assert_eq!(sim.losses().len(), 1, "seen at {seen}");
        let probes = if grace == 5_000 { vec![15_000, seen] } else { vec![15_000] };
        assert_eq!(sim.probes(), probes, "seen at {seen}");
    }
    // A late deadline of an unwritten probe is also extended once, without a second probe.
    for (seen, lost) in [(35_000, true), (35_001, false)] {
        let mut sim = Sim::open(rules());
        sim.writes_probes = false;
        sim.run_to(15_000);
        sim.jump_to(seen);
        assert_eq!((sim.losses().len() == 1, sim.probes()), (lost, vec![15_000]));
        sim.run_to(seen + 10_000);
        assert_eq!(sim.losses().len(), 1);
    }
}

#[test]
fn invariant_12_now_never_runs_backward_and_overflow_means_never() {
    let mut sim = Sim::open(rules());
    sim.run_to(15_000);
    let before = sim.machine.clone();
    for back in [0, 14_999] {
        sim.machine.handle_deadline(at(back));
        sim.machine.handle_frame(at(back), 9, true);
        assert_eq!(sim.machine, before);
    }
    // Proof of life with an earlier time counts as heard now.
    sim.machine.handle_frame(at(3), 1, true);
    assert_eq!(sim.deadline(), Some(30_000));

    // At the end of time nothing overflows, and a deadline beyond the end never comes.
    let end = Timestamp::from_epoch(Duration::MAX);
    for (state, sim) in one_in_each_state() {
        let mut machine = sim.machine;
        machine.handle_deadline(end);
        while machine.poll_action().is_some() || machine.poll_event().is_some() {}
        machine.handle_decision(end, Decision::Retry(Duration::MAX));
        machine.handle_connected(end, machine.connection(), Means::Pings, Some(Duration::MAX));
        machine.handle_frame(end, machine.connection(), true);
        machine.handle_reconnect_now(end);
        machine.handle_close(end);
        assert!(machine.poll_deadline().is_none_or(|deadline| deadline <= end), "{state}");
    }
    let mut sim = Sim::open(rules());
    sim.decision = Decision::Retry(Duration::MAX);
    sim.ended();
    assert_eq!(sim.deadline(), None);
    sim.feed(Machine::handle_reconnect_now);
    assert_eq!(sim.deadline(), Some(100));
}
