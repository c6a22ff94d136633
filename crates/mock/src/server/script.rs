//! [`Script`]: what a server does with one dial.

use std::{fmt, time::Duration};

use websocket_heartbeat::{ErrorKind, Headers, HttpAnswer, Message, Text, TransportError};

use crate::network::{Action, LinkOptions};

/// What a server does with one dial, and then on the connection, if there is one.
///
/// It begins with the answer: [`accept`](Self::accept), [`refuse`](Self::refuse),
/// [`refuse_http`](Self::refuse_http), [`hang`](Self::hang) or [`manual`](Self::manual). The
/// accepting server is a good one: it takes what comes, answers pings and the close frame at once,
/// and says nothing of its own. The methods then change that, or add what it does of its own; each
/// delay counts from the moment of acceptance. On scripts that do not accept they change nothing,
/// except [`after`](Self::after).
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat_mock::Script;
///
/// let slow_echo = Script::accept().echo().latency(Duration::from_millis(80));
/// let deaf = Script::accept().silent();
/// let flapping = Script::flap(Duration::from_millis(100));
/// let overloaded = Script::refuse_http(503, [("Retry-After", "30")]);
/// ```
pub struct Script {
    pub(crate) answer: Answer,
    pub(crate) delay: Duration,
    pub(crate) link: LinkOptions,
    pub(crate) acts: Vec<(Duration, Action)>,
    pub(crate) chatter: Option<(Duration, Message)>,
}

impl Script {
    /// Accepts; see above for what the server does then.
    pub fn accept() -> Self {
        Self::answering(Answer::Accept)
    }

    /// Fails the attempt with this error.
    pub fn refuse(error: TransportError) -> Self {
        Self::answering(Answer::Refuse(error))
    }

    /// Fails the attempt because nobody listens.
    pub fn refuse_connection() -> Self {
        Self::refuse(TransportError::new(ErrorKind::Refused, "connection refused"))
    }

    /// Answers the upgrade with this status instead of 101. A `Retry-After` field in seconds is
    /// passed on as the wish that it is.
    pub fn refuse_http<'a>(
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let headers: Headers =
            headers.into_iter().map(|(name, value)| (name, value.as_bytes())).collect();
        let wish = headers.get("retry-after").and_then(|value| value.trim().parse().ok());
        let answer = HttpAnswer::new(status, headers, b"");
        Self::refuse(TransportError::http(answer, wish.map(Duration::from_secs)))
    }

    /// Never answers.
    pub fn hang() -> Self {
        Self::answering(Answer::Hang)
    }

    /// Leaves the dial to [`Remote::next_dial`](crate::Remote::next_dial).
    pub fn manual() -> Self {
        Self::answering(Answer::Manual)
    }

    /// Accepts, and ends the stream after that time.
    pub fn flap(after: Duration) -> Self {
        Self::accept().end_after(after)
    }

    fn answering(answer: Answer) -> Self {
        Self {
            answer,
            delay: Duration::ZERO,
            link: LinkOptions::default(),
            acts: Vec::new(),
            chatter: None,
        }
    }

    /// Takes that long to answer the dial.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers nothing at all: neither pings nor the close frame, and no message.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.link.pong = None;
        self.link.answers_close = false;
        self.link.responder = None;
        self
    }

    /// Answers pings after that long instead of at once.
    #[must_use]
    pub fn pong_after(mut self, delay: Duration) -> Self {
        self.link.pong = Some(delay);
        self
    }

    /// Does not answer pings.
    #[must_use]
    pub fn without_pongs(mut self) -> Self {
        self.link.pong = None;
        self
    }

    /// Does not answer the close frame.
    #[must_use]
    pub fn ignore_close(mut self) -> Self {
        self.link.answers_close = false;
        self
    }

    /// Keeps the line open after the close handshake, until [`Peer::end`](crate::Peer::end).
    #[must_use]
    pub fn linger(mut self) -> Self {
        self.link.lingers = true;
        self
    }

    /// Sends every message back.
    #[must_use]
    pub fn echo(self) -> Self {
        self.reply_with(Some)
    }

    /// Answers each message by this function.
    #[must_use]
    pub fn reply_with(
        mut self,
        reply: impl FnMut(Message) -> Option<Message> + Send + 'static,
    ) -> Self {
        self.link.responder = Some(Box::new(reply));
        self
    }

    /// Sends this message at once, so that it comes together with the answer to the dial.
    #[must_use]
    pub fn greet(self, message: impl Into<Message>) -> Self {
        self.act(Duration::ZERO, Action::Send(message.into()))
    }

    /// Sends this message after that time.
    #[must_use]
    pub fn send_after(self, delay: Duration, message: impl Into<Message>) -> Self {
        self.act(delay, Action::Send(message.into()))
    }

    /// Sends this message again and again, the first after one period.
    ///
    /// # Panics
    ///
    /// If the period is zero.
    #[must_use]
    pub fn chatter(mut self, period: Duration, message: impl Into<Message>) -> Self {
        assert!(!period.is_zero(), "chatter needs a period longer than zero");
        self.chatter = Some((period, message.into()));
        self
    }

    /// Ends the stream without a close frame after that time.
    #[must_use]
    pub fn end_after(self, delay: Duration) -> Self {
        self.act(delay, Action::End)
    }

    /// Begins the close handshake after that time.
    #[must_use]
    pub fn close_after(self, delay: Duration, code: u16, reason: impl Into<Text>) -> Self {
        self.act(delay, Action::Close(code, reason.into()))
    }

    /// Breaks the line after that time; see [`Peer::fail`](crate::Peer::fail).
    #[must_use]
    pub fn fail_after(self, delay: Duration, error: TransportError) -> Self {
        self.act(delay, Action::Fail(error))
    }

    /// Breaks the protocol after that time; see [`Peer::garbage`](crate::Peer::garbage).
    #[must_use]
    pub fn garbage_after(self, delay: Duration) -> Self {
        self.act(delay, Action::Garbage)
    }

    /// Cuts the cable after that time; see [`Peer::half_open`](crate::Peer::half_open).
    #[must_use]
    pub fn half_open_after(self, delay: Duration) -> Self {
        self.act(delay, Action::HalfOpen)
    }

    /// Takes no more bytes after that time; see [`Peer::stall_writes`](crate::Peer::stall_writes).
    #[must_use]
    pub fn stall_writes_after(self, delay: Duration) -> Self {
        self.act(delay, Action::StallWrites)
    }

    /// Takes that many bytes in each period and no more; a slow line that is alive.
    ///
    /// # Panics
    ///
    /// If either is zero.
    #[must_use]
    pub fn write_rate(mut self, bytes: u64, period: Duration) -> Self {
        assert!(bytes > 0 && !period.is_zero(), "a rate needs bytes and a period above zero");
        self.link.rate = Some((bytes, period));
        self
    }

    /// How long anything travels, each way.
    #[must_use]
    pub fn latency(mut self, one_way: Duration) -> Self {
        self.link.latency = one_way;
        self
    }

    /// The subprotocol that the server chooses.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: impl Into<Text>) -> Self {
        self.link.subprotocol = Some(subprotocol.into());
        self
    }

    /// Adds a header field to the server's answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.link.headers.append(name, value.as_bytes());
        self
    }

    /// Makes a connection that cannot tell how many bytes the line has taken.
    #[must_use]
    pub fn without_progress(mut self) -> Self {
        self.link.tells_progress = false;
        self
    }

    /// Makes a connection that refuses messages of more bytes as too large, and lives on.
    #[must_use]
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.link.message_limit = bytes;
        self
    }

    /// Makes a connection that accepts that many bytes ahead of the line before it asks for a
    /// flush; 128 KiB unless told.
    #[must_use]
    pub fn write_buffer(mut self, bytes: u64) -> Self {
        self.link.write_buffer = bytes;
        self
    }

    /// Makes a connection that returns `Pending` once before each thing that it has, and wakes at
    /// once: all that a driver should notice is more polls.
    #[must_use]
    pub fn hesitant(mut self) -> Self {
        self.link.hesitant = true;
        self
    }

    /// Makes a connection that gives at most that many frames in one poll of a task, then is
    /// `Pending` with its waker called until the next one: what tokio's cooperative budget does.
    /// The polls are those of a [`Runner`](crate::Runner).
    #[must_use]
    pub fn cooperative(mut self, frames: u32) -> Self {
        self.link.cooperative = Some(frames);
        self
    }

    /// Keeps no record of frames, neither for [`Peer::received`](crate::Peer::received) and its
    /// like nor in the [`Trace`](crate::Trace): for floods and measurements, whose memory would be
    /// all records.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.link.records = false;
        self
    }

    fn act(mut self, delay: Duration, act: Action) -> Self {
        self.acts.push((delay, act));
        self
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("answer", &self.answer)
            .field("delay", &self.delay)
            .field("acts", &self.acts)
            .field("chatter", &self.chatter)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) enum Answer {
    Accept,
    Refuse(TransportError),
    Hang,
    Manual,
}
