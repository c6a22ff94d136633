//! Before a verdict or the report of a failed write, all available frames are read, even from a
//! hesitant connection.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use futures::Stream;
use websocket_heartbeat::{
    ErrorKind, Event, Heartbeat, LostCause, ProofOfLife, Supervisor, Timer, Transport,
    TransportError, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockConnection, Script, mock};

use crate::harness::{
    Behaviour, Fixture, MockSupervisor, Read, WakeCounter, ms, secs, words, wrap_connections,
};

/// Polls while it is woken, as an executor does. Returns the number of polls.
fn run(counter: &Arc<WakeCounter>, session: &mut MockSupervisor, events: &mut Vec<Event>) -> usize {
    for polls in 1..10_000 {
        events.extend(counter.drain(session));
        if counter.take() == 0 {
            return polls;
        }
    }
    panic!("it is woken without end");
}

fn causes(events: &[Event]) -> Vec<LostCause> {
    let causes = events.iter().filter_map(|event| match event {
        Event::Lost(lost) => Some(lost.cause.clone()),
        _ => None,
    });
    causes.collect()
}

/// The reported events if the answer to a probe arrives in time behind `pings`, and the task polls
/// only at the deadline.
fn behind_pings(hesitant: bool, pings: u64, life: ProofOfLife) -> Vec<String> {
    let (fixture, builder) = Fixture::new(move |_| {
        let script = Script::accept().latency(ms(100));
        if hesitant { script.hesitant() } else { script }
    });
    let heartbeat = Heartbeat::idle(secs(5)).timeout(secs(3)).ping().proof_of_life(life);
    let mut session = builder.heartbeat(heartbeat).build().unwrap();
    let (counter, mut events) = (WakeCounter::new(), Vec::new());
    run(&counter, &mut session, &mut events);
    fixture.clock.advance(secs(5));
    run(&counter, &mut session, &mut events);
    // The probe is written. The server sends pings and then answers, while the task is not polled.
    let peer = fixture.remote.last_peer().unwrap();
    (0..pings).for_each(|_| peer.ping(vec![1]));
    fixture.clock.advance(secs(3));
    run(&counter, &mut session, &mut events);
    fixture.clock.advance(secs(1));
    run(&counter, &mut session, &mut events);
    words(&events)
}

#[test]
fn a_readable_answer_counts_on_a_hesitant_connection() {
    for hesitant in [false, true] {
        for pings in [0, 1, 2, 50, 200] {
            for life in [ProofOfLife::AnyFrame, ProofOfLife::Reply] {
                let reported = behind_pings(hesitant, pings, life);
                assert_eq!(reported, ["connecting 1 attempt 0", "open 1"], "{hesitant}, {pings}");
            }
        }
    }
}

/// A connection that wakes the task in each poll, which takes a millisecond.
struct Slow {
    clock: Clock,
    is_slow: Rc<Cell<bool>>,
    polls: Rc<Cell<u32>>,
}

impl Behaviour for Slow {
    fn poll_next(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Read {
        if !self.is_slow.get() {
            return connection.poll_next(cx);
        }
        self.polls.update(|polls| polls + 1);
        self.clock.advance(ms(1));
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn reading_before_a_verdict_ends_with_the_turn() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().without_pongs());
    let (is_slow, polls) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
    let behaviour = (clock.clone(), Rc::clone(&is_slow), Rc::clone(&polls));
    let transport = wrap_connections(transport, move || {
        let (clock, is_slow, polls) = behaviour.clone();
        Slow { clock, is_slow, polls }
    });
    let heartbeat = Heartbeat::idle(secs(5)).timeout(secs(3)).ping();
    let mut session =
        Supervisor::builder(transport, clock.timer()).heartbeat(heartbeat).build().unwrap();
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    clock.advance(secs(5));
    counter.drain(&mut session);
    is_slow.set(true);
    clock.advance(secs(3));
    counter.drain(&mut session);
    assert!((1..=40).contains(&polls.get()), "{} polls", polls.get());
}

#[test]
fn a_ready_attempt_counts_although_it_hesitates() {
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
        let counter = WakeCounter::new();
        assert_eq!(words(&counter.drain(&mut session)), ["connecting 1 attempt 0"]);
        // The attempt was ready at 5 s, and the task polls at the deadline.
        clock.advance(secs(10));
        let mut reported = Vec::new();
        while counter.take() > 0 {
            reported.extend(words(&counter.drain(&mut session)));
        }
        assert_eq!(reported, ["open 1"], "{polls}");
    }
}

#[test]
fn a_readable_close_code_outranks_a_write_error() {
    for hesitant in [false, true] {
        for pings in [0, 2, 100] {
            let (fixture, builder) =
                Fixture::new(
                    move |_| {
                        if hesitant { Script::accept().hesitant() } else { Script::accept() }
                    },
                );
            let mut session = builder.build().unwrap();
            let (counter, mut events) = (WakeCounter::new(), Vec::new());
            run(&counter, &mut session, &mut events);
            let peer = fixture.remote.last_peer().unwrap();
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

/// On request, the connection returns nothing, and calls its waker at each poll.
#[derive(Clone, Default)]
struct Hesitant {
    hesitates: Rc<Cell<bool>>,
    polls: Rc<Cell<u64>>,
}

impl Behaviour for Hesitant {
    fn poll_next(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Read {
        if self.hesitates.get() {
            self.polls.set(self.polls.get() + 1);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        connection.poll_next(cx)
    }
}

#[test]
fn a_dead_hesitant_connection_is_lost_after_two_polls() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let behaviour = Hesitant::default();
    let Hesitant { hesitates, polls } = behaviour.clone();
    let transport = wrap_connections(transport, move || behaviour.clone());
    let heartbeat = Heartbeat::idle(secs(15)).timeout(secs(10)).ping();
    let mut session =
        Supervisor::builder(transport, clock.timer()).heartbeat(heartbeat).build().unwrap();
    let counter = WakeCounter::new();
    assert_eq!(words(&counter.drain(&mut session)), ["connecting 1 attempt 0", "open 1"]);
    hesitates.set(true);
    session.handle().probe_now();
    remote.last_peer().unwrap().ping(vec![1]);
    assert!(counter.drain(&mut session).is_empty());
    // One poll of the connection per poll of the session, although it calls the waker.
    assert_eq!(polls.get(), 1);
    clock.advance(secs(3_600));
    let mut rounds = 0;
    let lost = loop {
        polls.set(0);
        rounds += 1;
        let events = counter.drain(&mut session);
        // The reads before a verdict, and the batch before them.
        assert!(polls.get() <= 2 * 256, "{}", polls.get());
        match causes(&events).pop() {
            Some(cause) => break cause,
            None => clock.advance(secs(10)),
        }
        assert!(rounds < 10);
    };
    assert!(matches!(lost, LostCause::HeartbeatTimeout(_)), "{lost:?}");
}

/// The reader rests after each message, the answer is behind other messages, and the connection is
/// pending between two frames. The rest of the application does not count as time of a poll.
#[test]
fn a_reader_that_rests_between_messages_misses_no_answer() {
    for life in [ProofOfLife::Reply, ProofOfLife::AnyFrame] {
        let (mut fixture, builder) =
            Fixture::new(|_| Script::accept().hesitant().chatter(secs(2), "chatter"));
        let heartbeat = Heartbeat::idle(secs(15)).timeout(secs(10)).ping().proof_of_life(life);
        let mut session = builder.heartbeat(heartbeat).build().unwrap();
        let clock = fixture.clock.clone();
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
        assert_eq!(fixture.runner.run_until(reading), 0);
    }
}
