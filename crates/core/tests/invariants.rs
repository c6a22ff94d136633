//! The invariants that the driver keeps, one test each under its own sentence; the machine's own
//! stand beside it.

mod session;

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::{Sink, Stream, StreamExt, future};
use session::{Session, ms, secs};
use websocket_heartbeat::{
    Connection, ErrorKind, Established, Event, Fate, Frame, Heartbeat, Inbox, LostCause,
    OutboxSettings, Preset, ProofOfLife, Supervisor, Timer, Timestamp, TransportError,
    transport_fn,
};
use websocket_heartbeat_mock::{Clock, Runner, Script, mock, run};

const PING: &str = "-> ping";

fn pings(idle: u64, timeout: u64) -> Heartbeat {
    Heartbeat::idle(ms(idle)).timeout(ms(timeout)).ping()
}

#[test]
fn invariant_02_one_sleep() {
    // 60 000 messages in a minute. Only a deadline that fires makes a new sleep.
    let mut session = Session::original(|_| Script::accept().chatter(ms(1), "news").unrecorded());
    session.run_to(1_000);
    let before = session.clock.sleeps();
    assert_eq!(before.alive, 1);
    session.run_to(61_000);
    let after = session.clock.sleeps();
    assert_eq!(after.alive, 1);
    let made = after.created - before.created;
    assert!(made <= 5, "{made} sleeps in a minute of messages");

    // One for the silence and one for the answer is all that a beat needs; the answered probe's
    // is replaced, so that it wakes nobody.
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
    // Sleeps that end early change no tick.
    let mut session = Session::original(|_| Script::accept().silent());
    session.clock.set_timer_early(true);
    session.run_to(60_000);
    assert_eq!(session.remote.trace().times("-> text \"heartbeat\""), [15_000, 42_000]);
    assert_eq!(
        (session.times("lost"), session.dials()),
        (vec![25_000, 52_000], vec![0, 27_000, 54_000])
    );

    // Without any sleep: deadlines are met although the connection always has more to read, and
    // the clock is read every 256 frames, not more often.
    let readings = Rc::new(Cell::new(0_u64));
    let frames = Rc::new(Cell::new(0_u64));
    let transport = transport_fn(|_| {
        let frames = Rc::clone(&frames);
        future::ready(Ok(Established::new(Flood { frames })))
    });
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
    assert!(frames <= readings * 256, "{frames} frames between {readings} looks at the clock");
    assert!(frames >= (readings - 10) * 256, "{readings} looks for {frames} frames");
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

/// Always has a pong to read.
struct Flood {
    frames: Rc<Cell<u64>>,
}

impl Stream for Flood {
    type Item = Result<Frame, TransportError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.frames.set(self.frames.get() + 1);
        Poll::Ready(Some(Ok(Frame::Pong("".into()))))
    }
}

impl Sink<Frame> for Flood {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, _: Frame) -> Result<(), TransportError> {
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
}

impl Connection for Flood {}

#[test]
fn invariant_04_read_before_you_judge() {
    // The answer lies in the buffer while nobody polls, until after the deadline. Not later than
    // the timeout, so that it is the reading and not the lateness that saves it.
    for late in [0, 1, 9_000] {
        let mut session =
            Session::original(|_| Script::accept().silent().send_after(ms(24_999), "here"));
        session.run_to(16_000);
        session.clock.jump(ms(9_000 + late));
        session.run_to(25_000 + late);
        assert_eq!(session.times("lost"), [], "late by {late}");
        assert_eq!(session.messages().len(), 1);
    }
    // The same for an attempt that was finished in time, and seen too late.
    let mut session = Session::original(|_| Script::accept().after(ms(9_999)));
    session.run_to(5_000);
    session.clock.jump(secs(60));
    session.run_to(66_000);
    assert_eq!((session.times("lost"), session.times("open")), (vec![], vec![65_000]));
}

#[test]
fn invariant_05_our_own_back_pressure_is_not_the_peers_silence() {
    // An inbox of 4 that nobody reads for ten minutes, before a server that talks on. Then the
    // cable is cut.
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().chatter(secs(1), "news"));
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(pings(15_000, 10_000))
        .build()
        .unwrap();
    let (driver, mut inbox) = supervisor.into_driver(Inbox::new(4)).unwrap();
    let handle = driver.handle();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(600));
    assert_eq!(handle.status().counters.losses, Default::default());
    assert!(remote.trace().times(PING).len() >= 20, "heartbeats go out all the same");
    remote.last_peer().unwrap().half_open();
    runner.run_for(secs(600));
    assert_eq!(remote.dials().len(), 1);

    // It reads again: all that was there, then a probe, then the verdict.
    let pinged = remote.trace().times(PING).len();
    runner.spawn(async move { while inbox.next().await.is_some() {} }).detach();
    runner.run_for(secs(30));
    let lost = handle.status().counters.losses.heartbeat_timeout;
    let probes = remote.trace().times(PING);
    assert_eq!(lost, 1);
    assert!(probes.len() > pinged && probes[pinged] >= 1_200_000, "{probes:?}");
}

#[test]
fn invariant_06_a_stuck_write_gates_neither_reads_nor_deadlines() {
    // Reads are delivered while a write is stuck, and the session can be closed.
    let mut session = Session::original(|_| {
        Script::accept().stall_writes_after(secs(1)).chatter(secs(2), "news")
    });
    session.run_to(2_000);
    session.handle.try_queue("stuck").unwrap();
    session.run_to(600_000);
    assert_eq!((session.messages().len(), session.times("lost")), (300, vec![]));
    session.handle.close();
    session.run_to(605_000);
    assert_eq!(session.last(), (605_000, "closed user".to_owned()));

    // Nothing moves: lost as stalled, as soon as silence would have been found.
    let mut session = Session::original(|_| Script::accept().stall_writes_after(secs(1)));
    session.run_to(2_000);
    session.handle.try_queue("stuck").unwrap();
    session.run_to(25_000);
    assert_eq!(session.times("lost 1 write_stalled"), [25_000]);

    // 16 MiB at 1 Mbit/s: two minutes in which the probe cannot be written, and no verdict.
    let mut session = Session::original(|_| Script::accept().silent().write_rate(125_000, secs(1)));
    session.run_to(1_000);
    session.handle.try_queue(vec![0; 16 << 20]).unwrap();
    session.run_to(100_500);
    assert_eq!(session.times("lost"), []);
    // It stops in the middle: noticed after the timeout.
    session.peer().stall_writes();
    session.run_to(110_000);
    assert_eq!(session.times("lost 1 write_stalled"), [110_000]);
}

#[test]
fn invariant_13_every_message_accepted_ends_in_exactly_one_fate() {
    // The line breaks after each byte of three messages, one of them larger than the window.
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
                // Never claimed for more than the line took.
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
        // The rest, and only that, goes to the next connection, in order.
        let next: Vec<_> =
            session.peer().received_messages().iter().map(|message| message.len()).collect();
        assert_eq!(next, sizes[3 - written[1]..], "cut {cut}");
    }
}

#[test]
fn invariant_14_read_before_you_bury() {
    // A write fails while messages and the close frame lie unread: they are read first, and the
    // close frame is the cause.
    let reset = || TransportError::new(ErrorKind::Reset, "broken pipe");
    for with_close in [false, true] {
        let mut session = Session::original(|_| Script::accept());
        session.run_to(1_000);
        let peer = session.peer();
        peer.fail_writes(reset());
        // More than are read before the outbox has its turn, which is when the write fails.
        for n in 0..300 {
            peer.send(format!("{n}"));
        }
        if with_close {
            peer.close(4_001, "too old");
        }
        session.handle.try_queue("fails").unwrap();
        session.run_to(1_001);
        assert_eq!(session.messages().len(), 300);
        let told = session.told();
        let causes: Vec<_> = told
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Lost(lost) => Some((lost.cause.name(), lost.cause.close_code())),
                _ => None,
            })
            .collect();
        let expected = if with_close { ("closed_by_peer", Some(4_001)) } else { ("broken", None) };
        assert_eq!(causes, [expected]);
    }

    // A server that never stops talking does not put the burial off for ever.
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
fn invariant_14_what_cannot_be_read_need_not_be_waited_for() {
    use futures::SinkExt;
    // Driven from the sink side, with a message unread: nothing more can be read, so a failed
    // write is reported at once.
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
