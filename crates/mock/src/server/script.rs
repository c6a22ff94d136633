//! [`Script`]: a server's behaviour for one dial.

use std::{fmt, time::Duration};

use websocket_heartbeat::{ErrorKind, Headers, HttpAnswer, Message, Text, TransportError};

use crate::network::{Action, LinkOptions};

/// A server's behaviour for one dial, and for its connection if the server accepts.
///
/// It starts with the answer: [`accept`](Self::accept), [`refuse`](Self::refuse),
/// [`refuse_http`](Self::refuse_http), [`hang`](Self::hang) or [`manual`](Self::manual). An
/// accepting server receives all frames, answers pings and the close frame at once, and sends
/// nothing else. The other methods change this or add actions. Each delay is counted from the
/// acceptance. On a script that does not accept, only [`after`](Self::after) has an effect.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat_mock::Script;
///
/// let slow_echo = Script::accept().echo().latency(Duration::from_millis(80));
/// let unresponsive = Script::accept().silent();
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
    /// Accepts, and behaves as described at [`Script`].
    pub fn accept() -> Self {
        Self::answering(Answer::Accept)
    }

    /// Fails the attempt with this error.
    pub fn refuse(error: TransportError) -> Self {
        Self::answering(Answer::Refuse(error))
    }

    /// Fails the attempt as if no server listened: connection refused.
    pub fn refuse_connection() -> Self {
        Self::refuse(TransportError::new(ErrorKind::Refused, "connection refused"))
    }

    /// Answers the upgrade with this status instead of 101. A `Retry-After` field in seconds becomes
    /// the error's [`retry_after`](TransportError::retry_after).
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

    /// Never answers the dial.
    pub fn hang() -> Self {
        Self::answering(Answer::Hang)
    }

    /// Passes the dial to [`Remote::next_dial`](crate::Remote::next_dial).
    pub fn manual() -> Self {
        Self::answering(Answer::Manual)
    }

    /// Accepts, and ends the stream after this time.
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

    /// Answers the dial after this delay.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Does not answer pings, the close frame or messages.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.link.pong = None;
        self.link.answers_close = false;
        self.link.responder = None;
        self
    }

    /// Answers pings after this delay instead of at once.
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

    /// Keeps the stream open after the close handshake, until [`Peer::end`](crate::Peer::end).
    #[must_use]
    pub fn linger(mut self) -> Self {
        self.link.lingers = true;
        self
    }

    /// Echoes every message.
    #[must_use]
    pub fn echo(self) -> Self {
        self.reply_with(Some)
    }

    /// Answers each message with the result of this function.
    #[must_use]
    pub fn reply_with(
        mut self,
        reply: impl FnMut(Message) -> Option<Message> + Send + 'static,
    ) -> Self {
        self.link.responder = Some(Box::new(reply));
        self
    }

    /// Sends this message at once, together with the answer to the dial.
    #[must_use]
    pub fn greet(self, message: impl Into<Message>) -> Self {
        self.act(Duration::ZERO, Action::Send(message.into()))
    }

    /// Sends this message after this delay.
    #[must_use]
    pub fn send_after(self, delay: Duration, message: impl Into<Message>) -> Self {
        self.act(delay, Action::Send(message.into()))
    }

    /// Sends this message once per period, for the first time after one period.
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

    /// Ends the stream without a close frame after this delay.
    #[must_use]
    pub fn end_after(self, delay: Duration) -> Self {
        self.act(delay, Action::End)
    }

    /// Starts the close handshake after this delay.
    #[must_use]
    pub fn close_after(self, delay: Duration, code: u16, reason: impl Into<Text>) -> Self {
        self.act(delay, Action::Close(code, reason.into()))
    }

    /// Fails the connection after this delay; see [`Peer::fail`](crate::Peer::fail).
    #[must_use]
    pub fn fail_after(self, delay: Duration, error: TransportError) -> Self {
        self.act(delay, Action::Fail(error))
    }

    /// Sends an invalid frame after this delay; see [`Peer::garbage`](crate::Peer::garbage).
    #[must_use]
    pub fn garbage_after(self, delay: Duration) -> Self {
        self.act(delay, Action::Garbage)
    }

    /// Cuts the link after this delay; see [`Peer::half_open`](crate::Peer::half_open).
    #[must_use]
    pub fn half_open_after(self, delay: Duration) -> Self {
        self.act(delay, Action::HalfOpen)
    }

    /// Accepts no more bytes after this delay; see [`Peer::stall_writes`](crate::Peer::stall_writes).
    #[must_use]
    pub fn stall_writes_after(self, delay: Duration) -> Self {
        self.act(delay, Action::StallWrites)
    }

    /// Accepts at most this many bytes per period, as a slow link does.
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

    /// Sets the latency of each direction.
    #[must_use]
    pub fn latency(mut self, one_way: Duration) -> Self {
        self.link.latency = one_way;
        self
    }

    /// Ends the stream without a close frame after a silence of this length in both directions, as
    /// many proxies do.
    ///
    /// # Panics
    ///
    /// If the limit is zero.
    #[must_use]
    pub fn silence_limit(mut self, limit: Duration) -> Self {
        assert!(!limit.is_zero(), "a limit on silence must be longer than zero");
        self.link.silence_limit = Some(limit);
        self
    }

    /// Sets the subprotocol that the server chooses.
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

    /// Makes a connection that does not report how many bytes it has written.
    #[must_use]
    pub fn without_bytes_written(mut self) -> Self {
        self.link.reports_bytes_written = false;
        self
    }

    /// Makes a connection that refuses a larger message with an error, and stays open.
    #[must_use]
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.link.message_limit = bytes;
        self
    }

    /// Sets the size of the client's write buffer. If it is full, the client must flush. The default
    /// is 128 KiB.
    #[must_use]
    pub fn write_buffer(mut self, bytes: u64) -> Self {
        self.link.write_buffer = bytes;
        self
    }

    /// Makes a connection that returns `Pending` and wakes at once before each item. A driver needs
    /// more polls, and everything else is the same.
    #[must_use]
    pub fn hesitant(mut self) -> Self {
        self.link.hesitant = true;
        self
    }

    /// Makes a connection that returns at most this many frames in one poll of a task. After them it
    /// is `Pending` and calls its waker, as tokio's cooperative budget does. Polls are counted by a
    /// [`Runner`](crate::Runner).
    #[must_use]
    pub fn cooperative(mut self, frames: u32) -> Self {
        self.link.cooperative = Some(frames);
        self
    }

    /// Records no frames for [`Peer::received`](crate::Peer::received), for similar methods and for
    /// the [`Trace`](crate::Trace). This is for floods and measurements of memory.
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
