//! The writing side: from the outbox to the connection, and the results of writes.

use std::task::{Context, Poll, ready};

use super::{Engine, Queued, Step};
use crate::{
    error::TransportError,
    shared::State,
    supervisor::reporter::Reporter,
    sync::Deferred,
    time::{Timer, Timestamp},
    transport::Transport,
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
        if self.writer.takes_more() {
            self.clock.read();
            self.write(cx, Until::Handed);
            self.clock.mark_read(self.inbound.frames);
        }
    }

    /// Writes as much as the connection accepts: at most one window, with a flush if `until`
    /// requires it. Returns `Moved` if writing failed, or if there is more to write after a flush.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, until: Until) -> Step {
        let wanted = self.queued.any || !self.writer.is_idle();
        let can_write = self.writer.failure().is_none() && self.link.open().is_some();
        if !(wanted && can_write && self.machine.may_write()) {
            self.expire();
            return Step::Still;
        }
        let was_blocked = self.writer.is_blocked();
        let woken_before = self.shared.tasks.is_io_woken();
        let written = self.feed_and_flush(cx, until);
        self.take_back();
        if self.writer.has_unflushed_messages() {
            self.machine.handle_handed(self.machine.connection());
        }
        let pending = written.is_pending();
        let flushed = match written {
            Poll::Ready(Err(error)) => {
                self.writer.fail(error);
                return Step::Moved;
            }
            Poll::Ready(Ok(written)) => written == Written::Flushed,
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
        if flushed && (self.queued.any || !self.writer.is_idle()) {
            Step::Moved
        } else {
            Step::Still
        }
    }

    /// Gives the connection its frames in order, then flushes. `Pending`: the connection accepts no
    /// more at present.
    fn feed_and_flush(
        &mut self,
        cx: &mut Context<'_>,
        until: Until,
    ) -> Poll<Result<Written, TransportError>> {
        let fed = if self.writer.is_flushing() {
            self.expire();
            Poll::Ready(Ok(()))
        } else {
            self.feed(cx)
        };
        // A connection that is not ready for a frame becomes so by a flush.
        if let Poll::Ready(fed) = fed {
            fed?;
            // A close frame is flushed at once: the reply to it may come in this poll.
            let may_wait = until == Until::Handed && !self.queued.any;
            if !self.writer.is_dirty() || (may_wait && self.writer.takes_messages()) {
                return Poll::Ready(Ok(Written::Handed));
            }
        }
        let Some(connection) = self.link.open() else { return Poll::Ready(Ok(Written::Handed)) };
        self.writer.poll_flush(connection, cx).map_ok(|()| Written::Flushed)
    }

    /// Gives the connection the probe, a window of messages and the close frame, if they are there
    /// and the connection is ready for them.
    fn feed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let Some(connection) = self.link.open() else { return Poll::Ready(Ok(())) };
        let fed = self.writer.feed_probe(connection, &mut self.probes, cx)?;
        if fed.is_pending() || self.probes.has_panicked() {
            self.expire();
            return fed.map(Ok);
        }
        if self.queued.any && self.writer.takes_messages() {
            self.hand_over();
        } else {
            self.expire();
        }
        if let Some(connection) = self.link.open() {
            ready!(self.writer.feed_window(connection, cx))?;
        }
        if self.writer.close_follows_queue()
            && !self.shared.with(|state, _| state.outbox.is_settled())
        {
            return Poll::Ready(Ok(()));
        }
        match self.link.open() {
            Some(connection) => self.writer.feed_close(connection, cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Moves messages from the outbox to the writer's window, and drops those that are too old.
    fn hand_over(&mut self) {
        let Self { shared, queued, reporter, writer, clock, .. } = self;
        shared.with(|state, deferred| {
            expire(state, queued, reporter, clock.now(), deferred);
            state.outbox.hand_over(writer.window());
            queued.any = state.outbox.has_queued();
        });
        if !queued.any {
            queued.expiry = None;
        }
    }

    /// Returns the messages that the connection did not take to the outbox.
    fn take_back(&mut self) {
        let window = self.writer.window();
        if !window.is_empty() {
            self.queued.any = true;
            self.shared.with(|state, _| state.outbox.take_back(window));
        }
    }

    /// Drops messages of the outbox that are too old.
    fn expire(&mut self) {
        let Self { shared, queued, reporter, clock, .. } = self;
        if queued.any {
            shared.with(|state, deferred| expire(state, queued, reporter, clock.now(), deferred));
        } else {
            queued.expiry = None;
        }
    }

    /// Records whether the connection is blocked, and whether it accepted bytes of a blocked write.
    fn note_progress(&mut self, was_blocked: bool, blocked: bool) {
        let (connection, now) = (self.machine.connection(), self.clock.now());
        if was_blocked || blocked {
            let accepted = self.link.bytes_written();
            if self.writer.accept(accepted) && was_blocked {
                self.machine.handle_write_progress(now, connection);
            }
        }
        self.writer.set_blocked(blocked);
        if blocked {
            self.machine.handle_write_blocked(now, connection);
        }
    }

    /// All frames that were handed over are flushed.
    fn settle_flushed(&mut self) {
        let probe = self.writer.take_written_probe();
        let (connection, now) = (self.machine.connection(), self.clock.now());
        if probe {
            self.reporter.probing();
        }
        if self.writer.take_unflushed_messages() {
            self.settle_written();
        }
        self.machine.handle_flushed(now, connection);
        if probe {
            self.probes.written(now);
            let round_trip = self.reporter.probed(&self.shared);
            let longest = self.probes.adaptive().and_then(|floor| {
                round_trip.adaptive_timeout().map(|patience| patience.max(floor))
            });
            self.machine.handle_probe_written(now, connection, longest);
            if let Some(open) = self.link.open() {
                self.counts.probe_written(open);
            }
        }
    }
}

/// The progress of a write that was not blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// Nothing had to be flushed.
    Handed,
    Flushed,
}

/// Sets the times of new messages in the outbox, drops messages that are too old, and records the
/// state of the rest.
fn expire(
    state: &mut State,
    queued: &mut Queued,
    reporter: &mut Reporter,
    now: Timestamp,
    deferred: &mut Deferred<'_>,
) {
    state.outbox.expire(now, deferred);
    queued.expiry = state.outbox.expiry();
    reporter.compare_outbox(state);
}
