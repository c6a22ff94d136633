//! The reading side: the attempt, and the frames of a connection.

use std::{
    future::Future,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::{
    Engine, FRAME_SHIFT, FRAMES_PER_LOOK, Reading, Step,
    inbound::{Heard, Readable},
    turn::TURN,
};
use crate::{
    error::{ErrorKind, TransportError},
    event::LostCause,
    message::{CloseFrame, Message},
    outbox::Online,
    panics::contain,
    supervisor::{contained::panicked, link::Link, writer::Writer},
    time::Timer,
    transport::Transport,
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Returns whether to poll the connection. An attempt is polled here.
    #[inline]
    pub(super) fn begin_reading(&mut self, cx: &mut Context<'_>) -> Reading {
        match self.link {
            Link::Open(_) => {}
            Link::None => return Reading::Over(Step::Still),
            Link::Connecting(_) => {
                return match self.connect(cx) {
                    Step::Moved => Reading::AttemptOver,
                    Step::Still => Reading::Over(Step::Still),
                };
            }
        }
        if !self.machine.may_read() {
            return Reading::Over(Step::Still);
        }
        // Checked again after the poll: a connection that has called its waker during the poll has
        // more.
        let io_woken = self.shared.tasks.take_io_woken();
        if self.inbound.readable == Readable::Quiet {
            if !io_woken {
                return Reading::Over(Step::Still);
            }
            self.inbound.readable = Readable::Maybe;
        }
        if self.queued.any {
            self.hand(cx);
        }
        Reading::On
    }

    /// The poll continues after this frame: the connection may write its answer only when it is
    /// read again.
    pub(super) fn read_on(&self) -> Reading {
        // There may be more to read, so the task must not park here.
        if self.inbound.frames >= FRAMES_PER_LOOK {
            Reading::Over(Step::Moved)
        } else {
            Reading::On
        }
    }

    /// Counts a message of this length. Returns whether it goes to the application without a check.
    /// Otherwise `look_into` decides.
    #[inline]
    pub(super) fn hear_plainly(&mut self, len: usize) -> bool {
        self.inbound.frames += 1 + (len >> FRAME_SHIFT) as u32;
        self.reporter.count_in(len);
        if !self.probes.is_plain() || self.machine.intake().is_full() {
            return false;
        }
        self.inbound.heard = Heard::Life;
        if self.probes.next_message_answers() {
            self.probes.hear_answer();
        }
        true
    }

    /// The connection returned `Pending`.
    #[inline(never)]
    pub(super) fn hear_nothing(&mut self) -> Reading {
        if self.asks_again() { self.read_on() } else { Reading::Over(Step::Still) }
    }

    /// After `Pending`: returns whether to poll the connection or the attempt again at once,
    /// because a verdict is due and the waker was called during the poll.
    fn asks_again(&mut self) -> bool {
        let io_woken = self.shared.tasks.is_io_woken();
        self.inbound.readable.pending(io_woken);
        let again = self.inbound.readable.is_first();
        if again {
            self.shared.tasks.take_io_woken();
            self.inbound.frames += 1;
            // Each poll of a hesitant connection may take long.
            if self.clock.elapsed() >= TURN {
                self.inbound.frames = FRAMES_PER_LOOK;
            }
        }
        again
    }

    /// Flushes once more before the connection is dropped.
    fn flush_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(open) = self.link.open() else { return Poll::Ready(()) };
        match open.connection.poll_flush(cx) {
            Poll::Ready(Ok(())) if open.failure().is_none() => self.settle_written(),
            Poll::Ready(_) => {}
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// Calls the user's functions for a message, and returns the message unless it is hidden. If a
    /// function panics, the message is returned, and the session ends in the same poll or the next.
    ///
    /// A message for which there is no room is counted and dropped, so that the peer's close frame
    /// can be read.
    #[inline(never)]
    pub(super) fn look_into(&mut self, message: Message) -> Option<Message> {
        let may_answer = self.probes.next_message_answers();
        let reply = self.probes.is_reply(&message, may_answer);
        let answer = may_answer && reply;
        if reply && self.probes.recognises_replies() {
            self.machine.handle_reply(self.machine.connection());
        }
        let life = self.probes.message_is_life(&message, answer);
        self.hear(life, answer);
        let hidden = reply && self.probes.hides_replies();
        if self.probes.has_panicked() {
            self.inbound.frames = FRAMES_PER_LOOK;
        }
        if hidden {
            self.reporter.uncount_in(message.len());
            return None;
        }
        if self.machine.intake().is_full() {
            self.reporter.discarded(message.len());
            return None;
        }
        Some(message)
    }

    #[inline(never)]
    pub(super) fn hear_pong(&mut self, payload: Bytes) -> Reading {
        let answer = self.probes.pong_answers(&payload);
        self.hear_control(answer)
    }

    /// A ping, or a pong that is an `answer` to the probe or is not.
    #[inline(never)]
    pub(super) fn hear_control(&mut self, answer: bool) -> Reading {
        self.inbound.frames += 1;
        let life = self.probes.control_is_life(answer);
        self.hear(life, answer);
        self.read_on()
    }

    /// A frame was heard. `life`: it is proof of life. `answer`: it answers the probe.
    fn hear(&mut self, life: bool, answer: bool) {
        let heard = if life { Heard::Life } else { Heard::Frame };
        self.inbound.heard = self.inbound.heard.max(heard);
        if answer {
            self.probes.hear_answer();
        }
    }

    /// The peer's close frame was read. The frames that were handed over are flushed, and the
    /// connection writes its reply. It is not read any more.
    #[inline(never)]
    pub(super) fn hear_close(
        &mut self,
        frame: Option<CloseFrame>,
        cx: &mut Context<'_>,
    ) -> Reading {
        self.inbound.frames += 1;
        // The close frame itself does not end the silence before it.
        self.observe();
        let flushed = self.flush_last(cx);
        // A reply repeats the code of our close frame. It proves that the peer has read all earlier
        // messages.
        let code = frame.as_ref().map(|frame| frame.code);
        let ours = self.link.open().and_then(|open| open.close_code());
        if ours.is_some_and(|ours| code.is_none_or(|code| code == ours)) {
            self.reporter.all_proven(&self.shared);
        }
        if flushed.is_pending()
            && let Link::Open(open) = std::mem::replace(&mut self.link, Link::None)
        {
            self.draining = Some(open.connection);
        }
        let connection = self.machine.connection();
        self.drop_link(Some(LostCause::ClosedByPeer(frame)));
        self.machine.handle_peer_closed(self.clock.now(), connection);
        Reading::Over(Step::Moved)
    }

    /// The connection ended, with or without an error.
    #[cold]
    #[inline(never)]
    pub(super) fn hear_end(
        &mut self,
        error: Option<TransportError>,
        cx: &mut Context<'_>,
    ) -> Reading {
        let _ = self.flush_last(cx);
        let error = self.link.failure().cloned().or(error).unwrap_or_else(|| {
            let words = "the server ended the connection without a close frame";
            TransportError::new(ErrorKind::Ended, words)
        });
        self.lose_link(LostCause::Broken(error));
        Reading::Over(Step::Moved)
    }

    /// Polls the attempt. Returns `Moved` if the attempt has ended. The machine's actions follow.
    #[inline(never)]
    pub(super) fn connect(&mut self, cx: &mut Context<'_>) -> Step {
        let result = loop {
            let Link::Connecting(attempt) = &mut self.link else { return Step::Still };
            self.shared.tasks.take_io_woken();
            let telemetry = &self.telemetry;
            let polled = match attempt {
                Ok(attempt) => {
                    let poll = || attempt.as_mut().poll(cx);
                    telemetry.in_span(|| contain(poll).map_err(panicked))
                }
                Err(error) => Err(error.clone()),
            };
            match polled {
                Ok(Poll::Ready(result)) => break result,
                Err(panic) => break Err(panic),
                Ok(_) if self.asks_again() && self.inbound.frames < FRAMES_PER_LOOK => {}
                Ok(_) => return Step::Still,
            }
        };
        self.link.clear();
        self.inbound.readable = Readable::Maybe;
        self.clock.read();
        let connection = self.machine.connection();
        match result {
            Ok(established) => {
                let open = |open| self.link = Link::Open(Writer::new(open));
                self.reporter.established(established.map(open));
                let max_age = self.redial.open();
                let means = self.probes.means();
                self.machine.handle_connected(self.clock.now(), connection, means, max_age);
                self.shared.with(|state, deferred| {
                    state.outbox.set_online(Online::Yes(connection), deferred)
                });
                self.queued.any = true;
            }
            Err(error) => {
                self.drop_link(Some(LostCause::Connect(error)));
                self.machine.handle_ended(self.clock.now(), connection);
            }
        }
        Step::Moved
    }
}
