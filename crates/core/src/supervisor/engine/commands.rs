//! Gives the commands of handles to the machine.

use std::task::Context;

use super::{Engine, Step};
use crate::{
    outbox::Online,
    panics::ARE_CAUGHT,
    shared::{Commands, Pausing},
    time::Timer,
    transport::Transport,
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Takes the commands of the handles.
    #[inline(never)]
    pub(super) fn take_work(&mut self, cx: &mut Context<'_>) -> Step {
        if !self.shared.take_work() {
            return Step::Still;
        }
        let commands = self.shared.with(|state, _| std::mem::take(&mut state.commands));
        self.queued.any = true;
        if commands == Commands::default() {
            return Step::Still;
        }
        self.clock.read();
        let now = self.clock.now();
        if commands.close {
            self.machine.handle_close(now);
        }
        if commands.abort {
            self.machine.handle_abort(now);
        }
        if let Some(panic) = commands.panic.filter(|_| ARE_CAUGHT) {
            self.reporter.panicked(panic);
            self.machine.handle_panicked(now);
        }
        match commands.pausing {
            Some(Pausing::Pause) => {
                self.machine.handle_pause(now);
                if !self.machine.may_write() {
                    // The replacement of the connection has also ended.
                    self.shared.with(|state, deferred| {
                        state.outbox.set_online(Online::No, deferred);
                    });
                }
            }
            Some(Pausing::Resume) => self.machine.handle_resume(now),
            None => {}
        }
        if commands.reconnect {
            self.machine.handle_reconnect_now(now);
        } else if commands.probe {
            self.machine.handle_probe_now(now);
        }
        self.carry_out(cx)
    }
}
