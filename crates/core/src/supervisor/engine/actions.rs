//! The user's wishes to the machine, and the machine's wishes to the world.

use std::task::Context;

use super::{Engine, Step, park::Alarm};
use crate::{
    event::LostCause,
    machine::{Action, Loss, Transition},
    message::CloseFrame,
    outbox::{Online, Unsent},
    panics::{contain, drop_contained},
    shared::State,
    supervisor::{contained::panicked, link::Line, redial::Judgement, reporter::Desk},
    sync::Garbage,
    time::{Timer, Timestamp},
    transport::{Attempt, Connection, Predecessor, Transport},
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Takes what handles have put down.
    #[inline(never)]
    pub(super) fn take_work(&mut self, cx: &mut Context<'_>) -> Step {
        if !self.shared.take_work() {
            return Step::Still;
        }
        let commands = self.shared.with(|state, _| std::mem::take(&mut state.commands));
        self.has_queue = true;
        if commands.is_empty() {
            return Step::Still;
        }
        self.tell_time();
        let now = self.now;
        if let Some(frame) = commands.close {
            self.goodbye = self.goodbye.take().or_else(|| frame.map(Box::new));
            self.machine.handle_close(now);
        }
        if commands.abort {
            self.machine.handle_abort(now);
        }
        if let Some(panic) = commands.panic {
            self.desk.panicked(panic);
            self.machine.handle_panicked(now);
        }
        match commands.pause {
            Some(true) => {
                self.machine.handle_pause(now);
                if !self.machine.may_write() {
                    // Nor is it a replacement any more.
                    self.shared.with(|state, garbage| {
                        state.outbox.set_online(Online::No, garbage);
                    });
                }
            }
            Some(false) => self.machine.handle_resume(now),
            None => {}
        }
        if commands.reconnect {
            self.machine.handle_reconnect_now(now);
        } else if commands.probe {
            self.machine.handle_probe_now(now);
        }
        self.carry_out(cx)
    }

    /// Does and tells what the machine wants. What is only to be written moves nothing yet.
    pub(super) fn carry_out(&mut self, cx: &mut Context<'_>) -> Step {
        let mut step = Step::Still;
        let mut dialled = false;
        while let Some(action) = self.machine.poll_action() {
            if !matches!(action, Action::Probe | Action::SayGoodbye) {
                step = Step::Moved;
            }
            dialled |= matches!(action, Action::Dial { .. });
            self.act(action, cx);
        }
        while let Some(transition) = self.machine.poll_event() {
            step = Step::Moved;
            self.tell(transition);
        }
        if !self.machine.is_waiting() {
            self.policies.redial.leave();
        }
        if dialled {
            // The attempt begins now, and not when somebody has taken the event that says so: the
            // gap between attempts and the shared budget count from now.
            self.connect(cx);
        }
        step
    }

    pub(super) fn act(&mut self, action: Action, cx: &mut Context<'_>) {
        match action {
            Action::Abandon(loss) => {
                drop_contained(self.leaving.take());
                self.drop_line(match loss {
                    Loss::ConnectTimeout(timeout) => Some(LostCause::ConnectTimeout(timeout)),
                    Loss::HeartbeatTimeout(time) => Some(LostCause::HeartbeatTimeout(time)),
                    Loss::WriteStalled(time) => Some(LostCause::WriteStalled(time)),
                    Loss::Replaced => Some(LostCause::Replaced),
                    Loss::MaxAge => Some(LostCause::MaxAge),
                    Loss::Paused => Some(LostCause::Paused),
                    Loss::Reported | Loss::Ended => None,
                });
            }
            Action::TakeLeave if self.leaving.is_none() => self.machine.handle_left(),
            Action::TakeLeave => self.take_leave(cx),
            Action::EndLeave => drop_contained(self.leaving.take()),
            Action::Judge { fresh } => self.judge(fresh),
            Action::Replace => {
                let ruling = self.policies.redial.replace(self.now);
                self.machine.handle_ruling(self.now, ruling);
            }
            Action::Dial { attempt, deadline, follows } => self.dial(attempt, deadline, follows),
            Action::Probe => {
                if let Some(connection) = self.line.open() {
                    connection.shrink();
                }
                if let Some(connection) = self.line.open() {
                    self.left.ask(connection);
                }
                self.probe.number += 1;
                self.probe.sent = None;
                self.probe.answered = false;
                self.writer.probe();
            }
            Action::SayGoodbye => {
                // The user may have closed the session since the last look.
                let (by_user, asked) = self.shared.with(|state, _| {
                    (state.outbox.is_closed(), state.commands.close.as_deref().cloned().flatten())
                });
                let own = self.goodbye.take().map(|own| *own).or(asked);
                let frame = own.unwrap_or_else(|| CloseFrame::new(1000, ""));
                self.writer.say_goodbye(frame, by_user);
            }
        }
    }

    /// Finds a ruling on the loss that the desk was told of.
    pub(super) fn judge(&mut self, fresh: bool) {
        let redial = &mut self.policies.redial;
        let failure = self.desk.failure(redial.was_refreshed());
        let Judgement { ruling, panic } = redial.judge(&failure, fresh, self.now);
        if let Some(panic) = panic {
            self.desk.panicked(panic);
        }
        self.machine.handle_ruling(self.now, ruling);
    }

    pub(super) fn dial(&mut self, number: u32, deadline: Option<Timestamp>, follows: Predecessor) {
        let attempt = Attempt {
            connection: self.machine.connection(),
            number,
            deadline,
            follows,
            refresh: self.policies.redial.begin(),
            last: self.desk.last_cause().cloned(),
        };
        let transport = &mut self.transport;
        self.line = match contain(|| transport.can_ping()) {
            Ok(can_ping) => {
                self.can_ping = can_ping;
                Line::dial(transport, attempt)
            }
            Err(words) => Line::Failed(panicked(words)),
        };
    }

    /// Ends the session if a function of the heartbeat has panicked.
    pub(super) fn end_by_panic(&mut self) {
        if let Some(panic) = self.policies.heartbeat.take_panic() {
            self.desk.panicked(panic);
            self.machine.handle_panicked(self.now);
        }
    }

    pub(super) fn tell(&mut self, transition: Transition) {
        let closes = matches!(transition, Transition::Closed(_));
        self.publish_with(|state, desk, garbage| {
            if closes {
                state.outbox.close(garbage);
            }
            let unsent = match transition {
                Transition::Closed(_) | Transition::Lost { .. } => state.outbox.take_unsent(),
                _ => Unsent::default(),
            };
            desk.tell(transition, unsent, &mut state.published.status, garbage);
        });
        if closes {
            self.alarm = Alarm::default();
            self.shared.slots.wake();
        }
    }

    pub(super) fn publish(&mut self) {
        self.publish_with(|_, _, _| {});
    }

    /// Changes something of what is published, and the rest of it by the way.
    pub(super) fn publish_with(
        &mut self,
        change: impl FnOnce(&mut State, &mut Desk, &mut Garbage<'_>),
    ) {
        let Self { shared, desk, machine, now, .. } = self;
        shared.with(|state, garbage| {
            change(state, desk, garbage);
            desk.publish(machine, *now, state, garbage);
            state.published.renew(garbage);
        });
    }
}
