//! The link to the server: an attempt, a connection, or nothing.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::contained::{Contained, panicked};
use crate::{
    error::TransportError,
    panics::{contain, drop_contained},
    transport::{Attempt, Connection, Established, Transport},
};

pub(super) enum Link<T: Transport> {
    None,
    Connecting(Pin<Box<T::Connect>>),
    /// The transport panicked before there was an attempt, with this error.
    Failed(TransportError),
    Open(Pin<Box<Contained<T::Connection>>>),
}

impl<T: Transport> Link<T> {
    /// Begins an attempt. If the transport panics, the attempt has failed.
    pub(super) fn dial(transport: &mut T, attempt: Attempt) -> Self {
        match contain(|| Box::pin(transport.connect(attempt))) {
            Ok(connect) => Self::Connecting(connect),
            Err(words) => Self::Failed(panicked(words)),
        }
    }

    /// Polls the current attempt. When the attempt is ready, the link becomes `None`.
    pub(super) fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Established<T::Connection>, TransportError>> {
        let result = match self {
            Self::Connecting(connect) => match contain(|| connect.as_mut().poll(cx)) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(result)) => result,
                Err(words) => Err(panicked(words)),
            },
            Self::Failed(error) => Err(error.clone()),
            Self::None | Self::Open(_) => return Poll::Pending,
        };
        self.clear();
        Poll::Ready(result)
    }

    /// Drops the attempt or the connection; a panic of its `Drop` is contained.
    pub(super) fn clear(&mut self) {
        drop_contained(std::mem::replace(self, Self::None));
    }

    /// The connection, once it is open.
    pub(super) fn open(&mut self) -> Option<Pin<&mut Contained<T::Connection>>> {
        match self {
            Self::Open(connection) => Some(connection.as_mut()),
            Self::None | Self::Connecting(_) | Self::Failed(_) => None,
        }
    }

    /// Bytes that the connection has accepted; 0 if it does not know.
    pub(super) fn bytes_written(&mut self) -> u64 {
        self.open().and_then(|connection| connection.bytes_written()).unwrap_or(0)
    }

    /// The panic of the connection, if there was one.
    pub(super) fn panicked(&self) -> Option<&TransportError> {
        match self {
            Self::Open(connection) => connection.panicked(),
            Self::None | Self::Connecting(_) | Self::Failed(_) => None,
        }
    }
}
