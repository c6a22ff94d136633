//! TLS for `wss://` by rustls, for all runtimes: [`Tls`] and its settings.
//!
//! The version of rustls is 0.23. The module re-exports it, so that the types of a program are those
//! of [`Tls::from_rustls`].

mod builder;
mod client;
mod config;
mod error;
mod info;
mod pem;
mod roots;
mod stream;
mod verifier;

pub use futures_rustls::rustls;

pub(crate) use self::stream::TlsStream;
pub use self::{
    builder::TlsBuilder,
    client::Tls,
    error::{PemInput, PemProblem, SkippedRoot, TlsError},
    info::TlsInfo,
    roots::Roots,
};
pub use crate::error::tls::{TlsFailure, TlsProblem};

#[cfg(test)]
mod tests;
