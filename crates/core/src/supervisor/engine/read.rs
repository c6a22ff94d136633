//! Reading: the attempt, the frames, and the end of a connection.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures_sink::Sink;

use super::{
    Engine, FRAME_SHIFT, FRAMES_PER_LOOK, Heard, Reading, Step,
    left::Left,
    turn::{Readable, TURN},
};
use crate::{
    error::{ErrorKind, TransportError},
    event::LostCause,
    message::{CloseFrame, Message},
    outbox::Online,
    supervisor::{contained::Contained, link::Line, writer::Writer},
    time::Timer,
    transport::Transport,
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Whether the connection is to be polled. An attempt is polled here.
    #[inline]
    pub(super) fn begin_reading(&mut self, cx: &mut Context<'_>) -> Reading {
        match self.line {
            Line::Open(_) => {}
            Line::None => return Reading::Over(Step::Still),
            Line::Connecting(_) | Line::Failed(_) => return Reading::Over(self.connect(cx)),
        }
        if !self.machine.may_read() {
            return Reading::Over(Step::Still);
        }
        // Looked at again after the poll: who calls within it has not said all.
        let stirred = self.shared.slots.take_stirred();
        if self.readable == Readable::Quiet {
            if !stirred {
                return Reading::Over(Step::Still);
            }
            self.readable = Readable::Maybe;
        }
        if self.has_queue {
            self.hand(cx);
        }
        Reading::On
    }

    /// A frame was read that ends no poll: the connection may write its answer only when it is read
    /// again.
    pub(super) fn read_on(&self) -> Reading {
        // There may be more, so the task must not park on this.
        if self.frames >= FRAMES_PER_LOOK { Reading::Over(Step::Moved) } else { Reading::On }
    }

    /// Counts a message of so many bytes. Whether that is all: nobody looks at it, and it has a
    /// place to go. Else `look_into` has to see it.
    #[inline]
    pub(super) fn hear_plainly(&mut self, len: usize) -> bool {
        self.frames += 1 + (len >> FRAME_SHIFT) as u32;
        self.heard.any = true;
        self.desk.count_in(len);
        let plain = self.policies.heartbeat.is_plain() && !self.machine.intake().is_full();
        if plain {
            self.heard.life = true;
            self.heard.answer |= self.message_may_answer();
        }
        plain
    }

    /// By the original's convention the message after a heartbeat by message is its answer.
    fn message_may_answer(&self) -> bool {
        self.probe.by_message && self.probe_is_out()
    }

    /// The connection has nothing more for the time being.
    #[inline(never)]
    pub(super) fn hear_nothing(&mut self) -> Reading {
        if self.asks_again() { self.read_on() } else { Reading::Over(Step::Still) }
    }

    /// After `Pending`: whether the connection, or the attempt, is to be asked again at once,
    /// because a verdict is due and it has called within the poll.
    fn asks_again(&mut self) -> bool {
        let stirred = self.shared.slots.has_stirred();
        self.readable.pending(stirred);
        let again = self.readable.is_first();
        if again {
            self.shared.slots.take_stirred();
            self.frames += 1;
            // What hesitates for a reason may take its time over each poll.
            if self.timer.now().saturating_since(self.now) >= TURN {
                self.frames = FRAMES_PER_LOOK;
            }
        }
        again
    }

    /// Flushes once more before the connection is dropped: what it takes now is written.
    fn flush_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = self.line.open() else { return Poll::Ready(()) };
        match connection.poll_flush(cx) {
            Poll::Ready(Ok(())) if self.writer.failure().is_none() => self.settle_written(),
            Poll::Ready(_) => {}
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// What a message means by the user's functions; gives it on unless it is hidden. If one of
    /// them panics the message is given on, and the session ends at the look that follows at once.
    ///
    /// A message that has no place to go is counted and dropped, so that the peer's close frame is
    /// heard.
    #[inline(never)]
    pub(super) fn look_into(&mut self, message: Message) -> Option<Message> {
        let by_message = self.message_may_answer();
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
        if self.machine.intake().is_full() {
            self.desk.discarded(message.len());
            return None;
        }
        Some(message)
    }

    /// Whether the peer may have a probe and has not answered it. It may have one before the flush
    /// of it is complete.
    pub(super) fn probe_is_out(&self) -> bool {
        (self.probe.sent.is_some() || self.writer.has_probe_in_hand()) && !self.probe.answered
    }

    #[inline(never)]
    pub(super) fn hear_ping(&mut self) -> Reading {
        self.hear_control(false)
    }

    #[inline(never)]
    pub(super) fn hear_pong(&mut self, payload: Bytes) -> Reading {
        let answer = self.probe_is_out()
            && !self.probe.by_message
            && payload[..] == self.probe.number.to_be_bytes();
        self.hear_control(answer)
    }

    fn hear_control(&mut self, answer: bool) -> Reading {
        self.frames += 1;
        self.heard.any = true;
        self.heard.answer |= answer;
        self.heard.life |= self.policies.heartbeat.control_is_life(answer);
        self.read_on()
    }

    /// The peer's close frame came: what was handed over gets its flush, and the connection
    /// writes its reply without being read any more.
    #[inline(never)]
    pub(super) fn hear_close(
        &mut self,
        frame: Option<CloseFrame>,
        cx: &mut Context<'_>,
    ) -> Reading {
        self.frames += 1;
        self.heard.any = true;
        self.look();
        let flushed = self.flush_last(cx);
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
        Reading::Over(Step::Moved)
    }

    /// The connection ended, by this error if there is one.
    #[cold]
    #[inline(never)]
    pub(super) fn hear_end(
        &mut self,
        error: Option<TransportError>,
        cx: &mut Context<'_>,
    ) -> Reading {
        let _ = self.flush_last(cx);
        let error = self.writer.failure().cloned().or(error).unwrap_or_else(|| {
            let words = "the server ended the connection without a close frame";
            TransportError::new(ErrorKind::Ended, words)
        });
        self.lose_line(LostCause::Broken(error));
        Reading::Over(Step::Moved)
    }

    #[inline(never)]
    pub(super) fn connect(&mut self, cx: &mut Context<'_>) -> Step {
        let result = loop {
            self.shared.slots.take_stirred();
            match self.line.poll_connect(cx) {
                Poll::Ready(result) => break result,
                Poll::Pending if self.asks_again() && self.frames < FRAMES_PER_LOOK => {}
                Poll::Pending => return Step::Still,
            }
        };
        self.readable = Readable::Maybe;
        self.tell_time();
        let connection = self.machine.connection();
        match result {
            Ok(established) => {
                let (open, rest) = established.split();
                self.line = Line::Open(Box::pin(Contained::new(open)));
                self.desk.established(rest);
                let max_age = self.policies.redial.open();
                self.machine.handle_connected(self.now, connection, max_age);
                self.shared.with(|state, garbage| {
                    state.outbox.set_online(Online::Yes(connection), garbage)
                });
                self.has_queue = true;
            }
            Err(error) => {
                self.drop_line(Some(LostCause::Connect(error)));
                self.machine.handle_ended(self.now, connection);
            }
        }
        self.carry_out(cx);
        Step::Moved
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
        let in_writing = self.writer.failure().is_some();
        self.writer = Writer::default();
        self.heard = Heard::default();
        self.left = Left::default();
        self.probe.sent = None;
        self.readable = Readable::Maybe;
        let connection = self.machine.connection();
        // A planned replacement is no outage: what is accepted meanwhile waits for the next one.
        let planned = self.machine.is_retiring() || matches!(cause, Some(LostCause::MaxAge));
        let online = if planned { Online::Replacing } else { Online::No };
        self.shared.with(|state, garbage| {
            state.outbox.lost(connection, garbage);
            state.outbox.set_online(online, garbage);
        });
        self.has_queue = true;
        if let Some(cause) = cause {
            self.desk.lost(cause, in_writing);
        }
    }
}
