//! Carries out the machine's actions.

use std::task::Context;

use super::{Engine, Step};
use crate::{
    machine::{Action, Dial},
    message::CloseFrame,
    panics::contain,
    supervisor::{contained::panicked, link::Link, reporter::reported_cause},
    time::Timer,
    transport::{Attempt, Transport},
};

impl<T: Transport, K: Timer> Engine<T, K> {
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
                self.drop_link(reported_cause(loss));
            }
            Action::Drain if self.draining.is_none() => self.machine.handle_drained(),
            Action::Drain => self.drain(cx),
            Action::EndDrain => self.end_drain(),
            Action::AskVerdict { fresh, opened, attempt } => {
                let opens = self.shared.with(|state, _| state.published.status.counters.opens);
                let refreshed = self.redial.refresh;
                let failure = self.reporter.failure(opened, attempt, refreshed, opens);
                let now = self.clock.now();
                let (decision, panic) = self.redial.judge(&failure, fresh, now);
                if let Some(panic) = panic {
                    self.reporter.panicked(Box::new(panic));
                }
                self.machine.handle_decision(now, decision);
            }
            Action::Replace => {
                let now = self.clock.now();
                self.machine.handle_decision(now, self.redial.replace(now));
            }
            Action::Dial(dial) => self.dial(dial),
            Action::Probe => {
                if let Some(open) = self.link.open() {
                    open.connection.shrink();
                    open.counts.probe_asked(&mut open.connection);
                    open.ask_for_probe();
                }
                self.probes.ask();
            }
            Action::SendClose => {
                // The user may have closed the session in the meantime.
                let (by_user, frame) = self.shared.with(|state, _| {
                    (state.outbox.is_closed(), state.close_frame.as_deref().cloned())
                });
                if let Some(open) = self.link.open() {
                    open.send_close(frame.unwrap_or_else(|| CloseFrame::new(1000, "")), by_user);
                }
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
        let begun = contain(|| (transport.can_ping(), Box::pin(transport.connect(attempt))));
        self.link = Link::Connecting(match begun {
            Ok((can_ping, connect)) => {
                self.probes.can_ping = can_ping;
                Ok(connect)
            }
            Err(words) => Err(panicked(words)),
        });
    }

    /// Ends the session if a function of the heartbeat has panicked.
    pub(super) fn end_by_panic(&mut self) {
        if let Some(panic) = self.probes.take_panic() {
            self.reporter.panicked(panic);
            self.machine.handle_panicked(self.clock.now());
        }
    }
}
