//! From a stream to a WebSocket: the opening handshake of RFC 6455 section 4.

use std::{future::poll_fn, task::Poll};

use futures_io::{AsyncRead, AsyncWrite};
use tungstenite::{ClientHandshake, HandshakeError, protocol::WebSocketConfig};
use websocket_heartbeat::{ErrorKind, Established, TransportError};

use crate::{Request, Socket, Tuning, fault, io::Io, opening::Opening};

/// Asks the server on the other end of `stream` to speak WebSocket.
///
/// This is the way for streams of one's own: behind a proxy, over a Unix socket, with some other
/// TLS library. What the server sends together with its answer is kept.
///
/// There is no time limit: whoever calls has one. Dropping the future drops the stream.
///
/// # Errors
///
/// [`ErrorKind::Http`] if the server answers with another status than 101; the error then carries
/// the status, the header fields, as much of the body as came together with them (at most
/// [`HttpAnswer::BODY_LIMIT`]) and the server's `Retry-After`, in whichever form, cut to a day.
/// [`ErrorKind::Protocol`] if the answer is not what RFC 6455 asks for, which includes a
/// subprotocol that was not offered, or none where some were. Otherwise the stream's errors.
///
/// [`HttpAnswer::BODY_LIMIT`]: websocket_heartbeat::HttpAnswer::BODY_LIMIT
pub async fn upgrade<S>(
    stream: S,
    request: &Request,
    tuning: Tuning,
) -> Result<Established<Socket<S>>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Of a socket that is taken apart at once.
    let config = WebSocketConfig::default().read_buffer_size(0);
    let stream = Opening::new(Io::new(stream));
    let start = ClientHandshake::start(stream, request.to_http(), Some(config));
    let mut handshake = Some(start.map_err(fault::from_tungstenite)?);
    let (socket, answer) = poll_fn(|cx| {
        let Some(mut round) = handshake.take() else {
            unreachable!("not polled again after it is done");
        };
        round.get_mut().get_mut().io().arm(cx.waker());
        match round.handshake() {
            Ok(done) => Poll::Ready(Ok(done)),
            Err(HandshakeError::Interrupted(round)) => {
                handshake = Some(round);
                Poll::Pending
            }
            Err(HandshakeError::Failure(error)) => Poll::Ready(Err(fault::from_tungstenite(error))),
        }
    })
    .await?;
    let headers = fault::headers(answer.headers());
    if headers.get("sec-websocket-extensions").is_some_and(|list| !list.trim().is_empty()) {
        // RFC 6455 section 4.1: an extension that was not asked for. None ever is.
        return Err(TransportError::new(
            ErrorKind::Protocol,
            "the server chose an extension that was not offered",
        ));
    }
    let subprotocol = headers.get("sec-websocket-protocol").map(Into::into);
    let io = socket.into_inner().into_io();
    Ok(Established::new(Socket::new(io, tuning)).subprotocol(subprotocol).headers(headers))
}
