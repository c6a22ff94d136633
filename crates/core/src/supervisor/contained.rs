//! A connection whose panics are its errors: [`Contained`].

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    error::{ErrorKind, TransportError},
    message::Frame,
    panics::{ARE_CAUGHT, contain},
    transport::Connection,
};

/// A connection of the user. A panic in one of its methods becomes an error of the kind `Panicked`.
/// After that, each call returns that error, and the connection is not called again.
pub(super) struct Contained<C> {
    connection: Pin<Box<C>>,
    panicked: Option<TransportError>,
}

/// A connection can be polled, or it has failed.
pub(super) type PollConnection = Poll<Result<(), TransportError>>;

impl<C: Connection> Contained<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { connection: Box::pin(connection), panicked: None }
    }

    /// The panic, if there was one.
    pub(super) fn panicked(&self) -> Option<&TransportError> {
        self.panicked.as_ref().filter(|_| ARE_CAUGHT)
    }

    /// Calls the connection, unless it has panicked.
    fn call<R>(&mut self, call: impl FnOnce(Pin<&mut C>) -> R) -> Result<R, TransportError> {
        if let Some(error) = self.panicked() {
            return Err(error.clone());
        }
        contain(|| call(self.connection.as_mut())).map_err(|words| self.note(words))
    }

    #[cold]
    fn note(&mut self, words: Box<str>) -> TransportError {
        self.panicked.insert(panicked(words)).clone()
    }

    #[inline]
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, TransportError>>> {
        self.call(|connection| connection.poll_next(cx))
            .unwrap_or_else(|error| Poll::Ready(Some(Err(error))))
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> PollConnection {
        self.call(|connection| connection.poll_ready(cx)).unwrap_or_else(|e| Poll::Ready(Err(e)))
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<(), TransportError> {
        self.call(|connection| connection.start_send(frame))?
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> PollConnection {
        self.call(|connection| connection.poll_flush(cx)).unwrap_or_else(|e| Poll::Ready(Err(e)))
    }

    /// Asks the connection for a number of bytes. `None` if it does not know.
    pub(super) fn count(&mut self, count: impl FnOnce(&C) -> Option<u64>) -> Option<u64> {
        self.call(|connection| count(&connection)).ok().flatten()
    }

    pub(super) fn shrink(&mut self) {
        // A panic is kept, and the next call returns it.
        let _ = self.call(|connection| connection.shrink());
    }
}

/// The error for a panic of the transport with this message.
pub(super) fn panicked(words: Box<str>) -> TransportError {
    TransportError::new(ErrorKind::Panicked, format!("the transport panicked: {words}"))
}
