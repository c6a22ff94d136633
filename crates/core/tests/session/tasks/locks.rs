//! Code of the application runs outside every lock, and its values are dropped outside every lock,
//! because it may call the session again. With debug assertions, such a call under a lock panics;
//! without them it would deadlock.

use std::{
    cell::OnceCell,
    error::Error,
    fmt,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::{FutureExt, Sink, SinkExt, Stream};
use websocket_heartbeat::{
    Attempt, BoxTransport, Bytes, ErrorKind, Established, Handle, Message, Offline, OutboxSettings,
    Outgoing, Supervisor, TransportError, WhenFull,
    backend::{BoxConnection, DynTransport},
    transport_fn,
};
use websocket_heartbeat_mock::{Clock, Script, mock};

use crate::harness::{Fixture, MockSupervisor, WakeCounter, secs};

/// Makes values that call the session again when they are called or dropped.
#[derive(Clone)]
struct Visits {
    handle: Handle,
    count: Arc<AtomicUsize>,
}

impl Visits {
    fn new(handle: Handle) -> Self {
        Self { handle, count: Arc::default() }
    }

    /// The number of completed calls since the last `take`.
    fn take(&self) -> usize {
        self.count.swap(0, Ordering::Relaxed)
    }

    fn visitor(&self) -> Visitor {
        Visitor(self.clone())
    }

    /// A message whose payload calls the session when it is freed.
    fn message(&self, len: usize) -> Message {
        let payload = Payload { bytes: vec![1; len], _visitor: self.visitor() };
        Message::binary(Bytes::from_owner(payload))
    }

    /// A waker that calls the session when it is woken and when it is dropped.
    fn waker(&self) -> Waker {
        Waker::from(Arc::new(self.visitor()))
    }
}

struct Visitor(Visits);

impl Visitor {
    fn visit(&self) {
        let Visits { handle, count } = &self.0;
        let _ = handle.status();
        let _ = handle.forget_replay("visitor");
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.visit();
    }
}

impl Wake for Visitor {
    fn wake(self: Arc<Self>) {
        self.visit();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.visit();
    }
}

struct Payload {
    bytes: Vec<u8>,
    _visitor: Visitor,
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn open(outbox: OutboxSettings) -> (Fixture, MockSupervisor, Visits) {
    let (fixture, builder) = Fixture::new(|_| Script::accept().unrecorded());
    let mut session = builder.outbox(outbox).build().unwrap();
    let visits = Visits::new(session.handle());
    WakeCounter::new().drain(&mut session);
    (fixture, session, visits)
}

fn offline(outbox: OutboxSettings) -> (Fixture, MockSupervisor, Visits) {
    let (fixture, builder) = Fixture::new(|_| Script::hang());
    let mut session = builder.outbox(outbox).build().unwrap();
    let visits = Visits::new(session.handle());
    WakeCounter::new().drain(&mut session);
    (fixture, session, visits)
}

#[test]
fn a_written_message_is_freed_outside_the_lock() {
    for outbox in [
        OutboxSettings::new(),
        OutboxSettings::new().give_back(false),
        OutboxSettings::new().resend(2),
    ] {
        let (_fixture, mut session, visits) = open(outbox);
        for _ in 0..3 {
            visits.handle.try_queue(visits.message(10_000)).unwrap();
        }
        WakeCounter::new().drain(&mut session);
        assert_eq!(session.status().counters.messages_out, 3);
        assert_eq!(visits.take(), 3);
    }
}

#[test]
fn a_copied_small_message_is_freed_outside_the_lock() {
    let (_fixture, session, visits) = offline(OutboxSettings::new());
    visits.handle.try_queue(visits.message(10)).unwrap();
    let mut sink = session.handle();
    sink.feed(visits.message(10)).now_or_never().unwrap().unwrap();
    assert_eq!(visits.take(), 2);
}

#[test]
fn a_replaced_replay_is_freed_outside_the_lock() {
    let (_fixture, _session, visits) = offline(OutboxSettings::new());
    visits.handle.replay("topic", visits.message(10)).unwrap();
    visits.handle.replay("topic", visits.message(10)).unwrap();
    assert_eq!(visits.take(), 1);
    drop(visits.handle.forget_replay("topic"));
    assert_eq!(visits.take(), 1);
    // This includes replays that are queued for the open connection.
    let (_fixture, mut session, visits) = open(OutboxSettings::new());
    for _ in 0..3 {
        visits.handle.replay("topic", visits.message(10)).unwrap();
    }
    assert_eq!(visits.take(), 2);
    drop(visits.handle.forget_replay("topic"));
    WakeCounter::new().drain(&mut session);
    assert_eq!(visits.take(), 1);
}

#[test]
fn overflowed_and_expired_messages_are_freed_outside_the_lock() {
    // The fates of dropped messages are bounded like the messages.
    let (_fixture, session, visits) =
        offline(OutboxSettings::new().count(1).when_full(WhenFull::DropOldest));
    for _ in 0..5 {
        visits.handle.try_queue(visits.message(10_000)).unwrap();
    }
    assert_eq!(visits.take(), 3, "one is queued, and one is to be returned");
    let mut sink = session.handle();
    sink.start_send_unpin(visits.message(100 << 20)).unwrap();
    assert_eq!(visits.take(), 1);
    // The receipt of each expired message was dropped.
    let (fixture, mut session, visits) = offline(OutboxSettings::new());
    for _ in 0..3 {
        let outgoing = Outgoing::new(visits.message(10_000)).max_age(secs(1));
        drop(visits.handle.queue_with_receipt(outgoing).now_or_never().unwrap().unwrap());
    }
    WakeCounter::new().drain(&mut session);
    fixture.clock.advance(secs(2));
    WakeCounter::new().drain(&mut session);
    assert_eq!(visits.take(), 3);
}

#[test]
fn messages_of_a_loss_or_the_end_are_freed_outside_the_lock() {
    for outbox in [
        OutboxSettings::new().offline(Offline::Refuse),
        OutboxSettings::new().offline(Offline::Refuse).give_back(false),
        OutboxSettings::new().resend(1).offline(Offline::Refuse),
        OutboxSettings::new().count(2).offline(Offline::Refuse),
    ] {
        let (fixture, mut session, visits) = open(outbox);
        let counter = WakeCounter::new();
        let peer = fixture.remote.last_peer().unwrap();
        peer.stall_writes();
        visits.handle.replay("topic", visits.message(10_000)).unwrap();
        while visits.handle.try_queue(visits.message(10_000)).is_ok() && visits.take() == 0 {
            if session.status().queued_messages >= 10 {
                break;
            }
            counter.drain(&mut session);
        }
        let receipt = visits.handle.queue_with_receipt(visits.message(10)).now_or_never();
        drop(receipt);
        peer.fail_writes(TransportError::new(ErrorKind::Reset, "gone"));
        counter.drain(&mut session);
        fixture.clock.advance(secs(30));
        counter.drain(&mut session);
        drop(visits.handle.forget_replay("topic"));
        visits.handle.close();
        counter.drain(&mut session);
        drop(session);
        let live = Arc::strong_count(&visits.count) - 1;
        assert_eq!(live, 0, "all are freed");
        assert!(visits.take() > 0);
    }
}

#[test]
fn a_parked_message_is_freed_outside_the_lock() {
    let (_fixture, session, visits) = offline(OutboxSettings::new().bytes(10_000).count(2));
    let mut sinks = [session.handle(), session.handle()];
    for sink in &mut sinks {
        assert!(WakeCounter::new().poll(|cx| Pin::new(&mut *sink).poll_ready(cx)).is_ready());
    }
    for sink in &mut sinks {
        sink.start_send_unpin(visits.message(9_000)).unwrap();
    }
    drop(sinks);
    drop(session);
    assert_eq!(visits.take(), 1, "the fate of the other is kept");
}

/// An error that calls the session when it is dropped.
struct Cause {
    number: u32,
    _visitor: Visitor,
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cause")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cause {}", self.number)
    }
}

impl Error for Cause {}

#[test]
fn a_replaced_cause_is_dropped_outside_the_lock() {
    let clock = Clock::new();
    let visits = Rc::new(OnceCell::<Visits>::new());
    let (of_transport, mut number) = (Rc::clone(&visits), 0);
    let transport = transport_fn(move |_| {
        number += 1;
        let _visitor = of_transport.get().unwrap().visitor();
        let error = TransportError::from_source(ErrorKind::Other, Cause { number, _visitor });
        async move { Err::<Established<BoxConnection>, _>(error) }
    });
    let mut session = Supervisor::builder(transport, clock.timer()).build().unwrap();
    assert!(visits.set(Visits::new(session.handle())).is_ok());
    for _ in 0..4 {
        WakeCounter::new().drain(&mut session);
        clock.advance(secs(60));
    }
    assert_eq!(visits.get().unwrap().take(), 3, "the status holds the last one");
}

/// A transport that calls the session in each of its methods, and when it is dropped.
struct Nosy {
    visitor: Visitor,
    other: BoxTransport,
}

#[async_trait::async_trait]
impl DynTransport for Nosy {
    async fn connect_boxed(
        &mut self,
        _: Attempt,
    ) -> Result<Established<BoxConnection>, TransportError> {
        self.visitor.visit();
        Err(TransportError::new(ErrorKind::Other, "nosy"))
    }

    fn can_ping(&self) -> bool {
        self.visitor.visit();
        // Calls the box that holds this transport.
        let _ = websocket_heartbeat::Transport::can_ping(&self.other);
        true
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        let _ = websocket_heartbeat::Transport::can_ping(&self.other);
    }
}

#[test]
fn a_boxed_transport_is_called_and_dropped_outside_the_lock() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::hang());
    let place = BoxTransport::new(transport);
    let mut session = Supervisor::builder(place.clone(), clock.timer()).build().unwrap();
    let visits = Visits::new(session.handle());
    for _ in 0..3 {
        place.replace(Nosy { visitor: visits.visitor(), other: place.clone() });
    }
    WakeCounter::new().drain(&mut session);
    assert_eq!(
        visits.take(),
        2 + 2 + 2,
        "two are dropped and call `can_ping` of the next, one is called and connects"
    );
}

/// Polls twice, with wakers of different tasks that call the session.
fn wait<R>(visits: &Visits, mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>) {
    for _ in 0..2 {
        assert!(poll(&mut Context::from_waker(&visits.waker())).is_pending());
    }
}

#[test]
fn wakers_are_called_and_dropped_outside_the_lock() {
    let (fixture, mut session, visits) = open(OutboxSettings::new().count(2));
    let counter = WakeCounter::new();
    let peer = fixture.remote.last_peer().unwrap();
    peer.stall_writes();
    let mut receipt =
        visits.handle.queue_with_receipt("handed over").now_or_never().unwrap().unwrap();
    counter.drain(&mut session);
    let mut sink = session.handle();
    sink.feed("x".into()).now_or_never().unwrap().unwrap();
    wait(&visits, |cx| Pin::new(&mut receipt).poll_unpin(cx));
    wait(&visits, |cx| Pin::new(&mut sink).poll_flush(cx));
    let mut other = session.handle();
    wait(&visits, |cx| Pin::new(&mut other).poll_ready(cx));
    let mut queuing = Box::pin(visits.handle.queue("waits"));
    wait(&visits, |cx| queuing.poll_unpin(cx));
    let mut changes = visits.handle.status_changes();
    assert!(counter.next(&mut changes).is_ready());
    wait(&visits, |cx| Pin::new(&mut changes).poll_next(cx));
    assert_eq!(visits.take(), 5, "wakers that another task replaced");
    peer.resume_writes();
    counter.drain(&mut session);
    assert!(visits.take() >= 5);
    // This includes wakers that are left when the session is dropped.
    let mut dropped = Box::pin(visits.handle.status_changes());
    assert!(counter.next(&mut dropped).is_ready());
    wait(&visits, |cx| dropped.as_mut().poll_next(cx));
    drop(dropped);
    assert_eq!(visits.take(), 2);
    wait(&visits, |cx| Pin::new(&mut session).poll_next(cx));
    drop(session);
    assert!(visits.take() >= 2);
}

#[test]
fn wakers_of_inbox_and_driver_are_called_outside_the_lock() {
    let (fixture, builder) = Fixture::new(|_| Script::accept().greet("one").greet("two"));
    let session = builder.build().unwrap();
    let visits = Visits::new(session.handle());
    let (mut driver, mut inbox) = session.into_driver(1).unwrap();
    wait(&visits, |cx| Pin::new(&mut inbox).poll_next(cx));
    wait(&visits, |cx| driver.poll_unpin(cx));
    fixture.clock.advance(secs(1));
    let counter = WakeCounter::new();
    // A message that is taken makes room for the next read.
    for _ in 0..4 {
        let _ = counter.poll(|cx| driver.poll_unpin(cx));
        counter.drain(&mut inbox);
    }
    wait(&visits, |cx| driver.poll_unpin(cx));
    wait(&visits, |cx| Pin::new(&mut inbox).poll_next(cx));
    drop(inbox);
    drop(driver);
    assert!(visits.take() >= 8);
}
