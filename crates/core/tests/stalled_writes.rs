//! A server that takes no byte, and one that takes them slowly.

mod session;

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Sink, Stream, StreamExt};
use session::{MockBuilder, Session, secs};
use websocket_heartbeat::{
    Connection, Event, Frame, Heartbeat, Inbox, OutboxSettings, Preset, Supervisor, Timer as _,
    Transport as _, TransportError, WriteBlocked, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockConnection, Runner, Script, mock};

/// A server that talks every two seconds, and stops reading after one.
fn talker() -> Script {
    Script::accept().stall_writes_after(secs(1)).chatter(secs(2), "news")
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
    let told = session.told().into_iter();
    let findings = told.filter_map(|(at, event)| match event {
        Event::WriteBlocked(finding) => Some((at, *finding)),
        _ => None,
    });
    findings.collect()
}

#[test]
fn a_server_that_talks_and_never_reads_is_reported_once_then_lost() {
    let heartbeats: [fn() -> Heartbeat; 3] =
        [|| Heartbeat::idle(secs(15)).ping(), || Heartbeat::every(secs(15)).ping(), Heartbeat::off];
    for heartbeat in heartbeats {
        let mut session = blocked(talker, |builder| builder.heartbeat(heartbeat()));
        session.run_to(61_999);
        assert_eq!(findings(&session), []);
        assert_eq!(session.handle.status().write_blocked_since, None);
        session.run_to(301_999);
        let told = findings(&session);
        let [(62_000, finding)] = told[..] else { panic!("{told:?}") };
        assert_eq!((finding.connection, finding.time, finding.heard), (1, secs(60), true));
        let since = session.handle.status().write_blocked_since.expect("it goes on");
        assert_eq!((since.since_epoch(), session.times("lost")), (secs(2), vec![]));
        session.run_to(302_000);
        assert_eq!(session.times("lost 1 write_stalled"), [302_000]);
        assert_eq!(session.handle.status().write_blocked_since, None);
        // What was stuck leaves by the next connection.
        session.run_to(320_000);
        assert_eq!(findings(&session).len(), 1);
        assert!(session.last().1.starts_with("open 2"), "{:?}", session.last());
    }
}

#[test]
fn a_silent_server_is_reported_as_silent_where_no_heartbeat_finds_it() {
    let script = || Script::accept().stall_writes_after(secs(1));
    let mut session = blocked(script, |builder| builder.heartbeat(Heartbeat::off()));
    session.run_to(400_000);
    let told = findings(&session);
    assert!(told.len() == 1 && !told[0].1.heard, "{told:?}");
    assert_eq!(session.times("lost 1 write_stalled"), [302_000]);
}

#[test]
fn the_write_timeout_can_be_set_and_the_original_has_none() {
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
    // A byte every 50 s.
    let script = || Script::accept().silent().write_rate(1, secs(50)).chatter(secs(2), "news");
    let mut session = blocked(script, |builder| builder);
    session.run_to(86_400_000);
    assert_eq!((findings(&session), session.times("lost")), (vec![], vec![]));
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
fn a_blocked_write_is_not_judged_while_nobody_takes_messages() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| talker());
    let supervisor =
        Supervisor::builder(transport, clock.timer()).preset(Preset::Resilient).build().unwrap();
    let handle = supervisor.handle();
    handle.try_queue("first").unwrap();
    let (driver, mut inbox) = supervisor.into_driver(Inbox::new(10)).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(2));
    handle.try_queue("stuck").unwrap();
    // Full after ten messages, at some 20 s.
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
        panic!("the session goes on");
    });
    runner.run_for(secs(290));
    let (reported, lost) = lost.take_output().expect("it is judged again");
    assert!((3_630..3_660).contains(&reported.unwrap()), "{reported:?}");
    assert!((3_870..3_900).contains(&lost), "{lost}");
}

#[test]
fn an_inbox_that_drops_messages_keeps_one_finding() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    // A byte every 70 s: one finding each.
    remote.script(|_| Script::accept().silent().write_rate(1, secs(70)).chatter(secs(2), "news"));
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new())
        .build()
        .unwrap();
    let handle = supervisor.handle();
    handle.try_queue(vec![0; 10_000]).unwrap();
    let (driver, mut inbox) = supervisor.into_driver(Inbox::new(10).drop_oldest()).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(70_000));
    let mut found = 0;
    while let Some(Some(event)) = futures::FutureExt::now_or_never(inbox.next()) {
        found += u32::from(matches!(event, Event::WriteBlocked(_)));
    }
    assert_eq!(found, 1);
}

/// A connection whose system holds what is written, and passes on `rate` bytes a second of it.
struct Queued {
    line: MockConnection,
    clock: Clock,
    held_at_zero: u64,
    rate: u64,
}

impl Stream for Queued {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.line).poll_next(cx)
    }
}

impl Sink<Frame> for Queued {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        Pin::new(&mut self.line).start_send(frame)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_close(cx)
    }
}

impl Connection for Queued {
    fn bytes_written(&self) -> Option<u64> {
        self.line.bytes_written().map(|written| written + self.held_at_zero)
    }

    fn unacknowledged(&self) -> Option<u64> {
        let accepted = self.bytes_written()?;
        let left = self.clock.now().since_epoch().as_secs() * self.rate;
        Some(accepted.saturating_sub(left))
    }
}

/// When a connection is lost that never answers, and whose system holds so much.
fn lost_at(held_at_zero: u64, rate: u64) -> u64 {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().without_pongs());
    let at = clock.clone();
    let transport = transport_fn(move |attempt| {
        let connect = transport.connect(attempt);
        let clock = at.clone();
        async move { Ok(connect.await?.map(|line| Queued { line, clock, held_at_zero, rate })) }
    });
    let mut session = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
        .build()
        .unwrap();
    let handle = session.handle();
    // Messages behind the probe leave as well; they prove nothing.
    let (now, sender) = (clock.clone(), clock.timer());
    let mut runner = Runner::new(&clock);
    runner
        .spawn(async move {
            loop {
                sender.sleep_until(now.now().checked_add(secs(1)).unwrap()).await;
                let _ = handle.try_queue(vec![0; 100_000]);
            }
        })
        .detach();
    let at = clock.clone();
    let mut lost = runner.spawn(async move {
        while let Some(event) = session.next().await {
            if let Event::Lost(_) = event {
                break;
            }
        }
        at.now().since_epoch().as_secs()
    });
    runner.run_for(Duration::from_secs(1_000));
    lost.take_output().expect("it is never answered")
}

#[test]
fn a_probe_behind_a_queue_in_the_system_is_not_owed_an_answer() {
    // Nothing is held: as always.
    assert_eq!(lost_at(0, 1 << 30), 25);
    // The queue before the probe at 15 s is 1.5 MB more at 100 kB/s, and leaves by 45 s.
    let lost = lost_at(3_000_000, 100_000);
    assert!((55..=65).contains(&lost), "{lost}");
    // Nothing leaves: dead.
    assert_eq!(lost_at(3_000_000, 0), 25);
}
