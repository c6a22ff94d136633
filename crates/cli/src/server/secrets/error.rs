//! [`SecretError`]: why a secret could not be read.

use std::{fmt, io, path::Path, time::Duration};

use websocket_heartbeat_smol::{ErrorKind, RequestError, TransportError, proxy::ProxyError};

use crate::duration::show;

/// The largest file and the largest output: more than any server accepts as header fields.
pub(super) const LARGEST: u64 = 64 << 10;

/// Why a secret could not be read. It contains no part of the secret.
#[derive(Debug)]
pub(in crate::server) struct SecretError {
    /// The file or the command, without its text.
    pub(super) place: String,
    pub(super) problem: Problem,
}

/// The problem of a file or a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Read(io::ErrorKind),
    TooLarge,
    NotUtf8,
    /// There is no header field.
    Empty,
    /// This line has no colon.
    NoColon(usize),
    /// The field on this line cannot be sent.
    Field(usize, RequestError),
    /// There is no colon between user and password.
    NoPassword,
    /// The proxy cannot be given these credentials.
    Proxy(ProxyError),
    /// The command cannot be started.
    Start(io::ErrorKind),
    /// The command has failed with this exit code, or by a signal.
    Failed(Option<i32>),
    /// The command has not ended within this time.
    Late(Duration),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, problem } = self;
        match problem {
            Problem::Read(io::ErrorKind::NotFound) => {
                write!(f, "{place} does not exist; check the path")
            }
            Problem::Read(io::ErrorKind::PermissionDenied) => {
                write!(f, "{place} may not be read by this user; check its permissions")
            }
            Problem::Read(kind) => write!(f, "{place} cannot be read ({kind}); check it"),
            Problem::TooLarge => {
                write!(f, "{place} gives more than {} KiB; shorten it", LARGEST >> 10)
            }
            Problem::NotUtf8 => write!(f, "{place} gives text that is not valid UTF-8; correct it"),
            Problem::Empty => {
                write!(f, "{place} gives no header field; write one on each line, as Name: value")
            }
            Problem::NoColon(line) => {
                write!(f, "{place} has no colon on line {line}; write Name: value")
            }
            Problem::Field(line, RequestError::HeaderName) => {
                write!(f, "{place} has no valid field name on line {line}; write Name: value")
            }
            Problem::Field(line, error) => {
                write!(f, "{place} has a wrong field on line {line}: {error}; correct it")
            }
            Problem::Proxy(error) => {
                write!(f, "{place} is not for this proxy: {error}; correct it")
            }
            Problem::NoPassword => write!(f, "{place} has no colon; write user:password"),
            Problem::Start(kind) => {
                write!(f, "{place} cannot be started ({kind}); check the shell")
            }
            Problem::Failed(Some(code)) => {
                write!(f, "{place} failed with exit code {code}; run it in a shell to see why")
            }
            Problem::Failed(None) => {
                write!(f, "{place} was ended by a signal; run it in a shell to see why")
            }
            Problem::Late(time) => write!(
                f,
                "{place} did not end within {}; make it faster, or set a longer --connect-timeout",
                show(*time)
            ),
        }
    }
}

impl SecretError {
    /// The proxy cannot be given the credentials in this file.
    pub(in crate::server) fn of_proxy(path: &Path, error: ProxyError) -> Self {
        Self { place: format!("the file {}", path.display()), problem: Problem::Proxy(error) }
    }
}

impl std::error::Error for SecretError {}

/// A failed attempt, which is tried again: the file or the command may work later.
impl From<SecretError> for TransportError {
    fn from(error: SecretError) -> Self {
        Self::from_source(ErrorKind::Provider, error)
    }
}
