//! A limit at which the peer ends connections.

use super::sim::{Output, Sim, ms, rules};
use crate::{
    event::Cutoff,
    machine::{Intake, Machine, Transition},
};

/// A step on a connection, at a time after it opened.
#[derive(Clone, Copy)]
enum Step {
    /// A frame comes in.
    In(u64),
    /// Messages are written.
    Out(u64),
    /// The peer ends the connection.
    End(u64),
    /// The peer's close frame comes in.
    Close(u64),
    /// The driver gives the connection up.
    GiveUp(u64),
    /// The next attempt fails, before the connection opens.
    Fail,
}

use Step::{Close, End, Fail, GiveUp, In, Out};

fn silence(millis: u64, in_a_row: u32) -> Option<Cutoff> {
    Some(Cutoff::Silence { limit: ms(millis), in_a_row })
}

fn age(millis: u64, in_a_row: u32) -> Option<Cutoff> {
    Some(Cutoff::Age { limit: ms(millis), in_a_row })
}

/// The steps of one connection, from the dial to its end.
fn live(sim: &mut Sim, steps: &[Step]) {
    for _ in steps.iter().filter(|step| matches!(step, Fail)) {
        sim.ended();
        redial(sim);
    }
    sim.connected();
    let opened = u64::try_from(sim.now.since_epoch().as_millis()).unwrap();
    let number = sim.machine.connection();
    for step in steps {
        let (In(at) | Out(at) | End(at) | Close(at) | GiveUp(at)) = *step else { continue };
        sim.run_to(opened + at);
        match step {
            In(_) => sim.life(),
            Out(_) => sim.feed(|machine, now| machine.handle_written(now, number, false)),
            End(_) => sim.ended(),
            Close(_) => sim.feed(|machine, now| machine.handle_peer_closed(now, number)),
            GiveUp(_) => sim.feed(|machine, now| machine.handle_given_up(now, number)),
            Fail => {}
        }
    }
    redial(sim);
}

/// Runs to the next attempt, if the connection is lost.
fn redial(sim: &mut Sim) {
    if let Some(at) = sim.machine.next_attempt() {
        sim.now = at;
        sim.feed(Machine::handle_deadline);
    }
}

/// The findings of the losses of open connections.
fn findings(sim: &Sim) -> Vec<Option<Cutoff>> {
    let told = sim.log.iter().filter_map(|(_, output)| match output {
        Output::Told(Transition::Lost { opened: true, cutoff, .. }) => Some(*cutoff),
        _ => None,
    });
    told.collect()
}

fn found(connections: &[&[Step]]) -> Vec<Option<Cutoff>> {
    let mut sim = Sim::connecting(rules());
    connections.iter().for_each(|steps| live(&mut sim, steps));
    findings(&sim)
}

#[test]
fn the_third_equal_silence_shows_a_limit_on_silence() {
    let found = found(&[
        &[In(1_000), End(6_000)],
        &[Out(4_000), End(9_500)],
        &[Close(5_900)],
        &[In(2_000), Out(3_000), End(8_200)],
        &[End(7_000)],
    ]);
    assert_eq!(found, [None, None, silence(5_000, 3), silence(5_000, 4), None]);
}

#[test]
fn the_third_equal_age_shows_a_limit_on_age() {
    let found = found(&[
        &[In(6_000), In(9_000), End(14_000)],
        &[In(7_000), In(13_000), End(14_700)],
        &[In(12_000), Close(14_300)],
    ]);
    assert_eq!(found, [None, None, age(14_000, 3)]);
}

#[test]
fn a_silence_that_was_survived_before_is_no_limit() {
    // Heartbeats every 15 s are answered, and each connection ends 5 s after one of them.
    let connection: &[Step] = &[In(15_050), In(30_100), End(35_000)];
    assert_eq!(found(&[connection; 3]), [None, None, age(35_000, 3)]);
    // Without traffic both fit, and the silence has the cheaper remedy.
    assert_eq!(found(&[&[End(5_000)][..]; 3]), [None, None, silence(5_000, 3)]);
    // The age explains one connection more.
    let found = found(&[&[In(4_000), End(6_000)], &[End(6_000)], &[End(6_000)], &[End(6_000)]]);
    assert_eq!(found, [None, None, age(6_000, 3), age(6_000, 4)]);
}

#[test]
fn times_are_alike_within_a_second_or_five_percent() {
    for (times, alike) in [
        ([5_000, 6_000, 5_500], true),
        ([5_000, 6_001, 5_500], false),
        ([100_000, 105_000, 103_000], true),
        ([100_000, 105_300, 103_000], false),
    ] {
        let mut sim = Sim::connecting(rules());
        for time in times {
            // No heartbeat, so that the silence may be long.
            sim.connected();
            sim.now = sim.now.checked_add(ms(time)).unwrap();
            sim.ended();
            redial(&mut sim);
        }
        let expected = alike.then_some(Cutoff::Silence { limit: ms(times[0]), in_a_row: 3 });
        assert_eq!(findings(&sim), [None, None, expected], "{times:?}");
    }
}

#[test]
fn short_times_show_no_limit() {
    assert_eq!(found(&[&[End(100)][..]; 5]), [None; 5], "closed right after the upgrade");
    assert_eq!(found(&[&[End(2_999)][..]; 3]), [None; 3]);
    assert_eq!(found(&[&[End(3_000)][..]; 3]), [None, None, silence(3_000, 3)]);
    let busy = [8_000, 20_000, 31_000].map(|end| [In(end - 10), End(end)]);
    assert_eq!(found(&[&busy[0], &busy[1], &busy[2]]), [None; 3], "a busy connection breaks");
}

#[test]
fn an_unanswered_probe_is_no_frame() {
    // The first ping after 15 s finds that a box has forgotten the connection.
    assert_eq!(found(&[&[End(15_050)][..]; 3]), [None, None, silence(15_050, 3)]);
}

#[test]
fn each_other_loss_ends_the_row() {
    type Act = fn(&mut Sim);
    let others: [(&str, Act); 6] = [
        ("given up", |sim| live(sim, &[GiveUp(5_000)])),
        ("heartbeat timeout", |sim| live(sim, &[End(25_000)])),
        ("replaced", |sim| {
            sim.connected();
            sim.feed(Machine::handle_reconnect_now);
            redial(sim);
        }),
        ("maximum age", |sim| {
            sim.max_age = Some(ms(5_000));
            sim.connected();
            let opened = u64::try_from(sim.now.since_epoch().as_millis()).unwrap();
            sim.run_to(opened + 5_000);
            sim.ended();
            sim.max_age = None;
            redial(sim);
        }),
        ("paused", |sim| {
            sim.connected();
            sim.feed(Machine::handle_pause);
            sim.now = sim.now.checked_add(ms(5_000)).unwrap();
            sim.ended();
            sim.feed(Machine::handle_resume);
            redial(sim);
        }),
        ("not read", |sim| {
            sim.connected();
            sim.intake(Intake::Full);
            sim.now = sim.now.checked_add(ms(5_000)).unwrap();
            sim.ended();
            sim.intake(Intake::Taking);
            redial(sim);
        }),
    ];
    for (name, other) in others {
        let mut sim = Sim::connecting(rules());
        live(&mut sim, &[End(5_000)]);
        live(&mut sim, &[End(5_000)]);
        other(&mut sim);
        live(&mut sim, &[End(5_000)]);
        live(&mut sim, &[End(5_000)]);
        assert_eq!(findings(&sim), [None; 5], "{name}");
        live(&mut sim, &[End(5_000)]);
        assert_eq!(findings(&sim).last(), Some(&silence(5_000, 3)), "{name}");
    }
}

#[test]
fn a_failed_attempt_does_not_end_the_row() {
    let found = found(&[&[End(5_000)], &[Fail, Fail, End(5_000)], &[Fail, End(5_000)]]);
    assert_eq!(found, [None, None, silence(5_000, 3)]);
}
