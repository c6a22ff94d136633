//! The operations of an open connection, so that each case is written once.

use std::{error::Error, future::Future, net::SocketAddr};

use super::runtime::Runtime;
use crate::server::request::Route;

pub(crate) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The server, the requested route and the size of the read buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) route: Route,
    /// The size of the read buffer, `None` for the client's default.
    pub(crate) buffer: Option<usize>,
}

impl Target {
    pub(crate) fn url(&self) -> String {
        format!("ws://{}{}", self.address, self.route)
    }
}

/// A connection without a supervisor.
pub(crate) trait Socket: Sized + Send + 'static {
    type Runtime: Runtime;
    /// An outbound message, cheap to clone.
    type Message: Clone + Send + Sync + 'static;

    fn text(payload: &'static str) -> Self::Message;
    fn binary(payload: &'static [u8]) -> Self::Message;

    fn connect(target: Target) -> impl Future<Output = Fallible<Self>> + Send;
    /// Waits for a data message and returns its length. Control frames are skipped.
    fn receive(&mut self) -> impl Future<Output = Fallible<usize>> + Send;
    /// Waits for a pong. Other messages are skipped.
    fn receive_pong(&mut self) -> impl Future<Output = Fallible<()>> + Send;
    /// Sends without a flush where the client can do that.
    fn feed(&mut self, message: Self::Message) -> impl Future<Output = Fallible<()>> + Send;
    fn flush(&mut self) -> impl Future<Output = Fallible<()>> + Send;
    /// Sends and flushes.
    fn send(&mut self, message: Self::Message) -> impl Future<Output = Fallible<()>> + Send;
    fn ping(&mut self) -> impl Future<Output = Fallible<()>> + Send;
}
