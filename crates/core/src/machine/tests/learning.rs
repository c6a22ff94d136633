//! Connections without pings: silence is watched, and answers are learned.

use super::sim::{Output, Sim, ms, rules};
use crate::{
    config::Trigger,
    machine::{Intake, Loss, Machine, Means, Transition},
};

const MINUTE: u64 = 60_000;

fn open(means: Means) -> Sim {
    let mut sim = Sim::connecting(rules());
    sim.means = means;
    sim.connected();
    sim.log.clear();
    sim
}

fn learning() -> Sim {
    open(Means::Messages)
}

/// Silent and unanswered heartbeats that were reported, with their times.
fn reports(sim: &Sim) -> Vec<(u64, &'static str, u64)> {
    let reports = sim.log.iter().filter_map(|(at, output)| match output {
        Output::Told(Transition::Silent { time, .. }) => Some((*at, "silent", time.as_millis())),
        Output::Told(Transition::Unanswered { time, .. }) => {
            Some((*at, "unanswered", time.as_millis()))
        }
        _ => None,
    });
    reports.map(|(at, name, time)| (at, name, time as u64)).collect()
}

/// Runs from deadline to deadline.
#[track_caller]
fn run_until(sim: &mut Sim, over: impl Fn(&Sim) -> bool) {
    for _ in 0..1_000 {
        if over(sim) {
            return;
        }
        let deadline = sim.deadline().expect("something is due");
        sim.run_to(deadline);
    }
    panic!("it does not come");
}

/// The next probe is answered after this time.
fn answer_after(sim: &mut Sim, millis: u64) {
    let before = sim.probes().len();
    run_until(sim, |sim| sim.probes().len() > before);
    let asked = *sim.probes().last().expect("a probe was sent");
    sim.run_to(asked + millis);
    sim.life();
}

/// After a loss, the next attempt succeeds at once.
fn reconnect(sim: &mut Sim) {
    let before = sim.dials().len();
    run_until(sim, |sim| sim.dials().len() > before);
    sim.connected();
}

#[test]
fn silence_is_reported_once_and_ends_nothing() {
    let mut sim = open(Means::Nothing);
    sim.run_to(59_999);
    assert_eq!(reports(&sim), []);
    sim.run_to(3_600_000);
    assert_eq!(reports(&sim), [(60_000, "silent", 60_000)]);
    assert_eq!((sim.probes(), sim.losses()), (vec![], vec![]));
    sim.life();
    sim.run_to(3_659_999);
    assert_eq!(reports(&sim).len(), 1);
    sim.run_to(3_660_000);
    assert_eq!(reports(&sim).last(), Some(&(3_660_000, "silent", 60_000)));
}

#[test]
fn frames_put_off_the_report_of_silence() {
    let mut sim = open(Means::Nothing);
    for second in 1..600 {
        sim.run_to(second * 1_000);
        sim.life();
    }
    assert_eq!(reports(&sim), []);
    sim.run_to(658_999);
    assert_eq!(reports(&sim), []);
    sim.run_to(659_000);
    assert_eq!(reports(&sim), [(659_000, "silent", 60_000)]);
}

#[test]
fn a_recheck_without_probes_reports_silence_soon() {
    for recheck in [Machine::handle_probe_now as fn(&mut Machine, _), |machine, now| {
        machine.handle_pause(now);
        machine.handle_resume(now);
    }] {
        let mut sim = open(Means::Nothing);
        sim.run_to(10_000);
        sim.feed(recheck);
        sim.run_to(14_999);
        assert_eq!(reports(&sim), []);
        sim.run_to(15_000);
        assert_eq!(reports(&sim), [(15_000, "silent", 15_000)]);
        // This silence was reported.
        sim.feed(recheck);
        sim.run_to(200_000);
        assert_eq!(reports(&sim).len(), 1);
        assert_eq!((sim.probes(), sim.losses()), (vec![], vec![]));
    }
}

#[test]
fn our_own_back_pressure_is_not_silence() {
    let mut sim = open(Means::Nothing);
    sim.run_to(50_000);
    sim.intake(Intake::Full);
    sim.run_to(600_000);
    assert_eq!((reports(&sim), sim.deadline()), (vec![], None));
    sim.intake(Intake::Taking);
    sim.life();
    sim.caught_up();
    sim.run_to(659_999);
    assert_eq!(reports(&sim), []);
}

#[test]
fn before_answers_are_learned_a_miss_is_reported_once_a_connection() {
    let mut sim = learning();
    sim.run_to(25_000);
    assert_eq!(reports(&sim), [(25_000, "unanswered", 25_000)]);
    assert_eq!((sim.probes(), sim.losses()), (vec![15_000], vec![]));
    // The schedule goes on as after an answer.
    sim.run_to(74_999);
    assert_eq!((sim.probes(), sim.losses()), (vec![15_000, 40_000, 65_000], vec![]));
    assert_eq!(reports(&sim).len(), 1);
    reconnect(&mut sim);
    let opened = *sim.dials().last().expect("it dialled");
    sim.run_to(opened + 25_000);
    assert_eq!(reports(&sim).len(), 2);
}

#[test]
fn three_silent_misses_in_a_row_end_the_connection() {
    let mut sim = learning();
    sim.run_to(75_000);
    assert_eq!(sim.losses(), [(75_000, Loss::HeartbeatTimeout(ms(75_000)))]);
}

#[test]
fn a_miss_with_other_frames_is_not_silent() {
    let mut sim = learning();
    for round in 0..20 {
        // Neither proof of life nor an answer.
        sim.run_to(round * 25_000 + 20_000);
        let number = sim.machine.connection();
        sim.feed(|machine, now| machine.handle_frame(now, number, false));
    }
    assert_eq!((reports(&sim).len(), sim.losses()), (1, vec![]));
}

#[test]
fn frames_between_misses_end_the_row() {
    let mut sim = learning();
    for round in 1..90 {
        sim.run_to(round * 40_000);
        let number = sim.machine.connection();
        sim.feed(|machine, now| machine.handle_frame(now, number, true));
    }
    assert_eq!((reports(&sim).len(), sim.losses()), (1, vec![]));
}

#[test]
fn reconnects_without_learned_answers_become_rarer() {
    let mut sim = learning();
    let mut lost = Vec::new();
    while lost.len() < 12 {
        run_until(&mut sim, |sim| sim.losses().len() > lost.len());
        lost.push(sim.losses().last().expect("it was lost").0);
        reconnect(&mut sim);
    }
    let gaps: Vec<_> = lost.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, minutes) in gaps.iter().zip([1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30]) {
        let after = *gap - (minutes * MINUTE).min(*gap);
        // A row of three misses takes 75 s after a reconnect, a further one 25 s.
        assert!(*gap >= minutes * MINUTE && after <= 77_000, "{minutes} min: {gaps:?}");
    }
}

#[test]
fn after_three_answers_in_a_row_a_miss_ends_the_connection() {
    let mut sim = learning();
    for _ in 0..2 {
        answer_after(&mut sim, 1_000);
    }
    sim.run_to(57_000);
    assert_eq!(reports(&sim).len(), 1, "two answers are not enough");
    let mut sim = learning();
    for _ in 0..3 {
        answer_after(&mut sim, 1_000);
    }
    let heard = 3 * 16_000;
    sim.run_to(heard + 24_999);
    assert_eq!(sim.losses(), []);
    sim.run_to(heard + 25_000);
    assert_eq!(sim.losses(), [(heard + 25_000, Loss::HeartbeatTimeout(ms(25_000)))]);
    assert_eq!(reports(&sim), []);
}

#[test]
fn a_miss_among_the_answers_starts_the_count_again() {
    let mut sim = learning();
    for _ in 0..2 {
        answer_after(&mut sim, 1_000);
    }
    // Not answered.
    sim.run_to(32_000 + 25_000);
    for _ in 0..2 {
        answer_after(&mut sim, 1_000);
    }
    let last = sim.now;
    sim.run_to(super::sim::in_millis(last) + 30_000);
    assert_eq!(sim.losses(), []);
}

#[test]
fn one_recognised_reply_is_enough() {
    let mut sim = learning();
    sim.run_to(1_000);
    let number = sim.machine.connection();
    sim.feed(|machine, _| machine.handle_reply(number + 1));
    sim.run_to(25_000);
    assert_eq!((reports(&sim).len(), sim.losses()), (1, vec![]), "another connection");
    sim.feed(|machine, _| machine.handle_reply(number));
    sim.run_to(50_000);
    assert_eq!(sim.losses(), [(50_000, Loss::HeartbeatTimeout(ms(50_000)))]);
}

#[test]
fn messages_that_come_anyway_teach_nothing() {
    let mut period = rules();
    period.heartbeat.as_mut().expect("the rules have a heartbeat").trigger = Trigger::Period;
    let mut sim = Sim::connecting(period);
    sim.means = Means::Messages;
    sim.connected();
    // The server sends a message each second, and answers nothing.
    for second in 1..=100 {
        sim.run_to(second * 1_000);
        sim.life();
    }
    // Then it is silent for a while, and healthy.
    sim.run_to(140_000);
    assert_eq!((reports(&sim).len(), sim.losses()), (1, vec![]));
}

#[test]
fn an_unanswered_first_heartbeat_after_a_loss_unlearns() {
    let mut sim = learning();
    for _ in 0..3 {
        answer_after(&mut sim, 0);
    }
    sim.run_to(3 * 15_000 + 25_000);
    assert_eq!(sim.losses().len(), 1);
    reconnect(&mut sim);
    let opened = *sim.dials().last().expect("it dialled");
    sim.run_to(opened + 25_000);
    assert_eq!((sim.losses().len(), reports(&sim).len()), (1, 1));

    // With an answer, the server is still known to answer.
    let mut sim = learning();
    for _ in 0..3 {
        answer_after(&mut sim, 0);
    }
    sim.run_to(3 * 15_000 + 25_000);
    reconnect(&mut sim);
    answer_after(&mut sim, 0);
    let opened = *sim.dials().last().expect("it dialled");
    sim.run_to(opened + 15_000 + 25_000);
    assert_eq!((sim.losses().len(), reports(&sim).len()), (2, 0));
}

#[test]
fn what_was_learned_belongs_to_the_session() {
    let mut sim = learning();
    for _ in 0..3 {
        answer_after(&mut sim, 1_000);
    }
    sim.ended();
    reconnect(&mut sim);
    let opened = *sim.dials().last().expect("it dialled");
    sim.run_to(opened + 25_000);
    assert_eq!(sim.losses().last().map(|(at, _)| *at), Some(opened + 25_000));
    assert_eq!(reports(&sim), []);
}

#[test]
fn a_probed_connection_is_judged_at_the_first_miss() {
    let mut sim = open(Means::Pings);
    sim.run_to(25_000);
    assert_eq!(sim.losses().len(), 1);
}

/// Two misses are tolerated.
fn tolerant() -> Sim {
    let mut tolerant = rules();
    tolerant.heartbeat.as_mut().expect("the rules have a heartbeat").max_missed = 2;
    let mut sim = Sim::connecting(tolerant);
    sim.means = Means::Messages;
    sim.connected();
    sim.log.clear();
    sim
}

#[test]
fn before_answers_are_learned_the_users_limit_of_misses_waits() {
    let mut sim = tolerant();
    sim.run_to(74_999);
    assert_eq!(sim.probes(), [15_000, 40_000, 65_000]);
    sim.run_to(75_000);
    assert_eq!(sim.losses().len(), 1);
}

#[test]
fn after_answers_are_learned_the_users_limit_of_misses_holds() {
    let mut sim = tolerant();
    for _ in 0..3 {
        answer_after(&mut sim, 1_000);
    }
    let dead = 3 * 16_000 + 15_000 + 3 * 10_000;
    sim.run_to(dead - 1);
    assert_eq!(sim.losses(), []);
    sim.run_to(dead);
    assert_eq!(sim.losses().len(), 1);
}

#[test]
fn a_late_look_reports_no_miss() {
    let mut sim = learning();
    sim.run_to(15_000);
    sim.jump_to(3_600_000);
    assert_eq!((reports(&sim), sim.losses()), (vec![], vec![]));
    assert_eq!(sim.probes(), [15_000, 3_600_000], "a fresh probe comes first");
}
