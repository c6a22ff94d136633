//! Proxies: HTTP CONNECT and SOCKS5.
//!
//! A [`Proxy`] is one proxy, from its URL. [`Proxies`] is the choice of a proxy for each request:
//! none, one for all, or those of the environment. [`Dialer::proxy`](crate::Dialer::proxy) and
//! [`NetworkTransport::proxy`](crate::NetworkTransport::proxy) take either.
//!
//! A connection uses no proxy by default. A library that read the environment by itself would
//! connect to another host in each environment, and a CGI program would let its clients choose that
//! host. [`Proxies::from_env`] reads the environment on request.
//!
//! ```
//! use websocket_heartbeat_tungstenite::{Dialer, proxy::{Proxies, Proxy}};
//!
//! // One proxy for all servers, except those of the local network.
//! let proxy = Proxy::new("http://me:secret@proxy.example.org:3128")?;
//! let dialer = Dialer::new().proxy(Proxies::all(proxy).except("localhost, 10.0.0.0/8")?);
//! // The proxies of the environment.
//! let dialer = Dialer::new().proxy(Proxies::from_env()?);
//! # drop(dialer);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod choice;
mod environment;
mod exceptions;
mod failure;
mod handshake;
#[cfg(test)]
mod tests;
mod tunnel;
mod url;

pub use self::{
    choice::Proxies,
    environment::{VariableError, VariableProblem},
    exceptions::ExceptionError,
    failure::{ProxyFailure, ProxyProblem},
    url::{Proxy, ProxyError},
};
pub(crate) use self::{handshake::Destination, tunnel::open as open_tunnel, url::Protocol};
