//! From a stream to a WebSocket: the opening handshake of RFC 6455 section 4.

use std::{
    future::{Future, poll_fn, ready},
    io::{self, Read, Write},
    pin::pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use tungstenite::handshake::client::generate_key;
use websocket_heartbeat::{Established, HttpAnswer, TransportError};

mod acceptance;
mod answer;
mod retry_after;

use self::{
    answer::{Answer, Head, body::Body},
    retry_after::retry_after,
};
use crate::{
    Request, Socket, Tuning,
    blocking_io::BlockingIo,
    error::{self, HungUp},
};

/// How much is read at a time. An answer is small; what comes together with it is the beginning of a
/// refusal's body, or frames that were sent without waiting.
const READ: usize = 4096;

/// Asks the server on the other end of `stream` to speak WebSocket.
///
/// This is the way for streams of one's own: behind a proxy, over a Unix socket, with some other
/// TLS. Whether the request is for `ws` or `wss` makes no difference here. What the server sends
/// together with its answer is kept.
///
/// Interim answers (HTTP 1xx) are skipped. What cannot be HTTP fails at its first bytes. Of a
/// refusal's body that much is taken which has arrived together with the head;
/// [`upgrade_waiting`] waits for more.
///
/// There is no time limit: whoever calls has one. Dropping the future drops the stream.
///
/// # Errors
///
/// [`ErrorKind::Http`] if the server answers with another status than 101; the error then carries
/// the status, the header fields, the body (decoded, at most [`HttpAnswer::BODY_LIMIT`] bytes) and
/// the server's `Retry-After`, in whichever form, cut to a day. Fields that cannot be read are left
/// out.
/// [`ErrorKind::Protocol`] if the answer is not what RFC 6455 asks for, which includes a
/// subprotocol that was not offered, or none where some were.
/// [`ErrorKind::TooLarge`] if its head exceeds a limit of the [`Tuning`].
/// [`ErrorKind::Ended`] and [`ErrorKind::Reset`] if the stream ends before there is an answer.
/// Otherwise the stream's errors.
///
/// [`ErrorKind::Http`]: websocket_heartbeat::ErrorKind::Http
/// [`ErrorKind::Protocol`]: websocket_heartbeat::ErrorKind::Protocol
/// [`ErrorKind::TooLarge`]: websocket_heartbeat::ErrorKind::TooLarge
/// [`ErrorKind::Ended`]: websocket_heartbeat::ErrorKind::Ended
/// [`ErrorKind::Reset`]: websocket_heartbeat::ErrorKind::Reset
pub async fn upgrade<S>(
    stream: S,
    request: &Request,
    tuning: Tuning,
) -> Result<Established<Socket<S>>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    upgrade_waiting(stream, request, tuning, ready(())).await
}

/// As [`upgrade`], and waits for the body of a refusal until it is complete, as long as its limit,
/// or `enough` is ready, whichever comes first.
///
/// The body of a refusal often comes a little later than its head, and it may never come. `enough`
/// is a short sleep. It is polled only then, so a future that makes its sleep at its first poll
/// counts from the moment when the head was complete. The status is never lost to the wait, unless
/// the caller drops this future.
///
/// # Errors
///
/// Those of [`upgrade`].
pub async fn upgrade_waiting<S>(
    stream: S,
    request: &Request,
    tuning: Tuning,
    enough: impl Future<Output = ()>,
) -> Result<Established<Socket<S>>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    let mut exchange = Exchange::new(stream, request, &key, tuning);
    let Head { status, headers } = poll_fn(|cx| exchange.poll_head(cx)).await?;
    if status != 101 {
        let mut body = Body::new(status, &headers);
        body.push(exchange.answer.rest());
        let mut enough = pin!(enough);
        poll_fn(|cx| match exchange.poll_body(cx, &mut body) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => enough.as_mut().poll(cx),
        })
        .await;
        let wish = retry_after(&headers);
        let answer = HttpAnswer::new(status, headers, &body.into_bytes());
        let secrets = request.secrets();
        let secrets: Vec<_> = secrets.iter().map(|secret| &**secret).collect();
        return Err(TransportError::http_hiding(answer, wish, &secrets));
    }
    let subprotocol = acceptance::check(&headers, request, &key)?;
    // A server may answer before it has read all of the request.
    poll_fn(|cx| exchange.poll_written(cx)).await;
    let socket = Socket::new(exchange.into_io(), tuning);
    Ok(Established::new(socket).subprotocol(subprotocol).headers(headers))
}

/// A request and the answer to it.
struct Exchange<S> {
    io: BlockingIo<S>,
    tls: bool,
    request: Vec<u8>,
    written: usize,
    answer: Answer,
    chunk: Box<[u8]>,
}

impl<S> Exchange<S> {
    fn new(stream: S, request: &Request, key: &str, tuning: Tuning) -> Self {
        Self {
            io: BlockingIo::new(stream),
            tls: request.is_tls(),
            request: request.to_bytes(key),
            written: 0,
            answer: Answer::new(tuning, request),
            chunk: vec![0; READ].into(),
        }
    }

    /// The stream as it is to be read behind the head.
    fn into_io(self) -> BlockingIo<S> {
        let mut io = self.io;
        let (bytes, at) = self.answer.into_rest();
        io.put_back(bytes, at);
        io
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<S> {
    /// Reading does not wait for writing: a server may refuse a request that it does not want to
    /// read.
    fn poll_head(&mut self, cx: &Context<'_>) -> Poll<Result<Head, TransportError>> {
        self.io.set_waker(cx.waker());
        loop {
            if let Some(head) = self.answer.next_head()? {
                return Poll::Ready(Ok(head));
            }
            self.write();
            match self.read() {
                Ok(Some(0)) => return Poll::Ready(Err(self.hung_up(None))),
                Ok(Some(count)) => self.answer.push(&self.chunk[..count]),
                Ok(None) => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(self.hung_up(Some(error)))),
            }
        }
    }

    fn poll_written(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.io.set_waker(cx.waker());
        self.write();
        if self.written < self.request.len() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Ready when the body is done, or will not come.
    fn poll_body(&mut self, cx: &Context<'_>, body: &mut Body) -> Poll<()> {
        self.io.set_waker(cx.waker());
        while !body.is_done() {
            match self.read() {
                Ok(Some(0)) | Err(_) => break,
                Ok(Some(count)) => body.push(&self.chunk[..count]),
                Ok(None) => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    fn hung_up(&self, error: Option<io::Error>) -> TransportError {
        let when = match (self.answer.is_empty(), self.tls) {
            (false, _) => HungUp::WithinAnswer,
            (true, false) => HungUp::Silent,
            (true, true) => HungUp::SilentOverTls,
        };
        error::hung_up(when, error)
    }

    /// Writes as much as the stream takes. `Io` keeps an error, since reading may still tell more.
    fn write(&mut self) {
        while self.written < self.request.len() {
            match self.io.write(&self.request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
        let _ = self.io.flush();
    }

    /// Reads once into `chunk`; `None` if there is nothing yet.
    fn read(&mut self) -> io::Result<Option<usize>> {
        loop {
            match self.io.read(&mut self.chunk) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
