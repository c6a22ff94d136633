//! A connection whose panics are its errors: [`Contained`].

use std::{
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use pin_project::pin_project;

use crate::{
    error::{ErrorKind, TransportError},
    message::Frame,
    panics::contain,
    transport::Connection,
};

/// A connection of the user. A panic in one of its methods becomes an error of the kind `Panicked`.
/// After that, each call returns that error, and the connection is not called again.
#[pin_project]
pub(crate) struct Contained<C> {
    #[pin]
    connection: C,
    panicked: OnceLock<TransportError>,
}

impl<C> Contained<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { connection, panicked: OnceLock::new() }
    }

    /// The panic, if there was one.
    pub(super) fn panicked(&self) -> Option<&TransportError> {
        self.panicked.get()
    }

    /// Calls the connection, unless it has panicked.
    fn call<R>(
        self: Pin<&mut Self>,
        call: impl FnOnce(Pin<&mut C>) -> R,
    ) -> Result<R, TransportError> {
        let this = self.project();
        if let Some(error) = this.panicked.get() {
            return Err(error.clone());
        }
        contain(|| call(this.connection)).map_err(|words| note(this.panicked, words))
    }

    fn count(&self, count: impl FnOnce(&C) -> Option<u64>) -> Option<u64> {
        if self.panicked.get().is_some() {
            return None;
        }
        contain(|| count(&self.connection)).unwrap_or_else(|words| {
            note(&self.panicked, words);
            None
        })
    }
}

#[cold]
fn note(place: &OnceLock<TransportError>, words: Box<str>) -> TransportError {
    place.get_or_init(|| panicked(words)).clone()
}

impl<C: Connection> Stream for Contained<C> {
    type Item = Result<Frame, TransportError>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.call(|connection| connection.poll_next(cx))
            .unwrap_or_else(|error| Poll::Ready(Some(Err(error))))
    }
}

impl<C: Connection> Sink<Frame> for Contained<C> {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.call(|connection| connection.poll_ready(cx)).unwrap_or_else(|e| Poll::Ready(Err(e)))
    }

    fn start_send(self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        self.call(|connection| connection.start_send(frame))?
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.call(|connection| connection.poll_flush(cx)).unwrap_or_else(|e| Poll::Ready(Err(e)))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.call(|connection| connection.poll_close(cx)).unwrap_or_else(|e| Poll::Ready(Err(e)))
    }
}

impl<C: Connection> Connection for Contained<C> {
    fn bytes_written(&self) -> Option<u64> {
        self.count(C::bytes_written)
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.count(C::unacknowledged)
    }

    fn bytes_read(&self) -> Option<u64> {
        self.count(C::bytes_read)
    }

    fn shrink(self: Pin<&mut Self>) {
        // A panic is kept, and the next call returns it.
        let _ = self.call(|connection| connection.shrink());
    }
}

/// The error for a panic of the transport with this message.
pub(super) fn panicked(words: Box<str>) -> TransportError {
    TransportError::new(ErrorKind::Panicked, words)
}
