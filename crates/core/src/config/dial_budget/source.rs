//! Where the attempts of a budget come from: [`Source`].

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::time::Timestamp;

/// Decides how many attempts may begin.
pub(super) enum Source {
    /// So many in any window of time.
    Window(Window),
    /// Those that were granted from outside.
    Grants(Grants),
    /// All of them.
    Unlimited,
}

/// A limit on the attempts in any window of time.
pub(super) struct Window {
    pub(super) count: usize,
    pub(super) length: Duration,
    /// The times of the attempts that began within the last window, oldest first. At most `count`.
    pub(super) begun: VecDeque<Timestamp>,
}

/// The grants that no attempt has taken: their number for each time at which they expire.
#[derive(Default)]
pub(super) struct Grants(BTreeMap<Timestamp, usize>);

impl Source {
    /// Forgets attempts that began longer ago than a window, and grants that have expired.
    pub(super) fn observe(&mut self, now: Timestamp) {
        match self {
            Self::Window(window) => {
                while let Some(first) = window.begun.front()
                    && first.checked_add(window.length).is_some_and(|end| end <= now)
                {
                    window.begun.pop_front();
                }
            }
            Self::Grants(Grants(valid)) => {
                while let Some(first) = valid.first_entry()
                    && *first.key() <= now
                {
                    first.remove();
                }
            }
            Self::Unlimited => {}
        }
    }

    /// How many attempts may begin now.
    pub(super) fn free(&self) -> usize {
        match self {
            Self::Window(window) => window.count.saturating_sub(window.begun.len()),
            Self::Grants(Grants(valid)) => {
                valid.values().fold(0, |sum, count| sum.saturating_add(*count))
            }
            Self::Unlimited => usize::MAX,
        }
    }

    /// An attempt may begin: at least one is free. Returns the time by which it is given back: when
    /// it counts as begun, or when its grant expires.
    pub(super) fn take(&mut self, now: Timestamp) -> Timestamp {
        match self {
            Self::Window(window) => window.begun.push_back(now),
            Self::Grants(Grants(valid)) => {
                // The one that expires first.
                if let Some(mut first) = valid.first_entry() {
                    let until = *first.key();
                    *first.get_mut() -= 1;
                    if *first.get() == 0 {
                        first.remove();
                    }
                    return until;
                }
            }
            Self::Unlimited => {}
        }
        now
    }

    /// An attempt that was taken did not begin. Returns whether another one may begin instead.
    pub(super) fn give_back(&mut self, taken: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::Window(window) => {
                let index = window.begun.iter().rposition(|begun| *begun == taken);
                index.is_some_and(|index| window.begun.remove(index).is_some())
            }
            Self::Grants(grants) if taken > now => {
                grants.add(1, taken);
                true
            }
            Self::Grants(_) | Self::Unlimited => false,
        }
    }

    /// When the attempt with this rank begins if all attempts before it use their turns. `None` is
    /// not known, or never.
    pub(super) fn planned(&self, rank: usize, now: Timestamp) -> Option<Timestamp> {
        let Some(later) = rank.checked_sub(self.free()) else { return Some(now) };
        let Self::Window(Window { count, length, begun }) = self else { return None };
        // Each attempt begins one window after the attempt `count` places before it.
        let (round, index) = (later / count, later % count);
        let base = begun.get(index).copied().unwrap_or(now);
        let windows = u32::try_from(round + 1).ok()?;
        base.checked_add(length.checked_mul(windows)?)
    }
}

impl Grants {
    pub(super) fn add(&mut self, count: usize, until: Timestamp) {
        let sum = self.0.entry(until).or_default();
        *sum = sum.saturating_add(count);
    }
}
