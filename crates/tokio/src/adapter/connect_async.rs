//! [`ConnectAsync`]: a transport by tokio-tungstenite's `connect_async`.

use std::{fmt, future::Future, pin::Pin};

use tokio::{net::TcpStream, runtime::Handle, task::unconstrained};
use tokio_tungstenite::{
    MaybeTlsStream, connect_async_with_config,
    tungstenite::{
        Error as WsError,
        client::{IntoClientRequest, uri_mode},
        error::{ProtocolError, UrlError},
        handshake::client as handshake,
        protocol::WebSocketConfig,
    },
};
use websocket_heartbeat::{Attempt, ErrorKind, Established, Transport, TransportError};
use websocket_heartbeat_tungstenite::SocketOptions;

use super::{TokioTungstenite, transport_error};
use crate::network::unusable;

/// A [`Transport`] that calls tokio-tungstenite's `connect_async` for each attempt, for programs
/// that keep its TLS, for example native-tls, or its requests.
///
/// For all others, [`TokioTransport`](crate::TokioTransport) has more: racing addresses, numbers of
/// bytes, Unix sockets, redirects, the late body of a refusal, errors that explain TLS. Here, the
/// addresses of a host are tried one after the other, so a silent one can take the time of the
/// whole attempt, and a name that cannot be resolved is an error of the kind
/// [`Other`](crate::ErrorKind::Other).
///
/// Each attempt has a new `Sec-WebSocket-Key`. Messages of errors do not show the path, the query,
/// or a value of a header field that the server repeats. As by `connect_async`, user and password
/// in the URL are not sent: set the header field `Authorization`.
///
/// `wss://` needs a feature for TLS of tokio-tungstenite, in the `Cargo.toml` of the program.
/// Without one, each attempt fails with [`Url`](crate::ErrorKind::Url). For a connector of your
/// own, call `connect_async_tls_with_config` in a [`transport_fn`](crate::transport_fn), see
/// [`TokioTungstenite`].
///
/// ```
/// use websocket_heartbeat_tokio::{Supervisor, TokioTimer, adapter::ConnectAsync};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = ConnectAsync::new("ws://example.org/feed")?;
/// let supervisor = Supervisor::builder(transport, TokioTimer::new()).build()?;
/// # drop(supervisor);
/// # Ok(())
/// # }
/// ```
///
/// # Drop behaviour
///
/// A dropped connection is reset at once, without blocking: bytes that were written and not
/// delivered are discarded. After a flushed close handshake, a drop discards nothing.
#[derive(Clone)]
pub struct ConnectAsync {
    request: handshake::Request,
    config: Option<WebSocketConfig>,
    options: SocketOptions,
}

impl ConnectAsync {
    /// A transport for this request: a URL, or a request of the crate `http` with header fields.
    ///
    /// # Errors
    ///
    /// An error of the kind [`Url`](crate::ErrorKind::Url) if the URL cannot work in any attempt, and
    /// of the kind [`Protocol`](crate::ErrorKind::Protocol) if a header field of the upgrade is
    /// missing. tungstenite adds these fields to a URL, but not to a request of the crate `http`.
    pub fn new(request: impl IntoClientRequest) -> Result<Self, TransportError> {
        let check = || {
            let request = request.into_client_request()?;
            uri_mode(request.uri())?;
            if request.uri().host().is_none_or(str::is_empty) {
                return Err(UrlError::NoHostName.into());
            }
            let request = with_new_key(request);
            handshake::generate_request(request.clone())?;
            Ok(request)
        };
        let request = check().map_err(|error| match error {
            WsError::Protocol(ProtocolError::InvalidHeader(name)) => TransportError::new(
                ErrorKind::Protocol,
                format!(
                    "the request has no valid header field `{name}`: make it from a URL by \
                     `into_client_request`, and then add fields"
                ),
            ),
            error => transport_error(error, &[]),
        })?;
        Ok(Self { request, config: None, options: SocketOptions::new() })
    }

    /// Sets the configuration of tungstenite: sizes of buffers, limits on messages. The default is
    /// tungstenite's.
    ///
    /// tungstenite panics in each attempt if `max_write_buffer_size` is not greater than
    /// `write_buffer_size`. The supervisor reports that with
    /// [`Panicked`](crate::ErrorKind::Panicked).
    #[must_use]
    pub fn config(mut self, config: WebSocketConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Sets the options of the socket. They are applied when the upgrade is complete.
    #[must_use]
    pub fn socket_options(mut self, options: SocketOptions) -> Self {
        self.options = options;
        self
    }

    /// Makes one attempt.
    async fn dial(
        self,
    ) -> Result<Established<TokioTungstenite<MaybeTlsStream<TcpStream>>>, TransportError> {
        Handle::try_current().map_err(|error| transport_error(unusable(error).into(), &[]))?;
        let request = with_new_key(self.request);
        let secrets = secrets(&request);
        let connected = connect_async_with_config(request, self.config, true).await;
        let (stream, response) = connected.map_err(|error| {
            let secrets: Vec<_> = secrets.iter().map(Vec::as_slice).collect();
            transport_error(error, &secrets)
        })?;
        let connection = TokioTungstenite::new(stream).with_socket(MaybeTlsStream::get_ref);
        if let Some(socket) = connection.socket() {
            self.options.apply(socket).map_err(|error| transport_error(error.into(), &[]))?;
            self.options.apply_linger(socket);
        }
        Ok(connection.established(&response))
    }
}

impl Transport for ConnectAsync {
    type Connection = TokioTungstenite<MaybeTlsStream<TcpStream>>;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<Self::Connection>, TransportError>> + Send>>;

    fn connect(&mut self, _: Attempt) -> Self::Connect {
        // Otherwise a finished step would be pending for a task without budget.
        Box::pin(unconstrained(self.clone().dial()))
    }
}

/// Without path, query and header fields: each of them can be a secret token.
impl fmt::Debug for ConnectAsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectAsync")
            .field("scheme", &self.request.uri().scheme_str())
            .field("host", &self.request.uri().host())
            .field("port", &self.request.uri().port_u16())
            .finish_non_exhaustive()
    }
}

/// The request with a new random key, as each connection needs it (RFC 6455 section 4.1).
fn with_new_key(mut request: handshake::Request) -> handshake::Request {
    let key = handshake::generate_key().parse().expect("base64 is a valid value");
    request.headers_mut().insert("Sec-WebSocket-Key", key);
    request
}

/// The parts of a request that may be secret: path, query, and the values of the header fields that
/// are not the same in each request.
fn secrets(request: &handshake::Request) -> Vec<Vec<u8>> {
    let target = request.uri().path_and_query().map(|target| target.as_str().into());
    let public = ["host", "connection", "upgrade", "origin", "user-agent", "sec-websocket-version"];
    let fields = request.headers().iter();
    let fields = fields.filter(|(name, _)| !public.contains(&name.as_str()));
    target.into_iter().chain(fields.map(|(_, value)| value.as_bytes().to_vec())).collect()
}
