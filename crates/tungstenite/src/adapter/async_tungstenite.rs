//! [`AsyncTungstenite`]: a `WebSocketStream` of async-tungstenite as a connection.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use async_tungstenite::WebSocketStream;
use futures_io::{AsyncRead, AsyncWrite};

use super::{Adapter, MessageStream};

/// An [`async_tungstenite::WebSocketStream`] as a connection, for programs that already have one
/// with their own TLS, proxy or upgrade.
///
/// [`Adapter`] lists the rules of the contract that it does not keep. It has no numbers of bytes:
/// only received frames distinguish a slow upload from a stalled one.
///
/// This type depends on the version of async-tungstenite: after a new major version of
/// async-tungstenite, this crate also has a new major version.
///
/// ```
/// use async_net::TcpStream;
/// use websocket_heartbeat::{Established, TransportError};
/// use websocket_heartbeat_tungstenite::{AsyncTungstenite, adapter::transport_error};
///
/// async fn open(
///     stream: TcpStream,
/// ) -> Result<Established<AsyncTungstenite<TcpStream>>, TransportError> {
///     let upgraded = async_tungstenite::client_async("ws://example.org/feed", stream).await;
///     let (stream, _) = upgraded.map_err(|error| transport_error(error, &[b"/feed"]))?;
///     Ok(Established::new(AsyncTungstenite::new(stream)))
/// }
/// ```
pub type AsyncTungstenite<S> = Adapter<WebSocketStream<S>>;

impl<S: AsyncRead + AsyncWrite + Unpin> MessageStream for WebSocketStream<S> {
    type Messages = Self;

    fn messages(&mut self) -> &mut Self {
        self
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(self.get_mut()).poll_close(cx).map(drop)
    }
}
