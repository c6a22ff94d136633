//! A transport made of a function: [`transport_fn`].

use std::{fmt, future::Future};

use super::{Attempt, Connection, Established, Transport};
use crate::error::TransportError;

/// Makes a [`Transport`] from a function that is called once for each attempt, for example to use a
/// fresh token each time.
///
/// ```
/// use websocket_heartbeat::{transport_fn, ErrorKind, Established, Transport, TransportError};
/// # use websocket_heartbeat::{Attempt, Connection};
/// # fn check<C: Connection>(dial: impl AsyncFn(&str) -> Result<C, TransportError> + Copy) {
/// let transport = transport_fn(move |attempt: Attempt| async move {
///     let url = format!("ws://example.org/?try={}", attempt.connection);
///     Ok(Established::new(dial(&url).await?))
/// });
/// # fn is_transport(_: impl Transport) {}
/// # is_transport(transport);
/// # }
/// ```
pub fn transport_fn<F, Fut, C>(connect: F) -> TransportFn<F>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<Established<C>, TransportError>>,
    C: Connection,
{
    TransportFn { connect }
}

/// The transport that [`transport_fn`] makes.
#[derive(Clone)]
pub struct TransportFn<F> {
    connect: F,
}

impl<F, Fut, C> Transport for TransportFn<F>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<Established<C>, TransportError>>,
    C: Connection,
{
    type Connection = C;
    type Connect = Fut;

    fn connect(&mut self, attempt: Attempt) -> Fut {
        (self.connect)(attempt)
    }
}

impl<F> fmt::Debug for TransportFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportFn").finish_non_exhaustive()
    }
}
