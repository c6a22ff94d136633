//! [`Rng`]: seeded pseudo-random numbers.

use std::{ops::Range, time::Duration};

/// A small generator of pseudo-random numbers, SplitMix64. The same seed gives the same numbers on
/// every machine and in every version of this crate.
#[derive(Clone, Debug, Default)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, but not including, `bound`.
    ///
    /// # Panics
    ///
    /// If `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        // The bias of this method is below bound / 2^64.
        ((self.next_u64() as u128 * bound as u128) >> 64) as u64
    }

    /// Returns true with probability 1 / `n`.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub const fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A duration in this range, in whole milliseconds.
    ///
    /// # Panics
    ///
    /// If the range is shorter than a millisecond.
    pub fn duration(&mut self, range: Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start).as_millis();
        let span = u64::try_from(span).unwrap_or(u64::MAX);
        range.start + Duration::from_millis(self.below(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_published_sequence() {
        // The reference implementation's first three numbers for seed 1234567.
        let mut rng = Rng::new(1_234_567);
        let first = [rng.next_u64(), rng.next_u64(), rng.next_u64()];
        let published =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(first, published);
    }

    #[test]
    fn numbers_stay_in_their_ranges() {
        let mut rng = Rng::new(7);
        let range = Duration::from_secs(1)..Duration::from_secs(2);
        assert!((0..10_000).all(|_| rng.below(3) < 3));
        assert!((0..10_000).all(|_| range.contains(&rng.duration(range.clone()))));
        let hits = (0..10_000).filter(|_| rng.once_in(10)).count();
        assert!((800..1200).contains(&hits), "{hits}");
    }
}
