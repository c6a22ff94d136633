//! The end of a connection, and of the session when its owner is dropped.

use std::task::Context;

use super::{
    Engine, Step,
    inbound::{Heard, Readable},
};
use crate::{
    event::{CloseReason, LostCause},
    outbox::Online,
    panics::{contain, drop_contained},
    sync::discard,
    time::Timer,
    transport::Transport,
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// The connection broke or ended.
    pub(super) fn lose_link(&mut self, cause: LostCause) {
        self.observe();
        let by_peer = cause.is_end_by_peer();
        self.drop_link(Some(cause));
        let (now, connection) = (self.clock.now(), self.machine.connection());
        if by_peer {
            self.machine.handle_ended(now, connection);
        } else {
            self.machine.handle_given_up(now, connection);
        }
    }

    /// Reports a panic of the connection, which is then not read or written any more.
    pub(super) fn report_connection_panic(&mut self) -> Step {
        let panicked = self.link.open().and_then(|open| open.connection.panicked().cloned());
        let Some(error) = panicked else { return Step::Still };
        self.lose_link(LostCause::Broken(error));
        Step::Moved
    }

    /// Drops the connection or the attempt, settles the messages that were handed to it, and keeps
    /// the cause for the next verdict and event. Without a cause, only the end of the session
    /// follows.
    pub(super) fn drop_link(&mut self, cause: Option<LostCause>) {
        // If a connection is being replaced for its age, the cause of its end is always its age.
        let retiring = self.machine.is_retiring();
        let cause = cause.map(|cause| if retiring { LostCause::MaxAge } else { cause });
        let in_writing = self.link.failure().is_some();
        self.link.clear();
        self.inbound.heard = Heard::Nothing;
        self.inbound.readable = Readable::Maybe;
        self.probes.forget_answer();
        let connection = self.machine.connection();
        // A planned replacement is no outage: messages accepted meanwhile wait for the next
        // connection.
        let planned = retiring || matches!(cause, Some(LostCause::MaxAge));
        let online = if planned { Online::Replacing } else { Online::No };
        self.shared.with(|state, deferred| {
            state.outbox.lost(connection, deferred);
            state.outbox.set_online(online, deferred);
        });
        self.queued.any = true;
        if let Some(cause) = cause {
            self.reporter.lost(cause, in_writing);
        }
    }

    /// The messages that were handed over are flushed.
    pub(super) fn settle_written(&mut self) {
        let connection = self.machine.connection();
        let Some(open) = self.link.open() else { return };
        let kept = &mut open.window;
        let load =
            self.shared.with(|state, deferred| state.outbox.written(connection, kept, deferred));
        discard(kept.drain(..));
        self.reporter.count_out(load);
    }

    /// Lets a connection that the peer closed write its reply.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.draining
            && connection.poll_flush(cx).is_ready()
        {
            self.end_drain();
            self.machine.handle_drained();
        }
    }

    pub(super) fn end_drain(&mut self) {
        drop_contained(self.draining.take());
    }

    /// Ends the session, because its owner was dropped.
    pub(in crate::supervisor) fn end_by_drop(&mut self) {
        if self.machine.is_closed() {
            return;
        }
        // A panic of the timer may be the reason for the drop. The end needs no exact time.
        let _ = contain(|| self.clock.read());
        self.end_drain();
        self.drop_link(None);
        self.machine.handle_abort(self.clock.now());
        self.publish_with(|state, _, deferred| {
            state.outbox.close(deferred);
            let reason = &mut state.published.status.close_reason;
            deferred.drop_later(reason.replace(CloseReason::Dropped));
        });
        self.telemetry.dropped(self.shared.name());
    }
}
