//! The delays before attempts: [`Backoff`], [`Constant`], [`Exponential`].

use std::time::Duration;

use super::random::Random;
use crate::{
    error::{ConfigError, not_zero},
    time::from_seconds,
};

/// Makes the delays before attempts, one iterator for each outage.
///
/// Each item is the delay before the next attempt. If the iterator ends, the session ends with
/// [`CloseReason::BackoffEnded`](crate::CloseReason::BackoffEnded). Any closure that returns such an iterator
/// is a `Backoff`; it does not get the entropy. A plain `Duration` is the same as [`Constant`].
///
/// ```
/// use std::{iter, time::Duration};
/// use websocket_heartbeat::Backoff;
///
/// fn is_backoff(_: impl Backoff) {}
/// is_backoff(Duration::from_secs(2));
/// is_backoff(|| iter::repeat(Duration::from_secs(1)).take(5));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a backoff",
    note = "use a `Duration` for a constant delay, `Exponential::new()`, or a closure that returns an iterator of delays"
)]
pub trait Backoff {
    /// The delays of one outage.
    type Delays: Iterator<Item = Duration>;

    /// Returns the delays of a new outage. Called after the loss of a
    /// [stable](crate::Builder::stable_after) connection, and for the first loss of a session.
    ///
    /// `entropy` is a random number, another one for each outage: the seed of random delays. It
    /// comes from [`Timer::entropy`](crate::Timer::entropy).
    fn delays(&self, entropy: u64) -> Self::Delays;

    /// Checks the settings. [`Builder::build`](crate::Builder::build) calls it once. By default
    /// there is nothing to check.
    ///
    /// # Errors
    ///
    /// The error names the setting, its value and the rule that it breaks.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// The delays of one outage, of any backoff.
pub(crate) type Delays = Box<dyn Iterator<Item = Duration> + Send>;
pub(crate) type MakeDelays = Box<dyn FnMut(u64) -> Delays + Send>;

/// A [`Backoff`] of any type.
pub(crate) struct BoxBackoff {
    pub(crate) delays: MakeDelays,
    /// The result of [`Backoff::check`].
    pub(super) checked: Result<(), ConfigError>,
}

impl BoxBackoff {
    pub(crate) fn new<B>(backoff: B) -> Self
    where
        B: Backoff<Delays: Send + 'static> + Send + 'static,
    {
        let checked = backoff.check();
        Self { checked, ..Self::valid(move |entropy| backoff.delays(entropy)) }
    }

    /// A backoff whose settings need no check.
    pub(super) fn valid<D>(delays: impl Fn(u64) -> D + Send + 'static) -> Self
    where
        D: Iterator<Item = Duration> + Send + 'static,
    {
        Self { delays: Box::new(move |entropy| Box::new(delays(entropy))), checked: Ok(()) }
    }
}

impl<F, I> Backoff for F
where
    F: Fn() -> I,
    I: Iterator<Item = Duration>,
{
    type Delays = I;

    fn delays(&self, _: u64) -> I {
        self()
    }
}

/// The same delay each time, like [`Constant`].
impl Backoff for Duration {
    type Delays = std::iter::Repeat<Self>;

    fn delays(&self, _: u64) -> Self::Delays {
        std::iter::repeat(*self)
    }
}

/// The same delay each time. The original uses this policy with 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    delay: Duration,
}

impl Constant {
    /// `delay` before every attempt. It may be zero, since
    /// [`Builder::minimum_gap`](crate::Builder::minimum_gap) also applies.
    pub const fn new(delay: Duration) -> Self {
        Self { delay }
    }
}

impl Backoff for Constant {
    type Delays = std::iter::Repeat<Duration>;

    fn delays(&self, _: u64) -> Self::Delays {
        std::iter::repeat(self.delay)
    }
}

/// Delays that grow by a factor up to a cap, with jitter below it.
///
/// The n-th delay, counted from 0, has the upper end `min(base * factor^n, cap)`. The delay is
/// drawn at random from `(1 - jitter) * upper end` to `upper end`. So no delay is above the cap,
/// and delays at the cap are also spread.
///
/// | setting | default | why |
/// |---|---|---|
/// | [`base`](Self::base) | 1 s | a lost connection is back soon |
/// | [`factor`](Self::factor) | 2 | |
/// | [`cap`](Self::cap) | 30 s | a server that is back is used within half a minute |
/// | [`jitter`](Self::jitter) | 1.0, "full jitter" | it keeps clients apart |
/// | [`first`](Self::first) | drawn like the others | |
/// | [`seed`](Self::seed) | none: other delays each time | |
///
/// In a simulation, 100,000 clients lost a server that came back after 10 s. With these defaults 99
/// % of the clients were connected again after 115 s, with 7.9 attempts each. Without jitter the
/// clients connected at the same times, and most never succeeded.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Exponential, Supervisor};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
/// # let timer = clock.timer();
/// let secs = Duration::from_secs;
/// // For a fleet whose server restarts: the first attempts are spread over a minute.
/// let backoff = Exponential::new().base(secs(2)).cap(secs(120)).first(secs(60));
/// let supervisor = Supervisor::builder(transport, timer).backoff(backoff).build()?;
/// # drop(supervisor);
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
///
/// [`Builder::build`](crate::Builder::build) refuses a base of zero, a cap below the base, a factor
/// below 1, a jitter outside of 0..=1, and a seed if nothing is random.
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
    /// The defaults, see the table above.
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

    /// The upper end of the first delay. It must be above zero.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The factor by which the upper end grows each time. It must be a finite number of at least 1.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// The largest upper end. It must be at least the base.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The random share of each delay, from 0.0 (no jitter) to 1.0 ("full jitter").
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Draws the first delay from `0..=spread` instead. Clients that lost the same server at the
    /// same moment then do not come back in the same second. In the simulation above, a spread of
    /// 60 s divided the number of attempts in the busiest second by 14. It may be above the cap.
    #[must_use]
    pub const fn first(mut self, spread: Duration) -> Self {
        self.first = Some(spread);
        self
    }

    /// Makes the random delays repeatable, for tests. Each outage then has the same delays.
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

    fn delays(&self, entropy: u64) -> ExponentialDelays {
        ExponentialDelays {
            upper: self.base.min(self.cap).as_secs_f64(),
            factor: self.factor,
            cap: self.cap,
            jitter: self.jitter,
            first: self.first.map(|spread| spread.as_secs_f64()),
            random: Random::from_seed(self.seed.unwrap_or(entropy)),
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
        if let Some(seed) = self.seed
            && self.jitter == 0.0
            && self.first.is_none()
        {
            let rule = "must come with jitter above zero or with Exponential::first, since \
                        nothing is random without";
            return Err(ConfigError::new("backoff seed", seed, rule));
        }
        Ok(())
    }
}

/// The delays of [`Exponential`] for one outage. The iterator never ends.
#[derive(Clone, Debug)]
pub struct ExponentialDelays {
    /// In seconds. At most the cap, so that nothing overflows in a long outage.
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
        Some(from_seconds(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECS_30: Duration = Duration::from_secs(30);

    #[test]
    fn delays_never_pass_the_cap_and_keep_their_spread_there() {
        let delays: Vec<_> = Exponential::new().delays(1).skip(5).take(1_000).collect();
        assert!(delays.iter().all(|delay| *delay <= SECS_30));
        let low = delays.iter().filter(|delay| **delay < SECS_30 / 4).count();
        let high = delays.iter().filter(|delay| **delay > SECS_30 / 4 * 3).count();
        assert!(low > 150 && high > 150, "{low} low and {high} high of 1000");
    }

    #[test]
    fn without_jitter_delays_double_up_to_the_cap() {
        let delays: Vec<_> =
            Exponential::new().jitter(0.0).delays(0).take(7).map(|d| d.as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn delays_do_not_overflow() {
        let huge = Exponential::new().base(Duration::MAX).cap(Duration::MAX).jitter(0.0);
        assert_eq!(huge.check(), Ok(()));
        assert!(huge.delays(0).take(100).all(|delay| delay > SECS_30));
        let long = Exponential::new().factor(f64::MAX).delays(3).take(10_000);
        assert!(long.max().unwrap() <= SECS_30);
    }

    #[test]
    fn the_first_delay_can_be_spread_wider() {
        let firsts: Vec<_> = (0..1_000)
            .map(|seed| Exponential::new().first(SECS_30).delays(seed).next().unwrap())
            .collect();
        assert!(firsts.iter().filter(|first| **first > SECS_30 / 2).count() > 400);
        assert!(firsts.iter().filter(|first| **first < SECS_30 / 2).count() > 400);
    }

    /// A session holds the delays from an outage to the next loss of a stable connection.
    #[test]
    fn delays_take_at_most_64_bytes() {
        assert!(size_of::<ExponentialDelays>() <= 64);
    }

    #[test]
    fn the_seed_replaces_the_entropy() {
        let drawn =
            |policy: Exponential, entropy| policy.delays(entropy).take(4).collect::<Vec<_>>();
        let random = Exponential::new();
        assert_ne!(drawn(random, 1), drawn(random, 2));
        assert_eq!(drawn(random.seed(1), 2), drawn(random, 1));
    }

    #[test]
    fn invalid_values_are_refused_by_name() {
        let refused = |policy: Exponential| policy.check().unwrap_err().setting();
        assert_eq!(refused(Exponential::new().base(Duration::ZERO)), "backoff base");
        assert_eq!(refused(Exponential::new().cap(Duration::from_millis(1))), "backoff cap");
        assert_eq!(refused(Exponential::new().factor(f64::NAN)), "backoff factor");
        assert_eq!(refused(Exponential::new().factor(0.5)), "backoff factor");
        assert_eq!(refused(Exponential::new().jitter(f64::NAN)), "backoff jitter");
        assert_eq!(refused(Exponential::new().jitter(1.5)), "backoff jitter");
        assert_eq!(refused(Exponential::new().jitter(0.0).seed(1)), "backoff seed");
        assert_eq!(Exponential::new().jitter(0.0).first(SECS_30).seed(1).check(), Ok(()));
    }

    #[test]
    fn any_closure_is_a_backoff() {
        let backoff = || [1, 5].into_iter().map(Duration::from_secs);
        assert_eq!(backoff.delays(0).count(), 2);
        assert_eq!(Backoff::check(&backoff), Ok(()));
    }
}
