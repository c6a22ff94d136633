//! Servers that accept no bytes, or accept them slowly.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use websocket_heartbeat::{
    Connection as _, Event, Heartbeat, InboxSettings, OutboxSettings, Preset, Supervisor,
    WriteBlocked,
};
use websocket_heartbeat_mock::{Clock, MockConnection, Runner, Script, mock};

use crate::harness::{
    Behaviour, Flush, MockBuilder, Read, Session, WakeCounter, secs, sleep, words, wrap_connections,
};

/// A server that sends every two seconds, and stops reading after one second.
fn talker() -> Script {
    Script::accept().stall_writes_after(secs(1)).chatter(secs(2), "data")
}

/// A session whose write is blocked at 2 s.
fn blocked(script: fn() -> Script, set: impl FnOnce(MockBuilder) -> MockBuilder) -> Session {
    let mut session = Session::new(
        move |dial| if dial == 1 { script() } else { Script::accept() },
        |builder| set(builder.preset(Preset::Resilient)),
    );
    session.run_to(2_000);
    session.handle.try_queue("stuck").unwrap();
    session
}

fn findings(session: &Session) -> Vec<(u64, WriteBlocked)> {
    let found = session.timed_events().into_iter();
    let findings = found.filter_map(|(at, event)| match event {
        Event::WriteBlocked(finding) => Some((at, *finding)),
        _ => None,
    });
    findings.collect()
}

#[test]
fn a_server_that_never_reads_is_reported_once_and_then_lost() {
    let heartbeats: [fn() -> Heartbeat; 3] =
        [|| Heartbeat::idle(secs(15)).ping(), || Heartbeat::every(secs(15)).ping(), Heartbeat::off];
    for heartbeat in heartbeats {
        let mut session = blocked(talker, |builder| builder.heartbeat(heartbeat()));
        session.run_to(61_999);
        assert_eq!(findings(&session), []);
        assert_eq!(session.handle.status().write_blocked_since, None);
        session.run_to(301_999);
        let found = findings(&session);
        let [(62_000, finding)] = found[..] else { panic!("{found:?}") };
        assert_eq!((finding.connection, finding.time, finding.heard), (1, secs(60), true));
        let since =
            session.handle.status().write_blocked_since.expect("the write is still blocked");
        assert_eq!((since.since_epoch(), session.times("lost")), (secs(2), vec![]));
        session.run_to(302_000);
        assert_eq!(session.times("lost 1 write_stalled"), [302_000]);
        assert_eq!(session.handle.status().write_blocked_since, None);
        // The stuck message is written on the next connection.
        session.run_to(320_000);
        assert_eq!(findings(&session).len(), 1);
        assert!(session.last().1.starts_with("open 2"), "{:?}", session.last());
    }
}

#[test]
fn bytes_accepted_before_a_blocked_write_are_no_progress() {
    let mut session = Session::new(
        |dial| if dial == 1 { talker() } else { Script::accept() },
        |builder| builder.preset(Preset::Resilient),
    );
    for (at, text) in [(500, "written"), (2_000, "stuck"), (7_000, "waits")] {
        session.run_to(at);
        session.handle.try_queue(text).unwrap();
    }
    session.run_to(310_000);
    assert_eq!(session.times("lost 1 write_stalled"), [302_000]);
}

#[test]
fn a_silent_server_without_a_heartbeat_is_reported_as_silent() {
    let script = || Script::accept().stall_writes_after(secs(1));
    let mut session = blocked(script, |builder| builder.heartbeat(Heartbeat::off()));
    session.run_to(400_000);
    let found = findings(&session);
    assert!(found.len() == 1 && !found[0].1.heard, "{found:?}");
    assert_eq!(session.times("lost 1 write_stalled"), [302_000]);
}

#[test]
fn the_original_preset_has_no_write_timeout() {
    let mut session = blocked(talker, |builder| builder.write_timeout(secs(10)));
    session.run_to(30_000);
    assert_eq!(session.times("lost 1 write_stalled"), [12_000]);
    let unlimited: [fn(MockBuilder) -> MockBuilder; 2] =
        [|b| b.write_timeout(None), |b| b.preset(Preset::Original)];
    for set in unlimited {
        let mut session = blocked(talker, set);
        session.run_to(86_400_000);
        assert_eq!((findings(&session).len(), session.times("lost")), (1, vec![]));
    }
}

#[test]
fn a_slow_upload_is_neither_reported_nor_lost() {
    // One byte every 50 s.
    let script = || Script::accept().silent().write_rate(1, secs(50)).chatter(secs(2), "data");
    let mut session = blocked(script, |builder| builder);
    session.run_to(86_400_000);
    assert_eq!((findings(&session), session.times("lost")), (vec![], vec![]));
}

/// A connection that wakes the task in each poll, and is never ready.
struct Hesitant;

fn hesitate<R>(cx: &Context<'_>) -> Poll<R> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

impl Behaviour for Hesitant {
    fn poll_next(&mut self, _: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Read {
        hesitate(cx)
    }

    fn poll_flush(&mut self, _: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Flush {
        hesitate(cx)
    }
}

#[test]
fn a_write_that_hesitates_is_not_reported_as_blocked() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let transport = wrap_connections(transport, || Hesitant);
    let builder = Supervisor::builder(transport, clock.timer()).heartbeat(Heartbeat::off());
    let mut session = builder.build().unwrap();
    session.handle().try_queue("x").unwrap();
    let counter = WakeCounter::new();
    let mut events = Vec::new();
    for _ in 0..200 {
        events.extend(counter.drain(&mut session));
        clock.advance(secs(1));
    }
    assert_eq!(words(&events), ["connecting 1 attempt 0", "open 1"]);
}

#[test]
fn a_server_that_reads_again_is_not_lost() {
    let mut session = blocked(talker, |builder| builder);
    session.run_to(200_000);
    session.peer().resume_writes();
    session.run_to(210_000);
    assert_eq!(session.handle.status().write_blocked_since, None);
    session.run_to(3_600_000);
    assert_eq!((findings(&session).len(), session.times("lost")), (1, vec![]));
}

#[test]
fn a_blocked_write_is_not_judged_while_the_inbox_is_full() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| talker());
    let supervisor =
        Supervisor::builder(transport, clock.timer()).preset(Preset::Resilient).build().unwrap();
    let handle = supervisor.handle();
    handle.try_queue("first").unwrap();
    let (driver, mut inbox) = supervisor.into_driver(10).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(2));
    handle.try_queue("stuck").unwrap();
    // The inbox is full after ten messages, at about 20 s.
    runner.run_for(secs(3_600));
    assert_eq!(handle.status().counters.losses.write_stalled, 0);
    assert_eq!(handle.status().write_blocked_since, None);
    let at = clock.clone();
    let mut lost = runner.spawn(async move {
        let mut reported = None;
        while let Some(event) = inbox.next().await {
            let now = at.now().since_epoch().as_secs();
            match event {
                Event::WriteBlocked(_) => reported = Some(now),
                Event::Lost(_) => return (reported, now),
                _ => {}
            }
        }
        panic!("the session has not ended");
    });
    runner.run_for(secs(290));
    let (reported, lost) = lost.take_output().expect("the blocked write is judged again");
    assert!((3_630..3_660).contains(&reported.unwrap()), "{reported:?}");
    assert!((3_870..3_900).contains(&lost), "{lost}");
}

#[test]
fn an_inbox_that_drops_messages_keeps_one_report() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    // One byte every 70 s, so one report for each byte.
    remote.script(|_| Script::accept().silent().write_rate(1, secs(70)).chatter(secs(2), "data"));
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new())
        .build()
        .unwrap();
    let handle = supervisor.handle();
    handle.try_queue(vec![0; 10_000]).unwrap();
    let (driver, mut inbox) = supervisor.into_driver(InboxSettings::new(10).drop_oldest()).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(70_000));
    let mut found = 0;
    while let Some(Some(event)) = futures::FutureExt::now_or_never(inbox.next()) {
        found += u32::from(matches!(event, Event::WriteBlocked(_)));
    }
    assert_eq!(found, 1);
}

/// The system holds written bytes of the connection, and passes on `rate` bytes per second.
struct SendBuffer {
    clock: Clock,
    held_at_zero: u64,
    rate: u64,
}

impl Behaviour for SendBuffer {
    fn bytes_written(&self, connection: &MockConnection) -> Option<u64> {
        connection.bytes_written().map(|written| written + self.held_at_zero)
    }

    fn unacknowledged(&self, connection: &MockConnection) -> Option<u64> {
        let accepted = self.bytes_written(connection)?;
        let left = self.clock.now().since_epoch().as_secs() * self.rate;
        Some(accepted.saturating_sub(left))
    }
}

/// The second in which a connection without answers is lost, behind this send buffer.
fn lost_at(held_at_zero: u64, rate: u64) -> u64 {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().without_pongs());
    let at = clock.clone();
    let transport =
        wrap_connections(transport, move || SendBuffer { clock: at.clone(), held_at_zero, rate });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
        .build()
        .unwrap();
    let mut session = Session::over(&clock, remote, supervisor);
    // Messages behind the probe leave too, and prove nothing.
    let (handle, timer) = (session.handle.clone(), clock.timer());
    let sending = async move {
        loop {
            sleep(&timer, secs(1)).await;
            let _ = handle.try_queue(vec![0; 100_000]);
        }
    };
    session.runner.spawn(sending).detach();
    session.run_to(1_000_000);
    *session.times("lost 1 ").first().expect("the connection never answers") / 1_000
}

#[test]
fn a_probe_behind_unsent_bytes_is_not_judged() {
    // If no bytes are held, the loss comes at the normal time.
    assert_eq!(lost_at(0, 1 << 30), 25);
    // The queue before the probe of 15 s has 1.5 MB left at 100 kB/s, and is empty by 45 s.
    let lost = lost_at(3_000_000, 100_000);
    assert!((55..=65).contains(&lost), "{lost}");
    // If no bytes leave, the connection is dead.
    assert_eq!(lost_at(3_000_000, 0), 25);
}

#[test]
fn an_acknowledgement_that_a_write_shows_counts_once() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    // One byte at 10 s and one at 20 s.
    remote.script(|_| Script::accept().write_rate(1, secs(10)).stall_writes_after(secs(21)));
    let at = clock.clone();
    let transport = wrap_connections(transport, move || SendBuffer {
        clock: at.clone(),
        held_at_zero: 0,
        rate: 1 << 30,
    });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
        .build()
        .unwrap();
    let mut session = Session::over(&clock, remote, supervisor);
    session.handle.try_queue("stuck").unwrap();
    session.run_to(100_000);
    assert_eq!(session.times("lost 1 write_stalled"), [30_000]);
}
