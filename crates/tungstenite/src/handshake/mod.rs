//! [`upgrade`]: the opening handshake of RFC 6455 section 4.

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

pub(crate) use self::answer::{Head, parse_status};
use self::{
    answer::{Answer, body::Body},
    retry_after::retry_after,
};
use crate::{
    Request, Socket, Tuning,
    blocking_io::BlockingIo,
    error::{self, AnswerProgress},
};

/// The size of a read. An answer is small. The bytes that arrive with it are also few: the
/// beginning of the body of a refusal, or the first frames.
const READ_SIZE: usize = 4096;

/// Performs the opening handshake over a stream that you provide, for example over another kind
/// of socket, or with another TLS library.
///
/// The scheme of the request, `ws` or `wss`, makes no difference here. Frames that arrive with the
/// answer are kept. Interim answers (HTTP 1xx) are skipped. An answer that cannot be HTTP fails at
/// its first bytes. The error of a refusal has the part of the body that arrived with the head;
/// [`upgrade_waiting`] waits for more.
///
/// There is no time limit: the caller sets one.
///
/// ```
/// use async_net::TcpStream;
/// use websocket_heartbeat::{ErrorKind, Established, TransportError};
/// use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, upgrade};
///
/// async fn open(request: &Request) -> Result<Established<Socket<TcpStream>>, TransportError> {
///     let stream = TcpStream::connect(("example.org", 443)).await;
///     let stream = stream.map_err(|e| TransportError::from_source(ErrorKind::Unreachable, e))?;
///     // Add the TLS of your program here.
///     upgrade(stream, request, Tuning::new()).await
/// }
/// ```
///
/// # Errors
///
/// - [`ErrorKind::Http`] if the status of the answer is not 101. The error has the status, the
///   header fields, the body (decoded, at most [`HttpAnswer::BODY_LIMIT`] bytes) and the value of
///   `Retry-After`, at most a day. Invalid fields are dropped.
/// - [`ErrorKind::Protocol`] if the answer violates RFC 6455, for example if it selects a
///   subprotocol that was not offered, or none although some were offered.
/// - [`ErrorKind::TooLarge`] if the head of the answer exceeds a limit of the [`Tuning`].
/// - [`ErrorKind::Ended`] or [`ErrorKind::Reset`] if the stream ends before the answer is complete.
/// - Otherwise the error of the stream.
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
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

/// Like [`upgrade`], but waits for the body of a refusal until it is complete, its limit is
/// reached, or `body_wait` is ready.
///
/// The body of a refusal often arrives a little later than its head, and it may never arrive.
/// `body_wait` is a short sleep. It is first polled when the head of a refusal is complete, so
/// create the sleep inside an async block to start it then. The wait never hides the status, unless
/// the caller drops the future.
///
/// # Errors
///
/// The errors of [`upgrade`].
pub async fn upgrade_waiting<S>(
    stream: S,
    request: &Request,
    tuning: Tuning,
    body_wait: impl Future<Output = ()>,
) -> Result<Established<Socket<S>>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    let mut handshake = Handshake::new(stream, request, &key, tuning);
    let Head { status, headers } = poll_fn(|cx| handshake.poll_head(cx)).await?;
    if status != 101 {
        let mut body = Body::new(status, &headers);
        body.push(handshake.answer.rest());
        let mut body_wait = pin!(body_wait);
        poll_fn(|cx| match handshake.poll_body(cx, &mut body) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => body_wait.as_mut().poll(cx),
        })
        .await;
        let retry_after = retry_after(&headers);
        let answer = HttpAnswer::new(status, headers, &body.into_bytes());
        let secrets = request.secrets();
        let secrets: Vec<_> = secrets.iter().map(|secret| &**secret).collect();
        return Err(TransportError::http_hiding(answer, retry_after, &secrets));
    }
    let subprotocol = acceptance::check(&headers, request, &key)?;
    // A server may answer before it has read all of the request.
    poll_fn(|cx| handshake.poll_written(cx)).await;
    let socket = Socket::new(handshake.into_io(), tuning);
    Ok(Established::new(socket).subprotocol(subprotocol).headers(headers))
}

/// The state of a handshake: the request, and the answer to it.
struct Handshake<S> {
    io: BlockingIo<S>,
    tls: bool,
    request: Vec<u8>,
    written: usize,
    answer: Answer,
    chunk: Box<[u8]>,
}

impl<S> Handshake<S> {
    fn new(stream: S, request: &Request, key: &str, tuning: Tuning) -> Self {
        Self {
            io: BlockingIo::new(stream),
            tls: request.is_tls(),
            request: request.to_bytes(key),
            written: 0,
            answer: Answer::new(tuning, request),
            chunk: vec![0; READ_SIZE].into(),
        }
    }

    /// The stream, with the bytes after the head put back.
    fn into_io(self) -> BlockingIo<S> {
        let mut io = self.io;
        let (bytes, at) = self.answer.into_rest();
        io.put_back(bytes, at);
        io
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<S> {
    /// Reading does not wait for writing: a server may refuse a request before it has read all of
    /// it.
    fn poll_head(&mut self, cx: &Context<'_>) -> Poll<Result<Head, TransportError>> {
        self.io.set_waker(cx.waker());
        loop {
            if let Some(head) = self.answer.next_head()? {
                return Poll::Ready(Ok(head));
            }
            self.write();
            match self.read() {
                Ok(Some(0)) => return Poll::Ready(Err(self.ended(None))),
                Ok(Some(count)) => self.answer.push(&self.chunk[..count]),
                Ok(None) => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(self.ended(Some(error)))),
            }
        }
    }

    fn poll_written(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.io.set_waker(cx.waker());
        self.write();
        if self.written < self.request.len() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Ready when the body is complete, or the stream has ended.
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

    fn ended(&self, error: Option<io::Error>) -> TransportError {
        let progress = match (self.answer.is_empty(), self.tls) {
            (false, _) => AnswerProgress::Partial,
            (true, false) => AnswerProgress::Nothing,
            (true, true) => AnswerProgress::NothingOverTls,
        };
        error::handshake_ended(progress, error)
    }

    /// Writes as much as the stream accepts. `BlockingIo` keeps an error: there may be an answer to
    /// read.
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

    /// Reads once into `chunk`. `None` if the stream is pending.
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
