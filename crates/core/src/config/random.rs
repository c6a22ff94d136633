//! Random numbers for jitter: [`Random`].

use std::time::Duration;

use crate::time::from_seconds;

/// The generator SplitMix64. It is random enough to keep clients apart, and repeatable from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The same numbers each time.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 90 to 100 % of a time.
    pub(crate) fn shorten(&mut self, time: Duration) -> Duration {
        // A subtraction and not one product: a factor that rounds to 1 would overflow for the
        // longest time.
        time.saturating_sub(from_seconds(time.as_secs_f64() * 0.1 * self.unit()))
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_survives_being_shortened_by_nothing() {
        // SplitMix64 maps 0 to 0.
        let mut zero = Random { state: 0_u64.wrapping_sub(0x9e37_79b9_7f4a_7c15) };
        assert_eq!(zero.shorten(Duration::MAX), Duration::MAX);
        let shortened = zero.shorten(Duration::from_secs(100));
        assert!((90..100).contains(&shortened.as_secs()), "{shortened:?}");
    }
}
