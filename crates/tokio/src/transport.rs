//! Connections over tokio's TCP.

use std::{future::Future, pin::Pin};

use tokio::{net::lookup_host, task::unconstrained};
use websocket_heartbeat::{Attempt, Established, Transport, TransportError};
use websocket_heartbeat_tungstenite::{Dialer, Line, Request, Socket, Tuning, tcp};

use crate::TokioStream;

/// A connection of [`TokioTransport`].
///
/// Dropping it resets the connection at once, without blocking: what was written and has not been
/// delivered is thrown away. Bytes that have reached the server's side may still be read there. Once
/// the close handshake is through and flushed, a drop throws nothing away.
pub type TokioConnection = Socket<Line<TokioStream>>;

/// A [`Transport`] that makes the same [`Request`] at each attempt.
///
/// The name is resolved afresh each time and all addresses are tried, see [`Dialer::dial`]. Nagle's
/// algorithm is off: the supervisor gathers messages into few writes itself.
///
/// Its attempts and connections have to be polled within a tokio runtime that has I/O enabled.
///
/// For a request that changes from attempt to attempt, see [`dial`].
#[derive(Clone, Debug)]
pub struct TokioTransport {
    request: Request,
    dialer: Dialer,
}

impl TokioTransport {
    /// A transport for this request.
    pub fn new(request: Request) -> Self {
        Self { request, dialer: Dialer::new() }
    }

    /// Sets buffers and limits.
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.dialer = self.dialer.tuning(tuning);
        self
    }

    /// Sets how `wss://` is secured.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.dialer = self.dialer.tls(tls);
        self
    }
}

impl Transport for TokioTransport {
    type Connection = TokioConnection;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<TokioConnection>, TransportError>> + Send>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        let Self { request, dialer } = self.clone();
        Box::pin(async move { dial(&request, &dialer, attempt.number).await })
    }
}

/// One attempt at a request, for transports that make their own request each time.
///
/// The dialer remembers which address worked: clone one for each attempt. The number of the attempt
/// does not matter to it.
///
/// ```
/// use websocket_heartbeat_tokio::{Attempt, Dialer, Request, dial, transport_fn};
///
/// # async fn fresh_token() -> String { String::new() }
/// let dialer = Dialer::new();
/// let transport = transport_fn(move |attempt: Attempt| {
///     let dialer = dialer.clone();
///     async move {
///         let bearer = format!("Bearer {}", fresh_token().await);
///         let request = Request::new("ws://example.org/feed")?.header("Authorization", bearer)?;
///         dial(&request, &dialer, attempt.number).await
///     }
/// });
/// # fn check(_: impl websocket_heartbeat_tokio::Transport) {}
/// # check(transport);
/// ```
///
/// # Errors
///
/// Those of [`Dialer::dial`].
///
/// # Cancel safety
///
/// Dropping the future abandons the attempt at once.
pub async fn dial(
    request: &Request,
    dialer: &Dialer,
    attempt: u32,
) -> Result<Established<TokioConnection>, TransportError> {
    let place = (request.host(), request.port());
    let addresses = async { Ok(lookup_host(place).await?.collect()) };
    let dialer = dialer.clone().sleep(|time| Box::pin(tokio::time::sleep(time)));
    // A finished attempt must not look unfinished to a task without budget. It awaits few things,
    // and so cannot keep the task busy.
    let dialed = dialer.dial(request, attempt, addresses, TokioStream::connect);
    let dialed = unconstrained(dialed).await?;
    dialer.adopt(dialed.connection.stream().stream().get_ref());
    Ok(dialed.map(|socket| socket.asking(|line| tcp::unacknowledged(line.stream().get_ref()))))
}
