//! [`Cuts`]: the sizes of the pieces in which bytes arrive.

/// A way to cut bytes into pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cuts {
    /// One piece.
    None,
    /// Pieces of one byte.
    Every,
    /// Pieces of 1 to 64 bytes by a random number with this state.
    Random(u64),
}

impl Cuts {
    /// No cuts, all cuts, and some cuts that depend on the data only.
    pub(crate) fn all(data: &[u8]) -> [Self; 3] {
        let hash = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        [Self::None, Self::Every, Self::Random(hash | 1)]
    }

    /// The size of the next piece.
    pub(crate) fn next(&mut self) -> usize {
        match self {
            Self::None => usize::MAX,
            Self::Every => 1,
            Self::Random(state) => {
                // xorshift64
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                (*state >> 32) as usize % 64 + 1
            }
        }
    }
}
