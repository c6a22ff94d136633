//! Reports: the frames that were heard, events for the application, and the published status.

use super::{Engine, inbound::Heard};
use crate::{
    machine::Transition,
    outbox::Unsent,
    shared::State,
    supervisor::{reporter::Reporter, telemetry::Numbers},
    sync::Deferred,
    time::Timer,
    transport::Transport,
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Reads the clock, and reports the frames since the last call to the machine. Returns whether
    /// proof of life was among them.
    pub(super) fn observe(&mut self) -> bool {
        self.clock.read_once(self.inbound.frames);
        let now = self.clock.now();
        self.inbound.turn.count(std::mem::take(&mut self.inbound.frames), now);
        let heard = std::mem::replace(&mut self.inbound.heard, Heard::Nothing);
        if heard == Heard::Nothing {
            return false;
        }
        let life = heard == Heard::Life;
        let was_out = self.machine.probe_since().is_some();
        self.machine.handle_frame(now, self.machine.connection(), life);
        self.reporter.mark_changed();
        if let Some(answer) = self.probes.take_answer(now) {
            self.reporter.answered(&answer, &self.shared);
            self.telemetry.answered(answer.time);
        }
        if was_out && self.machine.probe_since().is_none() {
            self.sleep.replace_at_next_park();
        }
        life
    }

    /// Makes the event for a transition, and publishes the status.
    pub(super) fn report(&mut self, transition: Transition) {
        let closes = matches!(transition, Transition::Closed(_));
        self.publish_with(|state, reporter, deferred| {
            if closes {
                state.outbox.close(deferred);
            }
            let unsent = match transition {
                Transition::Closed(_) | Transition::Lost { .. } => state.outbox.take_unsent(),
                _ => Unsent::default(),
            };
            reporter.report(transition, unsent, &mut state.published.status, deferred);
        });
        if let Some(event) = self.reporter.newest() {
            self.telemetry.event(self.shared.name(), event);
        }
        if closes {
            self.sleep.clear();
            self.shared.tasks.wake();
        }
    }

    /// Publishes the status, if the published one is out of date.
    pub(super) fn publish(&mut self) {
        if self.reporter.is_stale(&self.machine) {
            self.publish_with(|_, _, _| {});
        }
    }

    /// Changes a part of the published status, and brings the rest up to date under the same lock.
    pub(super) fn publish_with(
        &mut self,
        change: impl FnOnce(&mut State, &mut Reporter, &mut Deferred<'_>),
    ) {
        let Self { shared, reporter, machine, clock, telemetry, .. } = self;
        let numbers = shared.with(|state, deferred| {
            change(state, reporter, deferred);
            reporter.publish(machine, clock.now(), state, deferred);
            state.published.renew(deferred);
            Numbers::of(&state.published.status)
        });
        telemetry.published(shared.name(), &numbers);
    }
}
