//! The limit, without a clock and a store: [`Gcra`].

use std::time::Duration;

/// Tokens that become free within this time are taken with one that is free now. Half a second: a
/// record is written twice a second while many attempts wait, and a killed worker takes no more than
/// that with it.
const SPAN: u64 = 500_000_000;

/// How far a clock may be ahead of another one. 5 s: more than NTP leaves, and short for an outage.
const TOLERANCE: u64 = 5_000_000_000;

const NANOS: f64 = 1e9;
const YEAR: u64 = 365 * 86_400 * 1_000_000_000;

/// At most `burst` tokens at once, and `rate` tokens a second: the generic cell rate algorithm.
///
/// Its state is one time, the *theoretical arrival time*: so far the tokens that were taken reach, if
/// one is used in each interval. Times are nanoseconds since 1970, on the clocks of the machines.
///
/// # Clocks
///
/// The clocks of the machines may differ by 5 s. A state that reaches further than a machine with such
/// a clock can have written is replaced: the burst counts as used up now. So a clock that is an hour
/// ahead stops nobody for an hour. But as long as its worker writes, the limit does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// The time for one token.
    interval: u64,
    /// The time for all tokens of a burst.
    burst: u64,
}

/// The tokens that were taken, and the new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The number of tokens.
    pub count: u32,
    /// When the last of them may be used. Those before it are at intervals.
    last: u64,
    interval: u64,
    /// The new state. The same as before if nothing was taken.
    pub state: u64,
    /// When the next token after these is free.
    pub next: u64,
    /// The state was replaced, since it was so far in the future.
    pub replaced: Option<Duration>,
}

impl Gcra {
    /// A limit of `rate` tokens a second, and `burst` tokens at once.
    ///
    /// A rate below one in a day, or none, counts as one in a day, and a burst of 0 as 1: an attempt
    /// that is never allowed would be silently dead.
    #[must_use]
    pub fn new(rate: f64, burst: u32) -> Self {
        let day = 86_400.0;
        let seconds = if rate > 0.0 { (1.0 / rate).min(day) } else { day };
        let interval = ((seconds * NANOS) as u64).max(1);
        Self { interval, burst: interval.saturating_mul(burst.max(1).into()) }
    }

    /// The part of one of so many workers, for a time in which they do not know of each other.
    #[must_use]
    pub fn share(self, members: usize) -> Self {
        let members = u64::try_from(members.max(1)).unwrap_or(u64::MAX);
        let interval = self.interval.saturating_mul(members).min(YEAR);
        let count = (self.burst / self.interval / members).max(1);
        Self { interval, burst: interval.saturating_mul(count) }
    }

    /// The state in which the burst is used up.
    #[must_use]
    pub fn used_up(&self, now: u64) -> u64 {
        now.saturating_add(self.burst)
    }

    /// Takes up to `count` tokens, if at least one is free now.
    #[must_use]
    pub fn take(&self, now: u64, state: u64, count: u32) -> Taken {
        let end = self.used_up(now).saturating_add(SPAN);
        let replaced = state.checked_sub(end.saturating_add(TOLERANCE)).filter(|more| *more > 0);
        let state = if replaced.is_some() { self.used_up(now) } else { state };
        let begin = state.max(now);
        let is_free = self.free_at(begin) <= now;
        let free = end.saturating_sub(begin) / self.interval;
        let count = if is_free { count.min(u32::try_from(free).unwrap_or(u32::MAX)) } else { 0 };
        let state = if count == 0 {
            state
        } else {
            begin.saturating_add(self.interval.saturating_mul(count.into()))
        };
        Taken {
            count,
            last: state.saturating_sub(self.burst),
            interval: self.interval,
            state,
            next: self.free_at(state).max(now),
            replaced: replaced.map(|more| Duration::from_nanos(more.saturating_add(TOLERANCE))),
        }
    }

    /// When the first token after this state may be used.
    fn free_at(&self, state: u64) -> u64 {
        state.saturating_add(self.interval).saturating_sub(self.burst)
    }
}

impl Taken {
    /// When each of the tokens may be used, in nanoseconds since 1970; times in the past are now.
    pub fn moments(&self) -> impl Iterator<Item = u64> + use<> {
        let Self { count, last, interval, .. } = *self;
        (0..count)
            .rev()
            .map(move |after| last.saturating_sub(interval.saturating_mul(after.into())))
    }
}
