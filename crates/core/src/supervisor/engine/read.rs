//! Reading: the attempt, the frames, and the end of a connection.

use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;

use super::{Engine, FRAMES_PER_LOOK, Heard, Read, Reading};
use crate::{
    CloseFrame, ErrorKind, Frame, LostCause, Message, Timer, Transport, TransportError,
    supervisor::{contained::Contained, line::Line, writer::Writer},
};

impl<T: Transport, K: Timer> Engine<T, K> {
    pub(super) fn read(&mut self, cx: &mut Context<'_>, reading: Reading) -> Read {
        match &mut self.line {
            Line::Open(_) => {}
            Line::None => return Read::Nothing,
            Line::Connecting(_) | Line::Failed(_) => return self.connect(cx),
        }
        if self.reading != reading {
            self.change_reading(reading);
        }
        if reading == Reading::No {
            return Read::Nothing;
        }
        if self.quiet && !self.shared.slots.take_stirred() {
            return Read::Nothing;
        }
        self.quiet = false;
        self.read_frames(cx)
    }

    /// Notes whether inbound messages have a place to go.
    pub(super) fn change_reading(&mut self, reading: Reading) {
        let connection = self.machine.connection();
        match reading {
            Reading::Yes => {
                self.tell_time();
                self.machine.handle_reading_resumed(self.now, connection);
            }
            Reading::No => self.machine.handle_reading_paused(connection),
        }
        self.reading = reading;
    }

    /// Reads until there is a message, or nothing more. A control frame never ends it: the
    /// connection may write its answer only when it is read again.
    pub(super) fn read_frames(&mut self, cx: &mut Context<'_>) -> Read {
        while let Some(connection) = self.line.open() {
            match connection.poll_next(cx) {
                Poll::Ready(Some(Ok(Frame::Message(message)))) => {
                    self.frames += 1;
                    self.heard.any = true;
                    self.desk.count_in(message.len());
                    // By the original's convention the message after a heartbeat by message is its
                    // answer.
                    let answer = self.probe.by_message && self.probe_is_out();
                    if self.policies.heartbeat.is_plain() {
                        self.heard.life = true;
                        self.heard.answer |= answer;
                        return Read::Message(message);
                    }
                    #[allow(
                        clippy::needless_match,
                        reason = "a copy, so that above no address is taken and nothing spilled"
                    )]
                    let message = match message {
                        Message::Text(text) => Message::Text(text),
                        Message::Binary(bytes) => Message::Binary(bytes),
                    };
                    if let Some(message) = self.look_into(message, answer) {
                        return Read::Message(message);
                    }
                }
                Poll::Ready(Some(Ok(Frame::Ping(_)))) => self.hear_control(false),
                Poll::Ready(Some(Ok(Frame::Pong(payload)))) => {
                    let answer = self.probe_is_out()
                        && !self.probe.by_message
                        && payload[..] == self.probe.number.to_be_bytes();
                    self.hear_control(answer);
                }
                Poll::Ready(Some(Ok(Frame::Close(frame)))) => {
                    self.hear_close(frame, cx);
                    return Read::Moved;
                }
                Poll::Ready(Some(Err(error))) => {
                    let error = self.writer.failure().cloned().unwrap_or(error);
                    self.lose_line(LostCause::Broken(error));
                    return Read::Moved;
                }
                Poll::Ready(None) => {
                    let error = self.writer.failure().cloned().unwrap_or_else(|| {
                        let words = "the server ended the connection without a close frame";
                        TransportError::new(ErrorKind::Ended, words)
                    });
                    self.lose_line(LostCause::Broken(error));
                    return Read::Moved;
                }
                Poll::Pending => {
                    self.quiet = true;
                    return Read::Nothing;
                }
            }
            // There may be more, so the task must not park on this.
            if self.frames >= FRAMES_PER_LOOK {
                return Read::Moved;
            }
        }
        Read::Nothing
    }

    /// What a message means by the user's functions; gives it on unless it is hidden. If one of
    /// them panics the message is given on, and the session ends at the look that follows at once.
    #[inline(never)]
    fn look_into(&mut self, message: Message, by_message: bool) -> Option<Message> {
        let heartbeat = &mut self.policies.heartbeat;
        let reply = heartbeat.is_reply(&message, by_message);
        self.heard.answer |= by_message && reply;
        self.heard.life |= heartbeat.message_is_life(&message, by_message && reply);
        let hidden = reply && heartbeat.hides_replies();
        if heartbeat.has_panicked() {
            self.frames = FRAMES_PER_LOOK;
        }
        if hidden {
            self.desk.uncount_in(message.len());
            return None;
        }
        Some(message)
    }

    /// Whether the peer may have a probe and has not answered it. It may have one before the flush
    /// of it is complete.
    pub(super) fn probe_is_out(&self) -> bool {
        (self.probe.sent.is_some() || self.writer.has_probe_in_hand()) && !self.probe.answered
    }

    pub(super) fn hear_control(&mut self, answer: bool) {
        self.frames += 1;
        self.heard.any = true;
        self.heard.answer |= answer;
        self.heard.life |= self.policies.heartbeat.control_is_life(answer);
    }

    /// The peer's close frame came: what was handed over gets its flush, and the connection
    /// writes its reply without being read any more.
    pub(super) fn hear_close(&mut self, frame: Option<CloseFrame>, cx: &mut Context<'_>) {
        self.frames += 1;
        self.heard.any = true;
        self.look();
        let flushed = match self.line.open() {
            Some(connection) => connection.poll_flush(cx),
            None => return,
        };
        if matches!(flushed, Poll::Ready(Ok(()))) && self.writer.failure().is_none() {
            self.settle_written();
        }
        // A reply repeats our code, and comes after all that we wrote was read.
        let code = frame.as_ref().map(|frame| frame.code);
        if self.writer.goodbye_code().is_some_and(|ours| code.is_none_or(|code| code == ours)) {
            self.desk.all_proven();
        }
        if flushed.is_pending()
            && let Line::Open(connection) = std::mem::replace(&mut self.line, Line::None)
        {
            self.leaving = Some(connection);
        }
        let connection = self.machine.connection();
        self.drop_line(Some(LostCause::ClosedByPeer(frame)));
        self.machine.handle_peer_closed(self.now, connection);
    }

    pub(super) fn connect(&mut self, cx: &mut Context<'_>) -> Read {
        let Poll::Ready(result) = self.line.poll_connect(cx) else { return Read::Nothing };
        self.tell_time();
        let connection = self.machine.connection();
        match result {
            Ok(established) => {
                let (open, rest) = established.split();
                self.line = Line::Open(Box::pin(Contained::new(open)));
                self.desk.established(rest);
                let max_age = self.policies.redial.open();
                self.machine.handle_connected(self.now, connection, max_age);
                self.shared.with(|state, news| state.queue.set_online(Some(connection), news));
                self.has_queue = true;
            }
            Err(error) => {
                self.drop_line(Some(LostCause::Connect(error)));
                self.machine.handle_ended(self.now, connection);
            }
        }
        self.carry_out(cx);
        Read::Moved
    }

    /// The connection broke or ended.
    pub(super) fn lose_line(&mut self, cause: LostCause) {
        self.look();
        self.drop_line(Some(cause));
        self.machine.handle_ended(self.now, self.machine.connection());
    }

    /// What a connection leaves behind when it is gone.
    pub(super) fn drop_line(&mut self, cause: Option<LostCause>) {
        self.line.clear();
        self.writer = Writer::default();
        self.heard = Heard::default();
        self.probe.sent = None;
        self.quiet = false;
        self.burial = 0;
        let connection = self.machine.connection();
        self.shared.with(|state, news| {
            state.queue.lost(connection, news);
            state.queue.set_online(None, news);
        });
        self.has_queue = true;
        self.reading = Reading::Yes;
        if let Some(cause) = cause {
            self.desk.lost(cause);
        }
    }
}
