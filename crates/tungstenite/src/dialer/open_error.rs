//! [`OpenError`]: no socket could be opened.

use std::{error::Error, fmt, io};

use crate::Target;

/// No socket could be opened: the error of one address, and the number of addresses that failed.
///
/// It is the source of the [`TransportError`](websocket_heartbeat::TransportError) of an attempt.
/// If several addresses fail, it has the error that says most about the server: an answer such as
/// a refusal comes before silence, and silence before a missing route. Between equal ones it is
/// the first.
#[derive(Debug)]
pub struct OpenError {
    target: Target,
    tried: usize,
    error: io::Error,
}

impl OpenError {
    pub(crate) fn new(target: Target, error: io::Error) -> Self {
        Self { target, tried: 1, error }
    }

    /// The same error, if this many addresses failed.
    pub(crate) fn of_several(self, tried: usize) -> Self {
        Self { tried, ..self }
    }

    /// The address of the error.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The number of addresses that were tried. All have failed.
    pub fn tried(&self) -> usize {
        self.tried
    }

    /// The error of the address.
    pub fn io_error(&self) -> &io::Error {
        &self.error
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tried > 1 {
            write!(f, "none of {} addresses accepted a connection: ", self.tried)?;
        }
        write!(f, "{}: {}", self.target, self.error)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
