//! tokio's sockets.

use std::{
    fmt::Display,
    future::poll_fn,
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use tokio::{net::lookup_host, runtime::Handle, task::unconstrained};
use websocket_heartbeat_tungstenite::{Network, SocketOptions, Target};

use crate::{ErrorKind, TokioSocket, TokioStream, TransportError};

/// tokio's sockets. They work inside a runtime that has I/O enabled. Elsewhere both methods fail
/// with an error of the kind [`Runtime`](ErrorKind::Runtime), which has tokio's words.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Tokio;

/// Both methods ignore the cooperative budget, because a finished step would be pending for a task
/// without budget. An attempt has few steps, so it cannot keep the task busy.
impl Network for Tokio {
    type Stream = TokioStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Handle::try_current().map_err(unusable)?;
        Ok(unconstrained(lookup_host((host, port))).await?.collect())
    }

    async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<TokioStream> {
        let socket = match &target {
            #[cfg(unix)]
            Target::Unix(path) => contained(unconstrained(TokioSocket::unix(path))).await?,
            _ => contained(unconstrained(TokioSocket::tcp(target.tcp()?))).await?,
        };
        let stream = TokioStream::new(socket);
        options.apply(&stream)?;
        Ok(stream)
    }
}

/// Runs the future. tokio panics if the runtime has no I/O, which no function reports in advance.
async fn contained<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<&str>().copied();
            let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Poll::Ready(Err(unusable(words.unwrap_or("a panic without words"))))
        })
    })
    .await
}

/// The error of sockets outside of a runtime, or inside of one without I/O.
pub(crate) fn unusable(words: impl Display) -> io::Error {
    let words = format!(
        "tokio's sockets cannot be used here ({words}): poll the session in a tokio runtime with \
         I/O and time enabled (Builder::enable_all)"
    );
    io::Error::other(TransportError::new(ErrorKind::Runtime, words))
}
