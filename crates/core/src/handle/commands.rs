//! The commands of a [`Handle`]: close, abort, reconnect, probe, pause.

use super::Handle;
use crate::{
    error::ConfigError,
    message::CloseFrame,
    panics::UserPanic,
    shared::{Pausing, State},
};

impl Handle {
    /// Closes the session gracefully: writes the queued messages, sends a close frame with code 1000
    /// and waits for the close frame of the server, all within
    /// [`Builder::close_timeout`](crate::Builder::close_timeout). Then the connection is dropped.
    /// Without a connection the session ends at once.
    ///
    /// It works in every phase: no attempt begins after it. Further calls have no effect.
    pub fn close(&self) {
        self.close_by(None);
    }

    /// Like [`close`](Self::close), with this close frame.
    ///
    /// # Errors
    ///
    /// If a client must not send the code (RFC 6455 section 7.4), or the reason has more than the 123
    /// bytes for which a control frame has room. The session is not closed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_heartbeat::{CloseFrame, ConfigError, Handle};
    ///
    /// fn leave(handle: &Handle) -> Result<(), ConfigError> {
    ///     handle.close_with(CloseFrame::new(4001, "the user has logged out"))
    /// }
    /// ```
    pub fn close_with(&self, frame: CloseFrame) -> Result<(), ConfigError> {
        frame.check()?;
        self.close_by(Some(frame));
        Ok(())
    }

    fn close_by(&self, frame: Option<CloseFrame>) {
        // If the session is being closed already, the frame is dropped here, outside of the lock.
        let mut frame = frame.map(Box::new);
        self.command(|state| {
            // The first close decides.
            if !state.outbox.is_closed() {
                state.close_frame = frame.take();
            }
            state.commands.close = true;
            state.outbox.stop_accepting();
        });
    }

    /// Ends the session now, without a close frame. Further calls have no effect. Bytes that were
    /// written but not delivered may be discarded; the native backends discard them.
    pub fn abort(&self) {
        self.command(|state| {
            state.commands.abort = true;
            state.outbox.stop_accepting();
        });
    }

    /// Replaces the open connection with a new one. Without a connection, begins the next attempt now
    /// instead of after its delay. The minimum gap, the shared budget and the limits still apply: if
    /// no further attempt is [allowed](crate::Attempts), the session ends. Has no effect while an
    /// attempt is in progress, while paused, or after the end.
    pub fn reconnect_now(&self) {
        self.command(|state| state.commands.reconnect = true);
    }

    /// Sends a heartbeat now, with a
    /// [short deadline](crate::Heartbeat::recheck_timeout). The connection is replaced only if no
    /// answer comes. Call it when the network has changed or the machine has woken up. Has no effect
    /// without an open connection.
    pub fn probe_now(&self) {
        self.command(|state| state.commands.probe = true);
    }

    /// Pauses the session until [`resume`](Self::resume). An open connection is kept: it is still read
    /// and written, but no heartbeats are sent and it is not judged. An attempt that is in progress or
    /// scheduled is cancelled.
    pub fn pause(&self) {
        self.command(|state| state.commands.pausing = Some(Pausing::Pause));
    }

    /// Ends a [`pause`](Self::pause). With a connection, sends a heartbeat with a short deadline.
    /// Without a connection, begins an attempt as soon as the minimum gap and the shared budget permit
    /// it. That attempt counts: if no further attempt is [allowed](crate::Attempts), the session ends.
    pub fn resume(&self) {
        self.command(|state| state.commands.pausing = Some(Pausing::Resume));
    }

    /// Ends the session because a function of the application panicked outside of the driver.
    pub(crate) fn end_by_panic(&self, panic: UserPanic) {
        let panic = Box::new(panic);
        self.command(|state| {
            state.commands.panic.get_or_insert(panic);
            state.outbox.stop_accepting();
        });
    }

    fn command(&self, set: impl FnOnce(&mut State)) {
        self.shared.with(|state, _| set(state));
        self.shared.notify();
    }
}
