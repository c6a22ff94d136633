//! The writing side: from the outbox to the connection, and the results of writes.

use std::task::{Context, Poll, ready};

use super::{Engine, Step};
use crate::{
    error::TransportError, supervisor::contained::PollConnection, time::Timer, transport::Transport,
};

/// How far to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Queued messages are handed over. They are flushed if the window is full.
    Handed,
    /// Everything is flushed.
    Flushed,
}

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Hands queued messages to the connection before more frames are read. A frame that ends the
    /// connection must not prevent the answers to earlier messages. The messages are flushed when
    /// the engine parks, or when the window is full.
    #[inline(never)]
    pub(super) fn hand(&mut self, cx: &mut Context<'_>) {
        if self.link.open().is_some_and(|open| open.takes_more()) {
            self.clock.read();
            self.write(cx, Until::Handed);
            self.clock.mark_read(self.inbound.frames);
        }
    }

    /// Writes as much as the connection accepts: at most one window, with a flush if `until`
    /// requires it. Returns `Moved` if writing failed, or if there is more to write after a flush.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, until: Until) -> Step {
        let may_write = self.machine.may_write();
        let open = self.link.open().filter(|open| may_write && open.failure().is_none());
        let Some(open) = open.filter(|open| self.queued.any || !open.is_idle()) else {
            self.expire(false);
            return Step::Still;
        };
        let was_blocked = open.is_blocked();
        let woken_before = self.shared.tasks.is_io_woken();
        let written = self.feed_and_flush(cx, until);
        self.take_back();
        let pending = written.is_pending();
        let flushed = match written {
            Poll::Ready(Err(error)) => {
                if let Some(open) = self.link.open() {
                    open.fail(error);
                }
                return Step::Moved;
            }
            Poll::Ready(Ok(step)) => step == Step::Moved,
            Poll::Pending => false,
        };
        // A connection that returns `Pending` and has called its waker during the poll is hesitant
        // and not blocked.
        let hesitates = self.shared.tasks.is_io_woken() && !(was_blocked && woken_before);
        self.note_progress(was_blocked, pending && !hesitates);
        if flushed {
            self.settle_flushed();
        }
        // Between two windows there is time to read.
        if flushed && (self.queued.any || self.link.open().is_some_and(|open| !open.is_idle())) {
            Step::Moved
        } else {
            Step::Still
        }
    }

    /// Gives the connection its frames in order, then flushes. `Moved`: all are flushed. `Still`:
    /// nothing had to be flushed. `Pending`: the connection accepts no more at present.
    fn feed_and_flush(
        &mut self,
        cx: &mut Context<'_>,
        until: Until,
    ) -> Poll<Result<Step, TransportError>> {
        let Some(open) = self.link.open() else { return Poll::Ready(Ok(Step::Still)) };
        let fed = if open.is_flushing() {
            self.expire(false);
            Poll::Ready(Ok(()))
        } else {
            self.feed(cx)
        };
        let Some(open) = self.link.open() else { return Poll::Ready(Ok(Step::Still)) };
        // A connection that is not ready for a frame becomes so by a flush.
        if let Poll::Ready(fed) = fed {
            fed?;
            // A close frame is flushed at once: the reply to it may come in this poll.
            let may_wait = until == Until::Handed && !self.queued.any;
            if !open.is_dirty() || (may_wait && open.takes_messages()) {
                return Poll::Ready(Ok(Step::Still));
            }
        }
        open.poll_flush(cx).map_ok(|()| Step::Moved)
    }

    /// Gives the connection the probe, a window of messages and the close frame, if they are there
    /// and the connection is ready for them.
    fn feed(&mut self, cx: &mut Context<'_>) -> PollConnection {
        let Some(open) = self.link.open() else { return Poll::Ready(Ok(())) };
        let fed = open.feed_probe(&mut self.probes, cx)?;
        let goes_on = fed.is_ready() && !self.probes.has_panicked();
        let hands_over = goes_on && open.takes_messages();
        self.expire(hands_over);
        if !goes_on {
            return fed.map(Ok);
        }
        let Some(open) = self.link.open() else { return Poll::Ready(Ok(())) };
        ready!(open.feed_window(cx))?;
        if open.close_follows_queue() && !self.shared.with(|state, _| state.outbox.is_settled()) {
            return Poll::Ready(Ok(()));
        }
        open.feed_close(cx)
    }

    /// Returns the messages that the connection did not take to the outbox, and reports those that
    /// it took.
    fn take_back(&mut self) {
        let Some(open) = self.link.open() else { return };
        if open.has_unflushed_messages() {
            self.machine.handle_handed(self.machine.connection());
        }
        let window = &mut open.window;
        if !window.is_empty() {
            self.queued.any = true;
            self.shared.with(|state, _| state.outbox.take_back(window));
        }
    }

    /// Sets the times of new messages in the outbox, and drops messages that are too old. If
    /// `hands_over`, moves the next messages to the window.
    fn expire(&mut self, hands_over: bool) {
        let Self { link, shared, queued, reporter, clock, .. } = self;
        if queued.any {
            shared.with(|state, deferred| {
                state.outbox.expire(clock.now(), deferred);
                queued.expiry = state.outbox.expiry();
                reporter.compare_outbox(state);
                if let Some(open) = link.open().filter(|_| hands_over) {
                    state.outbox.hand_over(&mut open.window);
                    queued.any = state.outbox.has_queued() || state.outbox.has_limits();
                }
            });
        }
        if !queued.any {
            queued.expiry = None;
        }
    }

    /// Records whether the connection is blocked, and whether it accepted bytes of a blocked write.
    fn note_progress(&mut self, was_blocked: bool, blocked: bool) {
        let (connection, now) = (self.machine.connection(), self.clock.now());
        let Some(open) = self.link.open() else { return };
        let accepted = (was_blocked || blocked) && open.has_accepted();
        if accepted && was_blocked {
            self.machine.handle_write_progress(now, connection);
            // Otherwise the next verdict would count the same acknowledgements again.
            if self.machine.awaits_answer() {
                open.counts.write_went_on(&mut open.connection);
            }
        }
        open.set_blocked(blocked);
        if blocked {
            self.machine.handle_write_blocked(now, connection);
        }
    }

    /// All frames that were handed over are flushed.
    fn settle_flushed(&mut self) {
        let (connection, now) = (self.machine.connection(), self.clock.now());
        let Some(open) = self.link.open() else { return };
        let (probe, messages) = (open.take_written_probe(), open.take_unflushed_messages());
        let round_trip = probe.then(|| {
            self.telemetry.probed();
            self.reporter.probed(&self.shared)
        });
        if messages {
            self.settle_written();
        }
        self.machine.handle_flushed(now, connection);
        if let Some(round_trip) = round_trip {
            self.probes.written(now);
            let longest = self.probes.adaptive().and_then(|floor| {
                round_trip.adaptive_timeout().map(|patience| patience.max(floor))
            });
            self.machine.handle_probe_written(now, connection, longest);
            if let Some(open) = self.link.open() {
                open.counts.probe_written(&mut open.connection);
            }
        }
        if messages {
            let by_ping = !self.probes.are_messages();
            self.machine.handle_written(now, connection, by_ping);
        }
    }
}
