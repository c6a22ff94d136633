//! [`Silent`], for tests: a connection on which nothing arrives.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;

use super::Connection;
use crate::{error::TransportError, message::Frame};

/// A connection that accepts every frame, and on which nothing arrives.
#[derive(Debug, Default)]
pub(crate) struct Silent {
    /// Frames are not flushed.
    pub(crate) is_blocked: bool,
    /// `None` is unknown.
    pub(crate) counts: Option<Counts>,
}

/// The byte counts of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) written: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) read: u64,
}

impl Connection for Silent {
    fn bytes_written(&self) -> Option<u64> {
        self.counts.map(|counts| counts.written)
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.counts.map(|counts| counts.unacknowledged)
    }

    fn bytes_read(&self) -> Option<u64> {
        self.counts.map(|counts| counts.read)
    }
}

impl Stream for Silent {
    type Item = Result<Frame, TransportError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

impl Sink<Frame> for Silent {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, _: Frame) -> Result<(), TransportError> {
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.is_blocked { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
}
