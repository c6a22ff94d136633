//! Before a verdict or a burial the connection is read to its end, even where it hesitates.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::{Sink, Stream, StreamExt};
use websocket_heartbeat::{
    Connection, ErrorKind, Event, Frame, Heartbeat, LostCause, ProofOfLife, Supervisor, Timer,
    Transport, TransportError, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockConnection, Script, mock};

use crate::stage::{Counter, Session, Stage, millis, secs, words};

/// Polls for as long as it is woken, as an executor does. Gives how often.
fn run(counter: &std::sync::Arc<Counter>, session: &mut Session, events: &mut Vec<Event>) -> usize {
    for polls in 1..10_000 {
        events.extend(counter.drain(session));
        if counter.take() == 0 {
            return polls;
        }
    }
    panic!("it is woken for ever");
}

fn causes(events: &[Event]) -> Vec<LostCause> {
    let causes = events.iter().filter_map(|event| match event {
        Event::Lost(lost) => Some(lost.cause.clone()),
        _ => None,
    });
    causes.collect()
}

/// What is told where the answer to a probe is there in time, behind so many pings, and is looked
/// for at the deadline only.
fn behind_pings(hesitant: bool, pings: u64, life: ProofOfLife) -> Vec<String> {
    let (stage, settings) = Stage::new(move |_| {
        let script = Script::accept().latency(millis(100));
        if hesitant { script.hesitant() } else { script }
    });
    let heartbeat = Heartbeat::idle(secs(5)).timeout(secs(3)).ping().proof_of_life(life);
    let mut session = settings.heartbeat(heartbeat).build().unwrap();
    let (counter, mut events) = (Counter::new(), Vec::new());
    run(&counter, &mut session, &mut events);
    stage.clock.advance(secs(5));
    run(&counter, &mut session, &mut events);
    // The probe is out. The server sends something, then answers; the task does other things.
    let peer = stage.remote.last_peer().unwrap();
    (0..pings).for_each(|_| peer.ping(vec![1]));
    stage.clock.advance(secs(3));
    run(&counter, &mut session, &mut events);
    stage.clock.advance(secs(1));
    run(&counter, &mut session, &mut events);
    words(&events)
}

#[test]
fn an_answer_that_can_be_read_counts_though_the_connection_hesitates() {
    for hesitant in [false, true] {
        for pings in [0, 1, 2, 50, 200] {
            for life in [ProofOfLife::AnyFrame, ProofOfLife::Reply] {
                let told = behind_pings(hesitant, pings, life);
                assert_eq!(told, ["connecting 1", "open 1"], "{hesitant}, {pings}");
            }
        }
    }
}

#[test]
fn an_attempt_that_is_ready_counts_though_it_hesitates() {
    for polls in [0, 1, 2, 100] {
        let clock = Clock::new();
        let (mut transport, remote) = mock(&clock);
        remote.script(|_| Script::accept().after(secs(5)));
        let transport = transport_fn(move |attempt| {
            let connect = transport.connect(attempt);
            async move {
                let established = connect.await;
                for _ in 0..polls {
                    let mut yielded = false;
                    std::future::poll_fn(|cx| {
                        if std::mem::replace(&mut yielded, true) {
                            return Poll::Ready(());
                        }
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    })
                    .await;
                }
                established
            }
        });
        let timeout = websocket_heartbeat::ConnectTimeout::fixed(secs(10));
        let mut session =
            Supervisor::builder(transport, clock.timer()).connect_timeout(timeout).build().unwrap();
        let counter = Counter::new();
        assert_eq!(words(&counter.drain(&mut session)), ["connecting 1"]);
        // It was ready at 5 s; the task looks at the deadline.
        clock.advance(secs(10));
        let mut told = Vec::new();
        while counter.take() > 0 {
            told.extend(words(&counter.drain(&mut session)));
        }
        assert_eq!(told, ["open 1"], "{polls}");
    }
}

#[test]
fn a_close_code_that_can_be_read_outranks_the_write_error() {
    for hesitant in [false, true] {
        for pings in [0, 2, 100] {
            let (stage, settings) =
                Stage::new(
                    move |_| {
                        if hesitant { Script::accept().hesitant() } else { Script::accept() }
                    },
                );
            let mut session = settings.build().unwrap();
            let (counter, mut events) = (Counter::new(), Vec::new());
            run(&counter, &mut session, &mut events);
            let peer = stage.remote.last_peer().unwrap();
            peer.fail_writes(TransportError::new(ErrorKind::Reset, "reset"));
            session.handle().try_queue("x").unwrap();
            (0..pings).for_each(|_| peer.ping(vec![1]));
            peer.close(4_001, "go away");
            run(&counter, &mut session, &mut events);
            let causes = causes(&events);
            assert!(
                matches!(&causes[..], [LostCause::ClosedByPeer(Some(frame))] if frame.code == 4_001),
                "{hesitant}, {pings}: {causes:?}"
            );
        }
    }
}

/// A connection that never has anything, and calls its waker at each poll once it is told to.
struct Hesitant {
    line: MockConnection,
    hesitates: Rc<Cell<bool>>,
    polls: Rc<Cell<u64>>,
}

impl Stream for Hesitant {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.hesitates.get() {
            self.polls.set(self.polls.get() + 1);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.line).poll_next(cx)
    }
}

impl Sink<Frame> for Hesitant {
    type Error = TransportError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.line).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), Self::Error> {
        Pin::new(&mut self.line).start_send(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.line).poll_close(cx)
    }
}

impl Connection for Hesitant {}

#[test]
fn a_dead_connection_that_hesitates_for_ever_is_lost_in_two_polls() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let (hesitates, polls) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
    let (switch, count) = (Rc::clone(&hesitates), Rc::clone(&polls));
    let transport = transport_fn(move |attempt| {
        let connect = transport.connect(attempt);
        let (hesitates, polls) = (Rc::clone(&switch), Rc::clone(&count));
        async move { Ok(connect.await?.map(|line| Hesitant { line, hesitates, polls })) }
    });
    let heartbeat = Heartbeat::idle(secs(15)).timeout(secs(10)).ping();
    let mut session =
        Supervisor::builder(transport, clock.timer()).heartbeat(heartbeat).build().unwrap();
    let counter = Counter::new();
    assert_eq!(words(&counter.drain(&mut session)), ["connecting 1", "open 1"]);
    hesitates.set(true);
    session.handle().probe_now();
    remote.last_peer().unwrap().ping(vec![1]);
    assert!(counter.drain(&mut session).is_empty());
    // One look at a time, though it calls.
    assert_eq!(polls.get(), 1);
    clock.advance(secs(3_600));
    let mut rounds = 0;
    let lost = loop {
        polls.set(0);
        rounds += 1;
        let events = counter.drain(&mut session);
        // The frames that are read before a verdict, and the look before them.
        assert!(polls.get() <= 2 * 256, "{}", polls.get());
        match causes(&events).pop() {
            Some(cause) => break cause,
            None => clock.advance(secs(10)),
        }
        assert!(rounds < 10);
    };
    assert!(matches!(lost, LostCause::HeartbeatTimeout(_)), "{lost:?}");
}

/// The reader rests after each message, the answer stands behind chatter, and the connection says
/// `Pending` between two frames: a rest of the application is no time that a poll took.
#[test]
fn a_reader_that_rests_between_messages_does_not_cost_the_answer() {
    for life in [ProofOfLife::Reply, ProofOfLife::AnyFrame] {
        let (mut stage, settings) =
            Stage::new(|_| Script::accept().hesitant().chatter(secs(2), "chatter"));
        let heartbeat = Heartbeat::idle(secs(15)).timeout(secs(10)).ping().proof_of_life(life);
        let mut session = settings.heartbeat(heartbeat).build().unwrap();
        let clock = stage.clock.clone();
        let reading = async move {
            let mut lost = 0;
            while clock.now().since_epoch() < secs(600) {
                match session.next().await {
                    Some(Event::Lost(_)) => lost += 1,
                    Some(_) => {
                        let rested = clock.now().checked_add(secs(7)).unwrap();
                        clock.timer().sleep_until(rested).await;
                    }
                    None => break,
                }
            }
            lost
        };
        assert_eq!(stage.runner.run_until(reading), 0);
    }
}
