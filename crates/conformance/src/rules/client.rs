//! [`Client`] and [`Tested`]: the steps that the rules consist of.

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use futures_sink::Sink;
use websocket_heartbeat::{
    Attempt, CloseFrame, ErrorKind, Established, Frame, Message, Timer, Transport, TransportError,
};

use crate::script::{Command, Item, OBSERVER};

/// The result of a rule.
pub(crate) type Kept = Result<(), Broken>;

/// How a rule is broken.
#[derive(Debug)]
pub(crate) struct Broken(String);

impl Broken {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<TransportError> for Broken {
    fn from(error: TransportError) -> Self {
        Self(format!("an error of the kind {}: {error}", error.kind()))
    }
}

/// Returns an error with a text, unless the condition is true.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::rules::Broken::new(format!($($text)+)));
        }
    };
}

pub(super) use ensure;

/// The tools that a suite gives to the rules.
pub(crate) trait Subject {
    type Transport: Transport;
    type Timer: Timer;

    fn transport(&self, url: &str) -> Self::Transport;
    fn timer(&self) -> &Self::Timer;
    /// The size above which a message is refused.
    fn message_limit(&self) -> usize;
    /// A number that no other connection has.
    fn next_number(&self) -> u64;
}

/// The connection of a subject.
pub(super) type ConnectionOf<S> = <<S as Subject>::Transport as Transport>::Connection;

/// A subject and its server.
#[derive(Debug)]
pub(crate) struct Client<'a, S> {
    pub(super) subject: &'a S,
    server: &'a str,
}

impl<'a, S: Subject> Client<'a, S> {
    pub(crate) fn new(subject: &'a S, server: &'a str) -> Self {
        Self { subject, server: server.trim_end_matches('/') }
    }

    /// The URL of a path, for the connection with this number.
    pub(super) fn url(&self, path: &str, number: u64) -> String {
        format!("{}{path}?id={number}", self.server)
    }

    /// Makes an attempt with a URL.
    pub(super) async fn attempt(
        &self,
        url: &str,
    ) -> Result<Established<ConnectionOf<S>>, TransportError> {
        self.subject.transport(url).connect(Attempt::new(1, 0, None)).await
    }

    /// Makes an attempt that fails.
    pub(super) async fn fails(&self, path: &str) -> Result<TransportError, Broken> {
        match self.attempt(&self.url(path, self.subject.next_number())).await {
            Err(error) => Ok(error),
            Ok(_) => Err(Broken::new(format!("the attempt at {path} succeeds"))),
        }
    }

    /// Opens a connection to a script.
    pub(super) async fn connect(&self, path: &str) -> Result<Tested<'a, S>, Broken> {
        let number = self.subject.next_number();
        let established = self.attempt(&self.url(path, number)).await?;
        Ok(self.tested(established, number))
    }

    pub(super) fn tested(
        &self,
        established: Established<ConnectionOf<S>>,
        number: u64,
    ) -> Tested<'a, S> {
        let client = Self { subject: self.subject, server: self.server };
        Tested { client, number, connection: Box::pin(established.connection) }
    }

    /// Opens the observer of a connection.
    pub(super) async fn observe(&self, number: u64) -> Result<Observer<'a, S>, Broken> {
        let established = self.attempt(&self.url(OBSERVER, number)).await?;
        Ok(Observer(self.tested(established, number)))
    }
}

/// After this time a poll counts as pending. A poll that is ready later breaks no rule.
const PAUSE: Duration = Duration::from_millis(30);

/// A connection to a script.
pub(super) struct Tested<'a, S: Subject> {
    client: Client<'a, S>,
    number: u64,
    pub(super) connection: Pin<Box<ConnectionOf<S>>>,
}

impl<'a, S: Subject> Tested<'a, S> {
    pub(super) async fn next(&mut self) -> Option<Result<Frame, TransportError>> {
        poll_fn(|cx| self.connection.as_mut().poll_next(cx)).await
    }

    /// Polls for a frame for some time. There is none yet.
    pub(super) async fn is_pending(&mut self) -> Kept {
        let next = self.within_pause(|connection, cx| connection.poll_next(cx)).await;
        ensure!(next.is_none(), "{next:?} is read before the server has sent a whole frame");
        Ok(())
    }

    /// Polls for some time, since a connection may be pending without a reason.
    async fn within_pause<T>(
        &mut self,
        mut poll: impl FnMut(Pin<&mut ConnectionOf<S>>, &mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        let mut pause = pin!(self.client.subject.timer().sleep(PAUSE));
        poll_fn(|cx| match poll(self.connection.as_mut(), cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => pause.as_mut().poll(cx).map(|()| None),
        })
        .await
    }

    /// Reads a frame.
    pub(super) async fn frame(&mut self) -> Result<Frame, Broken> {
        match self.next().await {
            Some(frame) => Ok(frame?),
            None => Err(Broken::new("the connection ends before an expected frame")),
        }
    }

    /// Reads exactly this frame.
    pub(super) async fn reads(&mut self, expected: impl Into<Frame>) -> Kept {
        let (expected, frame) = (expected.into(), self.frame().await?);
        ensure!(frame == expected, "{frame:?} is read instead of {expected:?}");
        Ok(())
    }

    /// Reads exactly this message, after any pings and pongs.
    pub(super) async fn reads_message(&mut self, expected: impl Into<Message>) -> Kept {
        let expected = expected.into();
        let message = self.message().await?;
        ensure!(message == expected, "{message:?} is read instead of {expected:?}");
        Ok(())
    }

    /// Reads a message, after any pings and pongs.
    pub(super) async fn message(&mut self) -> Result<Message, Broken> {
        loop {
            match self.frame().await? {
                Frame::Message(message) => return Ok(message),
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => {
                    return Err(Broken::new(format!("{other:?} is read instead of a message")));
                }
            }
        }
    }

    /// Sends a frame and flushes it.
    pub(super) async fn send(&mut self, frame: impl Into<Frame>) -> Result<(), TransportError> {
        self.start(frame).await?;
        self.flush().await
    }

    pub(super) async fn start(&mut self, frame: impl Into<Frame>) -> Result<(), TransportError> {
        poll_fn(|cx| self.connection.as_mut().poll_ready(cx)).await?;
        self.connection.as_mut().start_send(frame.into())
    }

    pub(super) async fn flush(&mut self) -> Result<(), TransportError> {
        poll_fn(|cx| self.connection.as_mut().poll_flush(cx)).await
    }

    /// Whether another frame is accepted within some time.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.within_pause(|connection, cx| connection.poll_ready(cx)).await.is_some()
    }

    /// Sends numbered messages until the connection accepts no more. Returns their number.
    pub(super) async fn fill(&mut self) -> Result<u64, Broken> {
        let mut count = 0_u64;
        // The buffers to a peer that does not read have at most some megabytes.
        while self.is_ready().await {
            ensure!(count < 2048, "128 MiB are accepted for a peer that reads nothing");
            let mut payload = vec![0; 64 << 10];
            payload[..8].copy_from_slice(&count.to_le_bytes());
            self.connection.as_mut().start_send(Message::binary(payload).into())?;
            count += 1;
        }
        Ok(count)
    }

    /// Reads frames until the end or an error.
    pub(super) async fn reads_to_end(&mut self) -> Kept {
        // The scripts send fewer.
        for _ in 0..100 {
            match self.next().await {
                Some(Ok(_)) => self.flush().await?,
                Some(Err(_)) | None => return Ok(()),
            }
        }
        Err(Broken::new("a hundred frames are read, and no end"))
    }

    /// Reads the end.
    pub(super) async fn ends(&mut self) -> Kept {
        let next = self.next().await;
        ensure!(next.is_none(), "{next:?} is read instead of the end");
        Ok(())
    }

    /// Reads the end, or an error of an end or of a reset.
    pub(super) async fn ends_or_fails(&mut self) -> Kept {
        match self.next().await {
            None => Ok(()),
            Some(Err(error)) if matches!(error.kind(), ErrorKind::Ended | ErrorKind::Reset) => {
                Ok(())
            }
            Some(Err(error)) => Err(error.into()),
            Some(Ok(frame)) => Err(Broken::new(format!("{frame:?} is read instead of the end"))),
        }
    }

    /// Reads an error.
    pub(super) async fn error(&mut self) -> Result<TransportError, Broken> {
        match self.next().await {
            Some(Err(error)) => Ok(error),
            next => Err(Broken::new(format!("{next:?} is read instead of an error"))),
        }
    }

    /// Opens the observer of this connection.
    pub(super) async fn observe(&self) -> Result<Observer<'a, S>, Broken> {
        self.client.observe(self.number).await
    }

    /// Ends the wait of the script.
    pub(super) async fn go(&self) -> Kept {
        self.observe().await?.go().await
    }

    /// Waits for the verdict of the server.
    pub(super) async fn verdict(&self) -> Result<Option<u64>, Broken> {
        self.observe().await?.verdict().await
    }
}

/// The observer of a connection, over a second connection.
pub(super) struct Observer<'a, S: Subject>(Tested<'a, S>);

impl<S: Subject> Observer<'_, S> {
    pub(super) async fn go(&mut self) -> Kept {
        self.command(Command::Go).await.map(drop)
    }

    pub(super) async fn arrived(&mut self) -> Kept {
        self.command(Command::Arrived).await.map(drop)
    }

    pub(super) async fn seen(&mut self) -> Result<bool, Broken> {
        Ok(self.command(Command::Seen).await? == "yes")
    }

    /// The number of counted messages, if the script has counted.
    pub(super) async fn verdict(&mut self) -> Result<Option<u64>, Broken> {
        let verdict = self.command(Command::Verdict).await?;
        let count = verdict.strip_prefix("kept ").and_then(|count| count.parse().ok());
        ensure!(count.is_some() || verdict == "kept", "unknown verdict of the server: {verdict}");
        Ok(count)
    }

    async fn command(&mut self, command: Command) -> Result<String, Broken> {
        self.0.send(Message::text(command.name())).await?;
        let answer = self.0.message().await?;
        let answer = answer.as_text().unwrap_or_default();
        ensure!(!answer.starts_with("broken"), "the server: {answer}");
        Ok(answer.to_owned())
    }
}

impl From<Item> for Frame {
    fn from(item: Item) -> Self {
        match item {
            Item::Text(text) => Message::text(text).into(),
            Item::Binary(bytes) => Message::from(bytes).into(),
            Item::Ping(payload) => Self::Ping(payload.into()),
            Item::Pong(payload) => Self::Pong(payload.into()),
            Item::Close(code, reason) => Self::Close(Some(CloseFrame::new(code, reason))),
            Item::CloseEmpty => Self::Close(None),
        }
    }
}
