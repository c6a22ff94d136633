//! [`WrappedConnection`]: a mock connection with a changed behaviour.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::{Sink, Stream};
use websocket_heartbeat::{Connection, Frame, Transport, TransportError, transport_fn};
use websocket_heartbeat_mock::{MockConnection, MockTransport};

/// A method of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Next,
    Ready,
    Send,
    Flush,
    Progress,
    Arrived,
    Shrink,
}

/// The result of a read.
pub(crate) type Read = Poll<Option<Result<Frame, TransportError>>>;

/// The result of a flush, or of making the connection ready.
pub(crate) type Flush = Poll<Result<(), TransportError>>;

/// The difference between a [`WrappedConnection`] and its mock connection. Each method defaults to
/// no difference.
pub(crate) trait Behaviour: Unpin {
    /// Runs before each call of this method.
    fn before(&self, _: Method) {}

    fn poll_next(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Read {
        connection.poll_next(cx)
    }

    fn poll_ready(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Flush {
        connection.poll_ready(cx)
    }

    fn poll_flush(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Flush {
        connection.poll_flush(cx)
    }

    fn bytes_written(&self, connection: &MockConnection) -> Option<u64> {
        connection.bytes_written()
    }

    fn bytes_read(&self, connection: &MockConnection) -> Option<u64> {
        connection.bytes_read()
    }

    fn unacknowledged(&self, connection: &MockConnection) -> Option<u64> {
        connection.unacknowledged()
    }
}

/// A mock connection with a changed behaviour.
pub(crate) struct WrappedConnection<B> {
    connection: MockConnection,
    behaviour: B,
}

/// A transport whose connections have the behaviour that `behaviour` makes for each attempt.
pub(crate) fn wrap_connections<B: Behaviour>(
    mut transport: MockTransport,
    mut behaviour: impl FnMut() -> B,
) -> impl Transport<Connection = WrappedConnection<B>> {
    transport_fn(move |attempt| {
        let (connect, behaviour) = (transport.connect(attempt), behaviour());
        async move {
            let established = connect.await?;
            Ok(established.map(|connection| WrappedConnection { connection, behaviour }))
        }
    })
}

impl<B: Behaviour> Stream for WrappedConnection<B> {
    type Item = Result<Frame, TransportError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Read {
        let this = self.get_mut();
        this.behaviour.before(Method::Next);
        this.behaviour.poll_next(Pin::new(&mut this.connection), cx)
    }
}

impl<B: Behaviour> Sink<Frame> for WrappedConnection<B> {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let this = self.get_mut();
        this.behaviour.before(Method::Ready);
        this.behaviour.poll_ready(Pin::new(&mut this.connection), cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), Self::Error> {
        self.behaviour.before(Method::Send);
        Pin::new(&mut self.connection).start_send(frame)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let this = self.get_mut();
        this.behaviour.before(Method::Flush);
        this.behaviour.poll_flush(Pin::new(&mut this.connection), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.connection).poll_close(cx)
    }
}

impl<B: Behaviour> Connection for WrappedConnection<B> {
    fn bytes_written(&self) -> Option<u64> {
        self.behaviour.before(Method::Progress);
        self.behaviour.bytes_written(&self.connection)
    }

    fn bytes_read(&self) -> Option<u64> {
        self.behaviour.before(Method::Arrived);
        self.behaviour.bytes_read(&self.connection)
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.behaviour.unacknowledged(&self.connection)
    }

    fn shrink(mut self: Pin<&mut Self>) {
        self.behaviour.before(Method::Shrink);
        Pin::new(&mut self.connection).shrink();
    }
}
