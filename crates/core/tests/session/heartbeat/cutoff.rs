//! Limits at which the peer ends connections: `Lost::cutoff`.

use std::time::Duration;

use websocket_heartbeat::{
    Constant, Cutoff, ErrorKind, Event, Heartbeat, Preset, Supervisor, TransportError,
};
use websocket_heartbeat_mock::{Clock, Script, mock};

use crate::harness::{Fixture, Session, ms, secs};

/// The findings of all losses of open connections within `time`. A finding is also in the status.
fn found(time: Duration, script: impl FnMut(u64) -> Script + Send + 'static) -> Vec<String> {
    let (mut fixture, builder) = Fixture::new(script);
    let session = builder.build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    fixture.runner.run_for(time);
    let found: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Lost(lost) if lost.opened => Some(lost.cutoff.as_deref().map(short)),
            _ => None,
        })
        .map(Option::unwrap_or_default)
        .collect();
    let published = handle.status().cutoff.as_deref().map(short).unwrap_or_default();
    assert_eq!(Some(&published), found.last());
    found
}

fn short(cutoff: &Cutoff) -> String {
    match cutoff {
        Cutoff::Silence { limit, in_a_row, .. } => format!("silence {limit:?} {in_a_row}"),
        Cutoff::Age { limit, in_a_row, .. } => format!("age {limit:?} {in_a_row}"),
        other => panic!("{other:?}"),
    }
}

/// A server that sends a message at each of these times, in milliseconds.
fn sends(times: &[u64]) -> Script {
    times.iter().fold(Script::accept(), |script, at| script.send_after(ms(*at), "x"))
}

#[test]
fn an_idle_limit_is_reported_with_the_third_loss() {
    // The end is a close frame, an end without one, or a reset.
    let script = |dial| match dial {
        1 => sends(&[500]).close_after(ms(5_500), 1001, "idle"),
        2 => sends(&[1_000, 2_500]).end_after(ms(7_700)),
        3 => {
            let reset = TransportError::new(ErrorKind::Reset, "reset by peer");
            sends(&[4_000]).fail_after(ms(9_000), reset)
        }
        _ => Script::accept(),
    };
    assert_eq!(found(secs(60), script), ["", "", "silence 5s 3"]);
}

#[test]
fn a_heartbeat_below_the_idle_limit_keeps_the_connection() {
    // A proxy that ends a connection after 5 s of silence.
    for (interval, lost) in [(secs(15), 20), (secs(3), 0)] {
        let (mut fixture, builder) = Fixture::new(|_| Script::accept().silence_limit(secs(5)));
        let session = builder.heartbeat(Heartbeat::idle(interval)).build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        fixture.runner.run_for(secs(120));
        let status = handle.status();
        assert_eq!(status.counters.losses.broken, lost, "{interval:?}");
        let words = status.cutoff.map(|cutoff| cutoff.to_string());
        let expected = "the peer ends connections after 5s of silence, 20 times in a row: use a \
                        heartbeat interval below that";
        assert_eq!(words.as_deref(), (lost > 0).then_some(expected));
    }
}

#[test]
fn messages_that_are_written_end_a_silence() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().silence_limit(secs(5)));
    let session = builder.build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    for pause in [1, 3, 2] {
        fixture.runner.run_for(secs(pause));
        handle.try_queue("x").unwrap();
        fixture.runner.run_for(ms(6_000));
    }
    let found: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Lost(lost) => Some(lost.cutoff.as_deref().map(short)),
            _ => None,
        })
        .collect();
    assert_eq!(found, [None, None, Some("silence 5s 3".to_owned())]);
}

#[test]
fn an_age_limit_is_reported_with_the_third_loss() {
    let script = |dial| match dial {
        1 => sends(&[6_000, 8_000, 11_900]).end_after(secs(12)),
        2 => sends(&[7_000, 9_000]).end_after(secs(12)),
        3 => sends(&[6_500, 12_200]).end_after(ms(12_300)),
        _ => Script::accept(),
    };
    assert_eq!(found(secs(60), script), ["", "", "age 12s 3"]);
}

#[test]
fn heartbeats_before_the_end_make_an_age_of_a_silence() {
    // Silence and age are equal in each connection, and heartbeats ended a longer silence.
    let script = |dial| match dial {
        1..=3 => Script::accept().end_after(secs(35)),
        _ => Script::accept(),
    };
    assert_eq!(found(secs(200), script), ["", "", "age 35s 3"]);
    let script = |dial| match dial {
        1..=3 => Script::accept().end_after(secs(10)),
        _ => Script::accept(),
    };
    assert_eq!(found(secs(200), script), ["", "", "silence 10s 3"]);
}

#[test]
fn a_busy_connection_that_breaks_has_no_limit() {
    let script = |dial| {
        let life = [8_000, 20_000, 31_000].get(dial as usize - 1).copied();
        let script = Script::accept().chatter(ms(100), "x").unrecorded();
        life.map_or_else(Script::accept, |life| script.end_after(ms(life)))
    };
    assert_eq!(found(secs(100), script), ["", "", ""]);
    let at_once = |dial| match dial {
        1..=4 => Script::accept().end_after(ms(100)),
        _ => Script::accept(),
    };
    assert_eq!(found(secs(100), at_once), [""; 4], "closed right after the upgrade");
}

#[test]
fn failed_attempts_between_the_losses_change_nothing() {
    let script = |dial| match dial {
        1 | 3 | 6 => Script::accept().end_after(secs(5)),
        2 | 4 | 5 => Script::refuse_connection(),
        _ => Script::accept(),
    };
    assert_eq!(found(secs(60), script), ["", "", "silence 5s 3"]);
}

#[test]
fn an_end_of_ours_between_the_losses_ends_the_row() {
    // Our protocol check ends connection 3.
    let script = |dial| match dial {
        3 => Script::accept().garbage_after(secs(5)),
        1..=5 => Script::accept().end_after(secs(5)),
        _ => Script::accept(),
    };
    assert_eq!(found(secs(60), script), [""; 5]);
    // The server does not answer heartbeats on connection 3.
    let script = |dial| match dial {
        3 => Script::accept().without_pongs(),
        1..=5 => Script::accept().end_after(secs(5)),
        _ => Script::accept(),
    };
    assert_eq!(found(secs(100), script), [""; 5]);
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().end_after(secs(5)));
    let session = builder.build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    // Connections begin every 6 s. The third one is replaced.
    fixture.runner.run_for(secs(14));
    handle.reconnect_now();
    fixture.runner.run_for(secs(11));
    let status = handle.status();
    assert_eq!((status.counters.losses.broken, status.cutoff), (3 + 1, None));
    fixture.runner.run_for(secs(6));
    assert!(handle.status().cutoff.is_some());
}

#[test]
fn a_coarse_clock_hides_no_limit() {
    // The clock shows whole multiples of 700 ms.
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| match dial {
        1 => sends(&[1_234]).end_after(ms(6_234)),
        2 => sends(&[2_345]).end_after(ms(7_345)),
        3 => sends(&[3_456]).end_after(ms(8_456)),
        _ => Script::accept(),
    });
    clock.set_timer_granularity(ms(700));
    let supervisor = Supervisor::builder(transport, clock.timer())
        .preset(Preset::Resilient)
        .backoff(Constant::new(secs(1)))
        .build()
        .unwrap();
    let mut session = Session::over(&clock, remote, supervisor);
    session.run_to(60_000);
    let cutoff = session.handle.status().cutoff;
    assert!(matches!(cutoff.as_deref(), Some(Cutoff::Silence { in_a_row: 3, .. })), "{cutoff:?}");
}
