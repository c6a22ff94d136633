//! Servers for the examples. Each server runs on the loopback interface, on its own threads, until
//! the program ends.

mod exchange;
mod proxy;
mod server;
mod tls_server;

pub use self::{exchange::Exchange, proxy::Proxy, server::Server, tls_server::tls_server};

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The code in the README of the mock runs.
#[cfg(doctest)]
#[doc = include_str!("../../crates/mock/README.md")]
pub struct MockReadme;
