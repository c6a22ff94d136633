//! Snapshots of the status, and the stream of its changes.

use futures::{FutureExt, stream::FusedStream};
use websocket_heartbeat::{CloseReason, Message, Phase};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, WakeCounter, ms, secs};

#[test]
fn phases_are_published_when_they_begin() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::accept().after(ms(100)).end_after(secs(2)),
        _ => Script::accept().after(ms(100)).ignore_close(),
    });
    let session = builder.build().unwrap();
    let handle = session.handle();
    assert_eq!(handle.status().phase, Phase::Idle);
    let mut changes = handle.status_changes();
    let phases = fixture.runner.spawn(async move {
        let mut phases = Vec::new();
        while let Some(status) = changes.next().await {
            if phases.last() != Some(&(status.phase, status.since.since_epoch())) {
                phases.push((status.phase, status.since.since_epoch()));
            }
        }
        phases
    });
    fixture.read(session);
    fixture.runner.run_for(secs(10));
    handle.close();
    let phases = fixture.runner.run_until(phases);
    assert_eq!(
        phases,
        [
            (Phase::Idle, secs(0)),
            (Phase::Connecting, secs(0)),
            (Phase::Open, ms(100)),
            // The life of the first connection is counted from its acceptance.
            (Phase::Waiting, ms(2_100)),
            (Phase::Connecting, ms(3_100)),
            (Phase::Open, ms(3_200)),
            (Phase::Closing, secs(10)),
            (Phase::Closed, secs(15)),
        ]
    );
    assert_eq!(handle.status().close_reason, Some(CloseReason::User));
}

#[test]
fn the_number_of_the_connection_is_that_of_the_last_attempt() {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    let counter = WakeCounter::new();
    assert_eq!(session.connection(), 0);
    for number in 1..=3 {
        counter.drain(&mut session);
        assert_eq!(session.connection(), number);
        fixture.remote.last_peer().unwrap().end();
        counter.drain(&mut session);
        assert_eq!(session.connection(), number, "it is lost");
        fixture.clock.advance(secs(1));
    }
}

#[test]
fn a_degraded_connection_is_published_before_its_loss() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().silent());
    let session = builder.build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    let mut changes = handle.status_changes();
    let counter = WakeCounter::new();
    fixture.runner.run_for(ms(14_999));
    counter.drain(&mut changes);
    fixture.runner.run_for(ms(1));
    assert!(counter.take() > 0);
    let status = counter.drain(&mut changes).pop().unwrap();
    assert_eq!(status.phase, Phase::Open);
    assert_eq!(status.silent_for(), Some(secs(15)));
    assert_eq!(status.probe_out_for(), Some(secs(0)));
    let now = fixture.clock.now();
    assert_eq!((status.probe_since, status.as_of), (Some(now), now));
    fixture.runner.run_for(secs(9));
    assert_eq!(handle.status().phase, Phase::Open);
    fixture.runner.run_for(secs(1));
    let status = handle.status();
    assert_eq!((status.phase, status.probe_since), (Phase::Waiting, None));
    assert_eq!(status.counters.losses.heartbeat_timeout, 1);
    assert_eq!(status.next_attempt_at, status.as_of.checked_add(secs(1)));
}

#[test]
fn counters_count_messages_heartbeats_and_losses() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::refuse_connection(),
        2 => Script::hang(),
        3 => Script::accept().silent(),
        4 => Script::accept().close_after(secs(1), 1001, ""),
        5 => Script::accept().end_after(secs(1)),
        _ => Script::accept().echo().latency(ms(30)),
    });
    let session = builder.connect_timeout(secs(10)).build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    fixture.runner.run_for(secs(60));
    handle.reconnect_now();
    fixture.runner.run_for(secs(1));
    for _ in 0..10 {
        handle.try_queue(vec![0; 100]).unwrap();
    }
    fixture.runner.run_for(secs(40));
    let status = handle.status();
    let counters = status.counters;
    let losses = counters.losses;
    assert_eq!((counters.dials, counters.opens), (7, 5));
    assert_eq!((losses.connect, losses.connect_timeout, losses.heartbeat_timeout), (1, 1, 1));
    assert_eq!((losses.closed_by_peer, losses.broken, losses.intentional), (1, 1, 1));
    assert_eq!((counters.messages_out, counters.bytes_out), (10, 1_000));
    assert_eq!((counters.messages_in, counters.bytes_in), (10, 1_000));
    let pings = fixture.remote.trace().times("-> ping").len() as u64;
    assert_eq!((counters.probes_sent, counters.probes_answered), (pings, pings - 1));
    assert_eq!(status.round_trip.last, Some(ms(60)));
    assert_eq!(status.round_trip.minimum, Some(ms(60)));
    assert_eq!((counters.dropped, counters.unknown), (0, 0));
    assert_eq!(status.connection, 7);
}

#[test]
fn the_depth_of_the_outbox_is_published_in_an_outage() {
    let (mut fixture, builder) = Fixture::new(|_| Script::hang());
    let session = builder.build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    fixture.runner.run_for(secs(1));
    let mut changes = handle.status_changes();
    let counter = WakeCounter::new();
    counter.drain(&mut changes);
    handle.try_queue("abc").unwrap();
    handle.try_queue("defg").unwrap();
    fixture.runner.settle();
    let seen = counter.drain(&mut changes).pop().unwrap();
    assert_eq!((seen.queued_messages, seen.queued_bytes), (2, 7));
}

#[test]
fn the_status_is_not_published_for_each_message() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    fixture.runner.settle();
    let mut changes = handle.status_changes();
    let counter = WakeCounter::new();
    counter.drain(&mut changes);
    let peer = fixture.remote.last_peer().unwrap();
    (0..5_000).for_each(|_| peer.send(Message::text("flood")));
    fixture.runner.settle();
    assert!((1..=30).contains(&counter.take()));
    assert_eq!(counter.drain(&mut changes).len(), 1, "intermediate ones are skipped");
    assert_eq!(handle.status().counters.messages_in, 5_000);
    fixture.runner.run_for(secs(10));
    assert_eq!(counter.take(), 0, "no change while nothing happens");
}

#[test]
fn changes_end_after_closed_and_can_be_requested_later() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let handle = session.handle();
    handle.close();
    fixture.read(session);
    fixture.runner.settle();
    let mut changes = handle.status_changes();
    let counter = WakeCounter::new();
    assert!(!changes.is_terminated());
    assert_eq!(counter.drain(&mut changes).len(), 1);
    assert!(changes.is_terminated());
    assert_eq!(handle.closed().now_or_never(), Some(CloseReason::User));
}

#[test]
fn phases_that_begin_without_an_event_are_published_at_once() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().ignore_close());
    let session = builder.build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    fixture.runner.run_for(secs(1));
    handle.pause();
    fixture.runner.settle();
    assert_eq!(
        (handle.status().phase, handle.status().since),
        (Phase::Paused, fixture.clock.now())
    );
    fixture.runner.run_for(secs(1));
    handle.close();
    fixture.runner.settle();
    assert_eq!(
        (handle.status().phase, handle.status().since),
        (Phase::Closing, fixture.clock.now())
    );
}
