//! A budget of attempts that many supervisors share: [`DialBudget`].

use std::{collections::VecDeque, num::NonZeroU32, sync::Arc, time::Duration};

use crate::{ConfigError, Timestamp, guarded::Guarded};

/// At most so many attempts in any window of time, over all supervisors that hold a clone of it.
///
/// An attempt that is over the budget begins as soon as it is not, in the order in which they
/// asked. So a thousand supervisors in one process do not all knock at the moment their server is
/// back.
///
/// The supervisors must use clones of one timer, since its timestamps are compared.
#[derive(Clone, Debug)]
pub struct DialBudget {
    /// Behind one pointer, since every session may hold a clone.
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    granted: Guarded<VecDeque<Timestamp>>,
    count: NonZeroU32,
    window: Duration,
}

impl DialBudget {
    /// At most `count` attempts in any span of `window`.
    ///
    /// # Errors
    ///
    /// When either is zero.
    pub fn new(count: u32, window: Duration) -> Result<Self, ConfigError> {
        crate::limits::not_zero("dial budget window", window)?;
        let rule = "must be at least 1";
        let count =
            NonZeroU32::new(count).ok_or_else(|| ConfigError::new("dial budget", count, rule))?;
        Ok(Self { shared: Arc::new(Shared { granted: Guarded::default(), count, window }) })
    }

    /// Grants an attempt and says when it may begin, `now` or later; `None` is never.
    pub(crate) fn grant(&self, now: Timestamp) -> Option<Timestamp> {
        let Shared { granted, count, window } = &*self.shared;
        granted.with(|granted, _| {
            let at = if granted.len() < count.get() as usize {
                granted.back().map_or(now, |last| now.max(*last))
            } else {
                let earliest = granted.front()?.checked_add(*window)?;
                granted.pop_front();
                earliest.max(now)
            };
            granted.push_back(at);
            Some(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_the_budget() {
        let second = Duration::from_secs(1);
        let budget = DialBudget::new(3, second).unwrap();
        let at = |ms| Timestamp::from_epoch(Duration::from_millis(ms));
        let granted: Vec<_> =
            [0, 0, 500, 600, 600, 5_000].map(|ms| budget.grant(at(ms)).unwrap()).into();
        assert_eq!(granted, [0, 0, 500, 1_000, 1_000, 5_000].map(at));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        assert_eq!(DialBudget::new(0, Duration::MAX).unwrap_err().setting(), "dial budget");
        let window = DialBudget::new(1, Duration::ZERO).unwrap_err();
        assert_eq!(window.setting(), "dial budget window");
    }
}
