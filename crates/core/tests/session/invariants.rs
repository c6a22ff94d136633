//! The invariants of the driver, with one test for each. The tests of the machine's invariants are
//! in the machine.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::future;
use websocket_heartbeat::{
    ErrorKind, Event, Fate, Frame, Heartbeat, LostCause, OutboxSettings, Preset, ProofOfLife,
    Supervisor, Timer, Timestamp, TransportError,
};
use websocket_heartbeat_mock::{Clock, MockConnection, Runner, Script, mock, run};

use crate::harness::{Behaviour, Read, Session, ms, secs, wrap_connections};

const PING: &str = "-> ping";

fn pings(idle: u64, timeout: u64) -> Heartbeat {
    Heartbeat::idle(ms(idle)).timeout(ms(timeout)).ping()
}

#[test]
fn invariant_02_one_sleep() {
    // 60 000 messages in a minute. Only a deadline that fires makes a new sleep.
    let mut session = Session::original(|_| Script::accept().chatter(ms(1), "data").unrecorded());
    session.run_to(1_000);
    let before = session.clock.sleeps();
    assert_eq!(before.alive, 1);
    session.run_to(61_000);
    let after = session.clock.sleeps();
    assert_eq!(after.alive, 1);
    let made = after.created - before.created;
    assert!(made <= 5, "{made} sleeps in a minute of messages");

    // Each heartbeat needs one sleep for the silence and one for the answer. The sleep of an
    // answered probe is replaced, so that it causes no wake.
    let mut session = Session::new(
        |_| Script::accept().pong_after(ms(100)),
        |builder| builder.heartbeat(pings(14_900, 10_000)),
    );
    session.run_to(1_000);
    let before = session.clock.sleeps();
    session.run_to(601_000);
    let after = session.clock.sleeps();
    assert_eq!(session.remote.trace().times(PING).len(), 40);
    assert_eq!((after.created - before.created, after.wakes - before.wakes), (80, 40));

    // An earlier deadline replaces it.
    session.run_to(602_000);
    session.peer().half_open();
    session.handle.probe_now();
    session.run_to(607_000);
    assert_eq!(session.times("lost"), [607_000]);
}

#[test]
fn invariant_03_the_clock_decides_not_the_sleep() {
    // Early sleeps change no time.
    let mut session = Session::original(|_| Script::accept().silent());
    session.clock.set_timer_early(true);
    session.run_to(60_000);
    assert_eq!(session.remote.trace().times("-> text \"heartbeat\""), [15_000, 42_000]);
    assert_eq!(
        (session.times("lost"), session.dials()),
        (vec![25_000, 52_000], vec![0, 27_000, 54_000])
    );

    // Sleeps never end here. Deadlines are met although the connection always has more to read, and
    // the clock is read once per 256 frames.
    let readings = Rc::new(Cell::new(0_u64));
    let frames = Rc::new(Cell::new(0_u64));
    let (transport, remote) = mock(&Clock::new());
    remote.script(|_| Script::accept());
    let count = Rc::clone(&frames);
    let transport = wrap_connections(transport, move || PongFlood { frames: Rc::clone(&count) });
    let timer = CountingTimer { readings: Rc::clone(&readings) };
    let heartbeat = pings(15_000, 10_000).proof_of_life(ProofOfLife::Data);
    let mut supervisor =
        Supervisor::builder(transport, timer).heartbeat(heartbeat).build().unwrap();
    let lost = run(&Clock::new(), async {
        loop {
            if let Some(Event::Lost(lost)) = supervisor.next().await {
                return lost;
            }
        }
    });
    assert!(matches!(lost.cause, LostCause::HeartbeatTimeout(_)), "{lost:?}");
    let (readings, frames) = (readings.get(), frames.get());
    assert!(frames <= readings * 256, "{frames} frames between {readings} readings of the clock");
    assert!(frames >= (readings - 10) * 256, "{readings} readings for {frames} frames");
}

/// A clock on which each reading takes a second, and whose sleeps never end.
struct CountingTimer {
    readings: Rc<Cell<u64>>,
}

impl Timer for CountingTimer {
    type Sleep = future::Pending<()>;

    fn now(&self) -> Timestamp {
        self.readings.set(self.readings.get() + 1);
        Timestamp::from_epoch(secs(self.readings.get()))
    }

    fn sleep_until(&self, _: Timestamp) -> Self::Sleep {
        future::pending()
    }
}

/// The connection always has a pong to read.
struct PongFlood {
    frames: Rc<Cell<u64>>,
}

impl Behaviour for PongFlood {
    fn poll_next(&mut self, _: Pin<&mut MockConnection>, _: &mut Context<'_>) -> Read {
        self.frames.set(self.frames.get() + 1);
        Poll::Ready(Some(Ok(Frame::Pong("".into()))))
    }
}

#[test]
fn invariant_04_read_before_you_judge() {
    // The answer is readable, but the task is not polled until after the deadline. It is late by
    // less than the timeout, so the read keeps the connection, and not the late poll.
    for late in [0, 1, 9_000] {
        let mut session =
            Session::original(|_| Script::accept().silent().send_after(ms(24_999), "here"));
        session.run_to(16_000);
        session.clock.jump(ms(9_000 + late));
        session.run_to(25_000 + late);
        assert_eq!(session.times("lost"), [], "late by {late}");
        assert_eq!(session.messages().len(), 1);
    }
    // An attempt that finishes in time and is polled late also counts.
    let mut session = Session::original(|_| Script::accept().after(ms(9_999)));
    session.run_to(5_000);
    session.clock.jump(secs(60));
    session.run_to(66_000);
    assert_eq!((session.times("lost"), session.times("open")), (vec![], vec![65_000]));
}

#[test]
fn invariant_05_our_own_back_pressure_is_not_the_peers_silence() {
    // An inbox of 4 is not read for ten minutes while the server sends. Then the link is cut.
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().chatter(secs(1), "data"));
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(pings(15_000, 10_000))
        .build()
        .unwrap();
    let (driver, mut inbox) = supervisor.into_driver(4).unwrap();
    let handle = driver.handle();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(600));
    assert_eq!(handle.status().counters.losses, Default::default());
    assert!(remote.trace().times(PING).len() >= 20, "heartbeats are sent anyway");
    remote.last_peer().unwrap().half_open();
    runner.run_for(secs(600));
    assert_eq!(remote.dials().len(), 1);

    // Reading resumes: first all stored messages, then a probe, then the verdict.
    let pinged = remote.trace().times(PING).len();
    runner.spawn(async move { while inbox.next().await.is_some() {} }).detach();
    runner.run_for(secs(30));
    let lost = handle.status().counters.losses.heartbeat_timeout;
    let probes = remote.trace().times(PING);
    assert_eq!(lost, 1);
    assert!(probes.len() > pinged && probes[pinged] >= 1_200_000, "{probes:?}");
}

#[test]
fn invariant_06_a_stuck_write_blocks_neither_reads_nor_deadlines() {
    // Messages are delivered while a write is stuck, and the session can be closed.
    let mut session = Session::original(|_| {
        Script::accept().stall_writes_after(secs(1)).chatter(secs(2), "data")
    });
    session.run_to(2_000);
    session.handle.try_queue("stuck").unwrap();
    session.run_to(600_000);
    assert_eq!((session.messages().len(), session.times("lost")), (300, vec![]));
    session.handle.close();
    session.run_to(605_000);
    assert_eq!(session.last(), (605_000, "closed user".to_owned()));

    // No byte moves: lost as stalled, at the time at which silence would be detected.
    let mut session = Session::original(|_| Script::accept().stall_writes_after(secs(1)));
    session.run_to(2_000);
    session.handle.try_queue("stuck").unwrap();
    session.run_to(25_000);
    assert_eq!(session.times("lost 1 write_stalled"), [25_000]);

    // 16 MiB at 1 Mbit/s: for two minutes the probe cannot be written, and there is no verdict.
    let mut session = Session::original(|_| Script::accept().silent().write_rate(125_000, secs(1)));
    session.run_to(1_000);
    session.handle.try_queue(vec![0; 16 << 20]).unwrap();
    session.run_to(100_500);
    assert_eq!(session.times("lost"), []);
    // The upload stops: this is detected after the timeout.
    session.peer().stall_writes();
    session.run_to(110_000);
    assert_eq!(session.times("lost 1 write_stalled"), [110_000]);
}

#[test]
fn invariant_13_every_message_accepted_ends_in_exactly_one_fate() {
    // The connection fails after each byte of three messages, one of them larger than the window.
    let sizes = [10, 70_000, 20];
    let whole: u64 = 70_200;
    for cut in (0..200).chain(69_900..whole).chain([32_000, 65_536]) {
        let mut session = Session::new(
            |dial| match dial {
                1 => Script::accept(),
                _ => Script::accept().silent(),
            },
            |builder| builder.preset(Preset::Resilient).outbox(OutboxSettings::new()),
        );
        session.run_to(1_000);
        let peer = session.peer();
        peer.write_quota(cut);
        let fates: Vec<_> = sizes
            .iter()
            .map(|size| {
                let (handle, size) = (session.handle.clone(), *size);
                session.runner.spawn(async move { handle.send_confirmed(vec![0_u8; size]).await })
            })
            .collect();
        session.run_to(1_001);
        peer.fail(TransportError::new(ErrorKind::Reset, "cut"));
        session.run_to(10_000);
        let arrived = peer.received_messages().len();
        let mut written = [0, 0];
        let mut unknown = 0;
        for (index, mut task) in fates.into_iter().enumerate() {
            match task.take_output().expect("it has a fate").expect("it was accepted") {
                // `Written` is never reported for more than the link has accepted.
                Fate::Written { connection: 1 } => {
                    assert!(index < arrived, "cut {cut}: message {index} never left");
                    written[0] += 1;
                }
                Fate::Written { .. } => written[1] += 1,
                Fate::Unknown { connection: 1, message: Some(message) } => {
                    assert_eq!(message.len(), sizes[index]);
                    unknown += 1;
                }
                other => panic!("cut {cut}: {other:?}"),
            }
        }
        assert_eq!(written[0] + written[1] + unknown, 3, "cut {cut}");
        // Only the rest goes to the next connection, in order.
        let next: Vec<_> =
            session.peer().received_messages().iter().map(|message| message.len()).collect();
        assert_eq!(next, sizes[3 - written[1]..], "cut {cut}");
    }
}

#[test]
fn invariant_14_read_before_you_report_a_failed_write() {
    // A write fails while messages and the close frame are unread. They are read first, and the
    // close frame is the cause.
    let reset = || TransportError::new(ErrorKind::Reset, "broken pipe");
    for with_close in [false, true] {
        let mut session = Session::original(|_| Script::accept());
        session.run_to(1_000);
        let peer = session.peer();
        peer.fail_writes(reset());
        // More messages than are read before the next write, which fails.
        for n in 0..300 {
            peer.send(format!("{n}"));
        }
        if with_close {
            peer.close(4_001, "too old");
        }
        session.handle.try_queue("fails").unwrap();
        session.run_to(1_001);
        assert_eq!(session.messages().len(), 300);
        let reported = session.timed_events();
        let causes: Vec<_> = reported
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Lost(lost) => Some((lost.cause.name(), lost.cause.close_code())),
                _ => None,
            })
            .collect();
        let expected = if with_close { ("closed_by_peer", Some(4_001)) } else { ("broken", None) };
        assert_eq!(causes, [expected]);
    }

    // If a server sends without end, the report of a failed write is still not delayed without
    // limit.
    let mut session = Session::original(|_| Script::accept());
    session.run_to(1_000);
    let peer = session.peer();
    peer.fail_writes(reset());
    session.handle.try_queue("fails").unwrap();
    for _ in 0..10_000 {
        peer.send("more");
    }
    session.run_to(1_001);
    let read = session.messages().len();
    assert_eq!(session.times("lost 1 broken").len(), 1);
    assert!((256..=1_024).contains(&read), "{read}");
}

#[test]
fn invariant_14_without_room_a_failed_write_is_reported_at_once() {
    use futures::SinkExt;
    // The session is driven from the sink side and holds an unread message. It cannot read more, so
    // a failed write is reported at once.
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| match dial {
        1 => Script::accept().greet("unread"),
        _ => Script::accept(),
    });
    let supervisor =
        Supervisor::builder(transport, clock.timer()).preset(Preset::Resilient).build().unwrap();
    let mut runner = Runner::new(&clock);
    let timer = clock.timer();
    let peers = remote.clone();
    let task = runner.spawn(async move {
        let mut supervisor = supervisor;
        supervisor.send("first".into()).await.unwrap();
        peers.last_peer().unwrap().fail_writes(TransportError::new(ErrorKind::Reset, "broken"));
        supervisor.send("second".into()).await.unwrap();
        drop(timer);
        supervisor
    });
    runner.run_for(secs(10));
    assert!(task.is_done(), "the second message never left");
    assert_eq!(remote.dials().len(), 2);
}
