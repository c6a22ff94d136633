//! The user's commands to the machine, and the machine's actions.

use std::task::Context;

use super::{Engine, Step};
use crate::{
    event::LostCause,
    machine::{Action, Dial, Loss},
    message::CloseFrame,
    outbox::Online,
    panics::contain,
    shared::Pausing,
    supervisor::{contained::panicked, link::Link, redial::Judged},
    time::Timer,
    transport::{Attempt, Connection, Transport},
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
        if commands.is_empty() {
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
        if let Some(panic) = commands.panic {
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

    /// Carries out the machine's actions and reports its transitions. An action that only requests
    /// a write does not count as `Moved`.
    pub(super) fn carry_out(&mut self, cx: &mut Context<'_>) -> Step {
        let mut step = Step::Still;
        loop {
            let mut dialled = false;
            while let Some(action) = self.machine.poll_action() {
                if !matches!(action, Action::Probe | Action::SendClose) {
                    step = Step::Moved;
                }
                dialled |= matches!(action, Action::Dial(_));
                self.act(action, cx);
            }
            while let Some(transition) = self.machine.poll_event() {
                step = Step::Moved;
                self.report(transition);
            }
            if !self.machine.is_waiting() {
                self.redial.leave();
            }
            // The attempt begins now, before the application takes the event of the attempt: the
            // gap between attempts and the shared budget count from now.
            if !dialled || self.connect(cx) == Step::Still {
                return step;
            }
        }
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) {
        match action {
            Action::Abandon(loss) => {
                self.end_drain();
                self.drop_link(cause(loss));
            }
            Action::Drain if self.draining.is_none() => self.machine.handle_drained(),
            Action::Drain => self.drain(cx),
            Action::EndDrain => self.end_drain(),
            Action::AskVerdict { fresh, opened, attempt } => {
                let refreshed = self.redial.was_refreshed();
                let failure = self.reporter.failure(opened, attempt, refreshed);
                let now = self.clock.now();
                let Judged { decision, panic } = self.redial.judge(&failure, fresh, now);
                if let Some(panic) = panic {
                    self.reporter.panicked(panic);
                }
                self.machine.handle_decision(now, decision);
            }
            Action::Replace => {
                let now = self.clock.now();
                self.machine.handle_decision(now, self.redial.replace(now));
            }
            Action::Dial(dial) => self.dial(dial),
            Action::Probe => {
                if let Some(connection) = self.link.open() {
                    connection.shrink();
                }
                if let Some(connection) = self.link.open() {
                    self.counts.probe_asked(connection);
                }
                self.probes.ask();
                self.writer.ask_for_probe();
            }
            Action::SendClose => {
                // The user may have closed the session in the meantime.
                let (by_user, frame) = self.shared.with(|state, _| {
                    (state.outbox.is_closed(), state.close_frame.as_deref().cloned())
                });
                let frame = frame.unwrap_or_else(|| CloseFrame::new(1000, ""));
                self.writer.send_close(frame, by_user);
            }
        }
    }

    fn dial(&mut self, dial: Dial) {
        let Dial { attempt: number, deadline, follows } = dial;
        let attempt = Attempt {
            connection: self.machine.connection(),
            number,
            deadline,
            follows,
            refresh: self.redial.begin(),
            last: self.reporter.last_cause().cloned(),
        };
        let transport = &mut self.transport;
        self.link = match contain(|| transport.can_ping()) {
            Ok(can_ping) => {
                self.probes.dial(can_ping);
                Link::dial(transport, attempt)
            }
            Err(words) => Link::Failed(panicked(words)),
        };
    }

    /// Ends the session if a function of the heartbeat has panicked.
    pub(super) fn end_by_panic(&mut self) {
        if let Some(panic) = self.probes.take_panic() {
            self.reporter.panicked(panic);
            self.machine.handle_panicked(self.clock.now());
        }
    }
}

/// The cause of a loss that the machine has decided. `None` for a loss that is not reported, or
/// whose cause the driver has recorded.
fn cause(loss: Loss) -> Option<LostCause> {
    match loss {
        Loss::ConnectTimeout(timeout) => Some(LostCause::ConnectTimeout(timeout)),
        Loss::HeartbeatTimeout(time) => Some(LostCause::HeartbeatTimeout(time)),
        Loss::WriteStalled(time) => Some(LostCause::WriteStalled(time)),
        Loss::Replaced => Some(LostCause::Replaced),
        Loss::MaxAge => Some(LostCause::MaxAge),
        Loss::Paused => Some(LostCause::Paused),
        Loss::Reported | Loss::Ended => None,
    }
}
