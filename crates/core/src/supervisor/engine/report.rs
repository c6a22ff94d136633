//! Reports: events for the application, and the published status.

use super::Engine;
use crate::{
    machine::Transition, outbox::Unsent, shared::State, supervisor::reporter::Reporter,
    sync::Deferred, time::Timer, transport::Transport,
};

impl<T: Transport, K: Timer> Engine<T, K> {
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
        if closes {
            self.sleep.clear();
            self.shared.tasks.wake();
        }
    }

    pub(super) fn publish(&mut self) {
        self.publish_with(|_, _, _| {});
    }

    /// Changes a part of the published status, and brings the rest up to date under the same lock.
    pub(super) fn publish_with(
        &mut self,
        change: impl FnOnce(&mut State, &mut Reporter, &mut Deferred<'_>),
    ) {
        let Self { shared, reporter, machine, clock, .. } = self;
        shared.with(|state, deferred| {
            change(state, reporter, deferred);
            reporter.publish(machine, clock.now(), state, deferred);
            state.published.renew(deferred);
        });
    }
}
