//! A client without a supervisor, and a waker that counts.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures::{Sink, Stream, StreamExt};
use websocket_heartbeat::{
    Attempt, Established, Frame, Message, Timestamp, Transport, TransportError,
};
use websocket_heartbeat_mock::{
    Clock, MockConnection, MockTransport, Peer, Remote, Script, mock, run,
};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_epoch(ms(millis))
}

pub(crate) fn text(words: &str) -> Frame {
    Frame::Message(Message::text(words.to_owned()))
}

pub(crate) async fn dial(
    transport: &mut MockTransport,
    number: u64,
) -> Result<Established<MockConnection>, TransportError> {
    let deadline = Timestamp::from_epoch(Duration::MAX);
    transport.connect(Attempt::new(number, 0, deadline)).await
}

/// Opens a connection with this script.
pub(crate) fn open(clock: &Clock, script: Script) -> (MockConnection, Peer, Remote) {
    let (mut transport, remote) = mock(clock);
    remote.push_script(script);
    let established = run(clock, dial(&mut transport, 1)).expect("the script accepts");
    let peer = remote.last_peer().expect("a connection was opened");
    (established.connection, peer, remote)
}

/// Reads until the connection ends, and drops it.
pub(crate) async fn read_all(mut connection: MockConnection) {
    while connection.next().await.is_some_and(|read| read.is_ok()) {}
}

/// A waker that counts, and polls of a connection with it.
#[derive(Default)]
pub(crate) struct Counter {
    wakes: AtomicUsize,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::Relaxed)
    }

    pub(crate) fn next(
        self: &Arc<Self>,
        connection: &mut MockConnection,
    ) -> Poll<Option<Result<Frame, TransportError>>> {
        let waker = Waker::from(self.clone());
        Pin::new(connection).poll_next(&mut Context::from_waker(&waker))
    }

    pub(crate) fn ready(
        self: &Arc<Self>,
        connection: &mut MockConnection,
    ) -> Poll<Result<(), TransportError>> {
        let waker = Waker::from(self.clone());
        Pin::new(connection).poll_ready(&mut Context::from_waker(&waker))
    }

    pub(crate) fn flush(
        self: &Arc<Self>,
        connection: &mut MockConnection,
    ) -> Poll<Result<(), TransportError>> {
        let waker = Waker::from(self.clone());
        Pin::new(connection).poll_flush(&mut Context::from_waker(&waker))
    }

    /// Sends a frame without a flush.
    pub(crate) fn hand(self: &Arc<Self>, connection: &mut MockConnection, frame: Frame) {
        assert_eq!(self.ready(connection), Poll::Ready(Ok(())));
        Pin::new(connection).start_send(frame).expect("the frame is accepted");
    }
}
