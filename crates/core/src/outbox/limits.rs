//! Time limits of tasks that wait for room: [`WaitLimits`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Outbox;
use crate::time::Timestamp;

/// The limits of waiting tasks, by their places in the queue. A task has no clock, so the driver
/// compares the limits with its own.
///
/// They are an optional part, see ARCHITECTURE: only [`Outbox::limit_wait`] makes them.
pub(super) trait WaitLimits: Send {
    fn add(&mut self, place: u64, within: Duration);

    /// Compares the limits with the time.
    fn look(&mut self, now: Timestamp);

    /// Returns when to look next.
    fn next(&self) -> Option<Timestamp>;

    /// Returns the rest of the limit at this place, if it is known.
    fn rest(&self, place: u64) -> Option<Duration>;

    /// Returns the place of a task whose limit has passed: the first one after this place.
    fn passed_after(&self, place: u64) -> Option<u64>;

    fn forget(&mut self, place: u64);

    fn is_empty(&self) -> bool;
}

#[derive(Default)]
struct Limits {
    /// Limits that begin at the next look of the driver.
    new: BTreeMap<u64, Duration>,
    ends: BTreeMap<u64, Timestamp>,
    /// The same in the order of time.
    order: BTreeSet<(Timestamp, u64)>,
    /// The tasks whose limit has passed.
    passed: BTreeSet<u64>,
    /// When the driver last looked.
    now: Timestamp,
}

impl Outbox {
    /// Limits the wait of the task at this place.
    pub(crate) fn limit_wait(&mut self, place: u64, within: Duration) {
        let limits = &mut self.rare_mut().limits;
        limits.get_or_insert_with(|| Box::new(Limits::default())).add(place, within);
    }

    /// Returns the rest of the limit of the task at this place, if it has one that the driver has
    /// seen. It is zero after the limit has passed.
    pub(crate) fn rest_of_limit(&self, place: Option<u64>) -> Option<Duration> {
        let place = place?;
        self.limits()?.rest(place)
    }

    pub(crate) fn has_limits(&self) -> bool {
        self.limits().is_some_and(|limits| !limits.is_empty())
    }

    /// Compares the limits with the time. [`settle`](Outbox::settle) wakes the tasks whose limit has
    /// passed.
    pub(super) fn end_waits(&mut self, now: Timestamp) {
        if let Some(limits) = self.rare.as_mut().and_then(|rare| rare.limits.as_mut()) {
            limits.look(now);
        }
    }

    /// Returns when to call [`end_waits`](Self::end_waits) next.
    pub(super) fn next_limit(&self) -> Option<Timestamp> {
        self.limits()?.next()
    }

    /// The task at this place does not wait any more.
    pub(super) fn forget_limit(&mut self, place: u64) {
        if let Some(limits) = self.rare.as_mut().and_then(|rare| rare.limits.as_mut()) {
            limits.forget(place);
        }
    }

    fn limits(&self) -> Option<&dyn WaitLimits> {
        self.rare.as_ref()?.limits.as_deref()
    }
}

impl WaitLimits for Limits {
    fn add(&mut self, place: u64, within: Duration) {
        self.new.insert(place, within);
    }

    fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    fn rest(&self, place: u64) -> Option<Duration> {
        if self.passed.contains(&place) {
            return Some(Duration::ZERO);
        }
        self.ends.get(&place).map(|at| at.saturating_since(self.now))
    }

    fn passed_after(&self, place: u64) -> Option<u64> {
        self.passed.range(place + 1..).next().copied()
    }

    fn is_empty(&self) -> bool {
        self.new.is_empty() && self.ends.is_empty() && self.passed.is_empty()
    }

    fn look(&mut self, now: Timestamp) {
        self.now = now;
        while let Some((place, within)) = self.new.pop_first() {
            // A limit after the end of time is none.
            if let Some(at) = now.checked_add(within) {
                self.ends.insert(place, at);
                self.order.insert((at, place));
            }
        }
        while let Some(&(at, place)) = self.order.first()
            && at <= now
        {
            self.order.pop_first();
            self.ends.remove(&place);
            self.passed.insert(place);
        }
    }

    fn forget(&mut self, place: u64) {
        self.new.remove(&place);
        self.passed.remove(&place);
        if let Some(at) = self.ends.remove(&place) {
            self.order.remove(&(at, place));
        }
    }
}
