//! The line to the server: an attempt, a connection, or nothing; and reading from it.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::{Attempt, ErrorKind, Established, Transport, TransportError};

pub(super) enum Line<T: Transport> {
    None,
    Connecting(Pin<Box<T::Connect>>),
    /// The transport panicked before there was an attempt.
    Failed,
    Open(Pin<Box<T::Connection>>),
}

impl<T: Transport> Line<T> {
    /// Begins an attempt. A transport that panics has failed.
    pub(super) fn dial(transport: &mut T, attempt: Attempt) -> Self {
        catch_unwind(AssertUnwindSafe(|| Self::Connecting(Box::pin(transport.connect(attempt)))))
            .unwrap_or(Self::Failed)
    }

    /// Polls the attempt, if there is one under way.
    pub(super) fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Established<T::Connection>, TransportError>> {
        let connect = match self {
            Self::Connecting(connect) => connect,
            Self::Failed => return Poll::Ready(Err(panicked())),
            Self::None | Self::Open(_) => return Poll::Pending,
        };
        // Useless where panics abort, and documented so.
        catch_unwind(AssertUnwindSafe(|| connect.as_mut().poll(cx)))
            .unwrap_or_else(|_| Poll::Ready(Err(panicked())))
    }

    pub(super) fn open(&mut self) -> Option<Pin<&mut T::Connection>> {
        match self {
            Self::Open(connection) => Some(connection.as_mut()),
            Self::None | Self::Connecting(_) | Self::Failed => None,
        }
    }
}

fn panicked() -> TransportError {
    TransportError::new(ErrorKind::Provider, "the transport panicked while connecting")
}
