//! The next item of a stream: [`Next`].

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{FusedFuture, FusedStream, Stream};

/// The future of the next item of a stream, from the method `next` of a stream of this crate. It is
/// ready with `None` at the end of the stream.
///
/// It is the same as the future of `futures::StreamExt::next`, for programs that need nothing else
/// of `futures`.
///
/// # Cancel safety
///
/// Dropping it loses no item.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Next<'a, S> {
    stream: &'a mut S,
}

impl<'a, S> Next<'a, S> {
    pub(crate) fn new(stream: &'a mut S) -> Self {
        Self { stream }
    }
}

impl<S: Stream + Unpin> Future for Next<'_, S> {
    type Output = Option<S::Item>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.stream).poll_next(cx)
    }
}

impl<S: FusedStream + Unpin> FusedFuture for Next<'_, S> {
    fn is_terminated(&self) -> bool {
        self.stream.is_terminated()
    }
}
