//! Sessions and single attempts over smol's sockets.

use websocket_heartbeat::{Builder, Established, Supervisor, TransportError};
use websocket_heartbeat_tungstenite::{NativeStream, NetworkTransport, Socket};

use crate::{Dialer, Request, RequestError, Smol, SmolStream, SmolTimer};

/// The [`Transport`](crate::Transport) of this backend. It makes the same [`Request`] at each
/// attempt.
///
/// For a request that changes from attempt to attempt, see [`dial`].
///
/// ```
/// use websocket_heartbeat_smol::{Request, Supervisor, SmolTimer, SmolTransport, Tuning};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let request = Request::new("ws://example.org/feed")?.header("X-Client", "7")?;
/// let transport = SmolTransport::new(request).tuning(Tuning::low_memory());
/// let builder = Supervisor::builder(transport, SmolTimer::new());
/// # drop(builder);
/// # Ok(())
/// # }
/// ```
///
/// `wss://` needs the feature `rustls`. The method `tls` then sets another TLS
/// configuration.
pub type SmolTransport = NetworkTransport<Smol, SmolTimer>;

/// A connection of [`SmolTransport`].
///
/// Dropping it resets the connection at once, without blocking: bytes that were written and not
/// delivered are discarded. After a flushed close handshake, a drop discards nothing.
pub type SmolConnection = Socket<NativeStream<SmolStream>>;

/// A session on this backend, for programs that name its type, for example in a field.
///
/// [`connect`] and [`Builder::build`](crate::Builder::build) make one.
pub type Session = Supervisor<SmolTransport, SmolTimer>;

/// Starts the settings of a session with the server at a URL, or with a [`Request`].
///
/// Nothing is sent before the supervisor is polled. For settings of the transport, or for another
/// transport, use [`Supervisor::builder`](crate::Supervisor::builder).
///
/// The settings start with the default preset, see [`Preset`](crate::Preset).
///
/// # Errors
///
/// If the URL cannot work in any attempt.
pub fn connect<R>(request: R) -> Result<Builder<SmolTransport, SmolTimer>, RequestError>
where
    R: TryInto<Request, Error: Into<RequestError>>,
{
    websocket_heartbeat_tungstenite::connect(Smol, SmolTimer::new(), request)
}

/// Makes one attempt, for transports with a new request for each attempt.
///
/// The dialer remembers which address worked, so clone one dialer for each attempt.
///
/// ```
/// use websocket_heartbeat_smol::{Attempt, Dialer, Request, dial, transport_fn};
///
/// # async fn fresh_token() -> String { String::new() }
/// let dialer = Dialer::new();
/// let transport = transport_fn(move |_: Attempt| {
///     let dialer = dialer.clone();
///     async move {
///         let bearer = format!("Bearer {}", fresh_token().await);
///         let request = Request::new("ws://example.org/feed")?.header("Authorization", bearer)?;
///         dial(&request, &dialer).await
///     }
/// });
/// # fn check(_: impl websocket_heartbeat_smol::Transport) {}
/// # check(transport);
/// ```
///
/// # Errors
///
/// The errors of [`Dialer::dial`].
///
/// # Cancel safety
///
/// Dropping the future abandons the attempt at once.
pub async fn dial(
    request: &Request,
    dialer: &Dialer,
) -> Result<Established<SmolConnection>, TransportError> {
    dialer.dial(request, &Smol, &SmolTimer::new()).await
}
