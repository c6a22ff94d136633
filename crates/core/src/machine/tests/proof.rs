//! Pings that prove the messages of a busy connection.

use super::sim::{Sim, ms, rules};
use crate::{
    config::Trigger,
    machine::{Intake, Loss, Machine, Rules},
};

fn written(sim: &mut Sim, by_ping: bool) {
    let number = sim.machine.connection();
    sim.feed(|machine, now| machine.handle_written(now, number, by_ping));
}

/// Writes a message and hears one, each second until `end` seconds.
fn busy(sim: &mut Sim, end: u64) {
    let begin = sim.now.since_epoch().as_secs();
    for second in begin + 1..=end {
        sim.run_to(second * 1_000);
        written(sim, true);
        sim.life();
    }
}

#[test]
fn a_busy_connection_sends_one_ping_in_an_interval() {
    let mut sim = Sim::open(rules());
    busy(&mut sim, 100);
    // The first flush after each ping begins the next interval.
    assert_eq!(sim.probes(), [16_000, 31_000, 46_000, 61_000, 76_000, 91_000]);
    assert_eq!(sim.losses(), []);
}

#[test]
fn without_new_messages_no_proof_is_due() {
    let mut sim = Sim::open(rules());
    busy(&mut sim, 1);
    for second in 2..100 {
        sim.run_to(second * 1_000);
        sim.life();
    }
    assert_eq!(sim.probes(), [16_000]);
}

#[test]
fn only_pings_after_silence_have_proofs() {
    let period = Rules {
        heartbeat: rules().heartbeat.map(|mut heartbeat| {
            heartbeat.trigger = Trigger::Period;
            heartbeat
        }),
        ..rules()
    };
    let off = Rules { heartbeat: None, ..rules() };
    for (rules, by_ping, probes) in
        [(off, true, vec![]), (rules(), false, vec![]), (period, true, vec![15_000, 30_000])]
    {
        let mut sim = Sim::open(rules);
        for second in 1..=40 {
            sim.run_to(second * 1_000);
            written(&mut sim, by_ping);
            sim.life();
        }
        assert_eq!(sim.probes(), probes);
    }
}

#[test]
fn the_ping_of_a_proof_is_not_judged() {
    let mut sim = Sim::open(rules());
    busy(&mut sim, 20);
    assert_eq!(sim.probes(), [16_000]);
    // The last frame came at 20 s. The heartbeat is due 15 s later, and judged after 10 s.
    sim.run_to(46_000);
    assert_eq!(sim.probes(), [16_000, 31_000, 35_000]);
    assert_eq!(sim.losses(), [(45_000, Loss::HeartbeatTimeout(ms(25_000)))]);
}

#[test]
fn while_nothing_is_read_no_proof_is_due() {
    let mut sim = Sim::open(rules());
    busy(&mut sim, 10);
    sim.intake(Intake::Full);
    sim.run_to(20_000);
    assert_eq!(sim.probes(), []);
    sim.intake(Intake::Taking);
    sim.run_to(20_000);
    assert_eq!(sim.probes(), [20_000]);
}

#[test]
fn one_ping_is_the_proof_and_the_probe() {
    for command in [false, true] {
        let mut sim = Sim::open(rules());
        sim.writes_probes = false;
        busy(&mut sim, 16);
        assert_eq!(sim.probes(), [16_000]);
        // The ping is not written before a probe is needed, by silence or by a command.
        sim.run_to(20_000);
        if command {
            sim.feed(Machine::handle_probe_now);
        }
        sim.run_to(if command { 20_000 } else { 31_000 });
        assert_eq!(sim.probes(), [16_000], "{command}");
        sim.feed(|machine, now| machine.handle_probe_written(now, 1, None));
        sim.writes_probes = true;
        sim.run_to(100_000);
        // Its answer may be the frame at 16 s, so a fresh probe precedes the verdict.
        let (fresh, lost) = if command { (25_000, 30_000) } else { (41_000, 46_000) };
        assert_eq!(sim.probes(), [16_000, fresh]);
        assert_eq!(sim.losses().first().map(|(at, _)| *at), Some(lost));
    }
}

#[test]
fn a_ping_without_an_answer_is_judged_as_the_probe() {
    for command in [false, true] {
        let mut sim = Sim::open(rules());
        sim.writes_probes = false;
        busy(&mut sim, 15);
        // Nothing is heard after the ping, so its answer was not heard either.
        sim.run_to(16_000);
        assert_eq!(sim.probes(), [16_000]);
        sim.run_to(if command { 20_000 } else { 30_000 });
        if command {
            sim.feed(Machine::handle_probe_now);
        }
        sim.feed(|machine, now| machine.handle_probe_written(now, 1, None));
        sim.writes_probes = true;
        sim.run_to(100_000);
        let lost = if command { 25_000 } else { 40_000 };
        assert_eq!(sim.losses().first().map(|(at, _)| *at), Some(lost));
        assert_eq!(sim.probes(), [16_000]);
    }
}

#[test]
fn the_ping_after_silence_is_the_proof_if_it_is_due_soon() {
    // A request and its answer, then silence: one ping.
    let mut sim = Sim::open(rules());
    sim.run_to(1_000);
    written(&mut sim, true);
    sim.run_to(1_200);
    sim.life();
    sim.run_to(16_300);
    assert_eq!(sim.probes(), [16_200]);

    // A frame shortly before puts the heartbeat off, but the proof no further.
    let mut sim = Sim::open(rules());
    sim.run_to(1_000);
    written(&mut sim, true);
    sim.run_to(1_200);
    sim.life();
    sim.run_to(16_100);
    sim.life();
    sim.run_to(20_000);
    assert_eq!(sim.probes(), [16_200]);
}
