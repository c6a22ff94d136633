//! Time limits of tasks that wait for room: [`Limits`].

use std::time::Duration;

use super::Outbox;
use crate::time::{Timestamp, earlier};

/// The limits of waiting tasks. A task has no clock, so the driver compares the limits with its own.
#[derive(Default)]
pub(super) struct Limits {
    limits: Vec<Limit>,
    /// When the driver last looked.
    now: Timestamp,
}

struct Limit {
    /// The place of the task in the queue.
    place: u64,
    ends: Ends,
}

/// The end of a limit.
enum Ends {
    /// This long after the next look of the driver.
    After(Duration),
    At(Timestamp),
    Never,
    Passed,
}

impl Outbox {
    /// Limits the wait of the task at this place.
    pub(crate) fn limit_wait(&mut self, place: u64, within: Duration) {
        let limits = self.rare_mut().limits.get_or_insert_default();
        limits.limits.push(Limit { place, ends: Ends::After(within) });
    }

    /// Returns the rest of the limit of the task at this place, if it has one that the driver has
    /// seen. It is zero after the limit has passed.
    pub(crate) fn rest_of_limit(&self, place: Option<u64>) -> Option<Duration> {
        let (place, limits) = (place?, self.limits()?);
        let limit = limits.limits.iter().find(|limit| limit.place == place)?;
        match limit.ends {
            Ends::At(at) => Some(at.saturating_since(limits.now)),
            Ends::Passed => Some(Duration::ZERO),
            Ends::After(_) | Ends::Never => None,
        }
    }

    pub(crate) fn has_limits(&self) -> bool {
        self.limits().is_some_and(|limits| !limits.limits.is_empty())
    }

    /// Compares the limits with the time. [`settle`](Outbox::settle) wakes the tasks whose limit has
    /// passed.
    pub(super) fn end_waits(&mut self, now: Timestamp) {
        let Some(limits) = self.rare.as_mut().and_then(|rare| rare.limits.as_mut()) else { return };
        limits.now = now;
        for limit in &mut limits.limits {
            if let Ends::After(within) = limit.ends {
                limit.ends = now.checked_add(within).map_or(Ends::Never, Ends::At);
            }
            if let Ends::At(at) = limit.ends
                && at <= now
            {
                limit.ends = Ends::Passed;
            }
        }
    }

    /// Returns when to call [`end_waits`](Self::end_waits) next.
    pub(super) fn next_limit(&self) -> Option<Timestamp> {
        let ends = self.limits()?.limits.iter().map(|limit| match limit.ends {
            Ends::At(at) => Some(at),
            Ends::After(_) | Ends::Never | Ends::Passed => None,
        });
        ends.fold(None, earlier)
    }

    /// The task at this place does not wait any more.
    pub(super) fn forget_limit(&mut self, place: u64) {
        if let Some(limits) = self.rare.as_mut().and_then(|rare| rare.limits.as_mut()) {
            limits.limits.retain(|limit| limit.place != place);
        }
    }

    fn limits(&self) -> Option<&Limits> {
        self.rare.as_ref()?.limits.as_deref()
    }
}

impl Limits {
    /// Returns the places of the tasks whose limit has passed.
    pub(super) fn passed(&self) -> impl Iterator<Item = u64> {
        let passed = self.limits.iter().filter(|limit| matches!(limit.ends, Ends::Passed));
        passed.map(|limit| limit.place)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }
}
