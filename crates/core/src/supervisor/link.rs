//! The link to the server: an attempt, a connection, or nothing.

use std::pin::Pin;

use super::writer::Writer;
use crate::{error::TransportError, panics::drop_contained, transport::Transport};

pub(super) enum Link<T: Transport> {
    None,
    /// The attempt, or the panic of the transport before there was one.
    Connecting(Result<Pin<Box<T::Connect>>, TransportError>),
    Open(Writer<T::Connection>),
}

impl<T: Transport> Link<T> {
    /// Drops the attempt or the connection; a panic of its `Drop` is contained.
    pub(super) fn clear(&mut self) {
        drop_contained(std::mem::replace(self, Self::None));
    }

    /// The connection, once it is open.
    pub(super) fn open(&mut self) -> Option<&mut Writer<T::Connection>> {
        match self {
            Self::Open(open) => Some(open),
            Self::None | Self::Connecting(_) => None,
        }
    }

    /// The error of a write.
    pub(super) fn failure(&self) -> Option<&TransportError> {
        match self {
            Self::Open(open) => open.failure(),
            Self::None | Self::Connecting(_) => None,
        }
    }
}
