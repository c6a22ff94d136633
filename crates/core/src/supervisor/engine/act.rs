//! The user's wishes to the machine, and the machine's wishes to the world.

use std::{task::Context, time::Duration};

use super::{Engine, Step, park::Alarm};
use crate::{
    Attempt, CloseFrame, LostCause, Timer, Timestamp, Transport, Verdict,
    guarded::Garbage,
    machine::{Action, Loss, Ruling, Transition},
    queue::{Online, Unsent},
    shared::State,
    supervisor::{line::Line, news::Desk},
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Takes what handles have put down.
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
        match commands.pause {
            Some(true) => {
                self.machine.handle_pause(now);
                if !self.machine.may_write() {
                    // Nor is it a replacement any more.
                    self.shared.with(|state, garbage| {
                        state.queue.set_online(Online::No, garbage);
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
        while let Some(action) = self.machine.poll_action() {
            if !matches!(action, Action::Probe | Action::SayGoodbye) {
                step = Step::Moved;
            }
            self.act(action, cx);
        }
        while let Some(transition) = self.machine.poll_event() {
            step = Step::Moved;
            self.tell(transition);
        }
        step
    }

    pub(super) fn act(&mut self, action: Action, cx: &mut Context<'_>) {
        match action {
            Action::Abandon(loss) => {
                self.leaving = None;
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
            Action::EndLeave => self.leaving = None,
            Action::Judge { fresh } => {
                let ruling = self.judge(fresh);
                self.machine.handle_ruling(self.now, ruling);
            }
            Action::Dial { attempt, deadline } => self.dial(attempt, deadline),
            Action::Probe => {
                self.probe.number += 1;
                self.probe.sent = None;
                self.probe.answered = false;
                self.writer.probe();
            }
            Action::SayGoodbye => {
                // The user may have closed the session since the last look.
                let (by_user, asked) = self.shared.with(|state, _| {
                    (state.queue.is_closed(), state.commands.close.as_deref().cloned().flatten())
                });
                let own = self.goodbye.take().map(|own| *own).or(asked);
                let frame = own.unwrap_or_else(|| CloseFrame::new(1000, ""));
                self.writer.say_goodbye(frame, by_user);
            }
        }
    }

    pub(super) fn judge(&mut self, fresh: bool) -> Ruling {
        self.stable = fresh;
        if fresh {
            self.delays = None;
        }
        let refreshed = std::mem::take(&mut self.refresh);
        let Some(failure) = self.desk.failure(refreshed) else { return Ruling::Stop };
        let verdict = (self.policies.verdict)(&failure);
        let after = match verdict {
            Verdict::Stop => return Ruling::Stop,
            Verdict::Retry => Duration::ZERO,
            Verdict::RetryAfter(after) => after,
            Verdict::RefreshThenRetry => {
                self.refresh = true;
                Duration::ZERO
            }
        };
        let delays = &mut self.policies.delays;
        match self.delays.get_or_insert_with(delays).next() {
            // Added, not the larger of the two: clients that were told the same moment are kept
            // apart by their backoff.
            Some(delay) => Ruling::Retry(delay.saturating_add(after)),
            None => Ruling::NoDelayLeft,
        }
    }

    pub(super) fn dial(&mut self, number: u32, deadline: Option<Timestamp>) {
        self.can_ping = self.transport.can_ping();
        self.granted = None;
        let attempt = Attempt {
            connection: self.machine.connection(),
            number,
            deadline: deadline.unwrap_or(Timestamp::from_epoch(Duration::MAX)),
            was_stable: number == 0 || self.stable,
            refresh: self.refresh,
            last: self.desk.last_cause().cloned(),
        };
        self.line = Line::dial(&mut self.transport, attempt);
    }

    pub(super) fn tell(&mut self, transition: Transition) {
        let closes = matches!(transition, Transition::Closed(_));
        self.publish_with(|state, desk, garbage| {
            if closes {
                state.queue.close(garbage);
            }
            let unsent = match transition {
                Transition::Closed(_) | Transition::Lost { .. } => state.queue.take_unsent(),
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
