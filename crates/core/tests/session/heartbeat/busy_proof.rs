//! Pings on a busy connection, which bound `Lost::unproven`.

use std::time::Duration;

use websocket_heartbeat::{Event, Heartbeat, InboxSettings, Preset};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, Session, ms, secs};

/// The counts of a session that sends a message every 100 ms.
struct Counts {
    pings: u64,
    losses: u64,
    unproven: u64,
}

/// Runs for `time` with an exchange every 100 ms, then loses the connection.
fn exchange(heartbeat: Heartbeat, time: Duration, script: fn() -> Script) -> Counts {
    let (mut fixture, builder) = Fixture::new(move |_| script());
    let session = builder.heartbeat(heartbeat).build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    for _ in 0..time.as_millis() / 100 {
        handle.try_queue("x").unwrap();
        fixture.runner.run_for(ms(100));
    }
    let counters = handle.status().counters;
    fixture.remote.last_peer().unwrap().end();
    fixture.runner.run_for(ms(100));
    let unproven = log.events().into_iter().find_map(|event| match event {
        Event::Lost(lost) => Some(lost.unproven),
        _ => None,
    });
    Counts {
        pings: counters.probes_sent,
        losses: counters.losses.iter().map(|(_, count)| count).sum(),
        unproven: unproven.expect("the connection is lost"),
    }
}

fn pings() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10)).ping()
}

#[test]
fn at_most_one_interval_of_a_busy_connection_is_unproven() {
    let echo = || Script::accept().echo().latency(ms(40)).unrecorded();
    for time in [secs(3_600), ms(3_607_300), ms(3_614_900)] {
        let Counts { pings, losses, unproven } = exchange(pings(), time, echo);
        // The messages of one interval and of one round trip.
        assert!((1..=150 + 2).contains(&unproven), "{unproven} after {time:?}");
        assert!((230..=240).contains(&pings), "{pings} pings");
        assert_eq!(losses, 0);
    }
}

#[test]
fn a_server_that_talks_without_pongs_is_kept_and_pinged_rarely() {
    let talks = || Script::accept().echo().without_pongs().unrecorded();
    let Counts { pings, losses, unproven } = exchange(pings(), secs(3_600), talks);
    assert_eq!((losses, unproven), (0, 36_000));
    assert!((230..=240).contains(&pings), "{pings} pings");
}

#[test]
fn messages_of_heartbeats_are_never_sent_for_a_proof() {
    let echo = || Script::accept().echo().unrecorded();
    let heartbeat = Heartbeat::idle(secs(15)).message("beat");
    let Counts { pings, unproven, .. } = exchange(heartbeat, secs(300), echo);
    assert_eq!((pings, unproven), (0, 3_000));
    let Counts { pings, .. } = exchange(Heartbeat::off(), secs(300), echo);
    assert_eq!(pings, 0);

    let mut session = Session::original(|_| Script::accept().echo());
    for at in 1..300 {
        session.run_to(at * 1_000);
        session.handle.try_queue("x").unwrap();
    }
    assert_eq!(session.handle.status().counters.probes_sent, 0, "{:?}", Preset::Original);
}

#[test]
fn no_proof_is_sent_while_the_inbox_is_full() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().chatter(secs(1), "x"));
    let session = builder.build().unwrap();
    let (driver, inbox) = session.into_driver(InboxSettings::new(4)).unwrap();
    let handle = driver.handle();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(secs(1));
    handle.try_queue("x").unwrap();
    fixture.runner.run_for(ms(14_900));
    // The heartbeat sends its ping 15 s after the last frame that was read.
    let pings = fixture.remote.trace().times("#1 -> ping");
    assert_eq!(pings, [] as [u64; 0]);
    fixture.runner.run_for(ms(1_600));
    assert_eq!(fixture.remote.trace().times("#1 -> ping"), [] as [u64; 0], "due at 16 s");
    // It is sent as soon as the inbox is read.
    fixture.read(inbox);
    fixture.runner.settle();
    assert_eq!(fixture.remote.trace().times("#1 -> ping"), [17_500]);
}
