//! The blocks of subscriptions: [`Group`].

use crate::fleet::{Block, Kind, block_of};

/// Subscriptions whose owners change in the same way. Each group has its own blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// One owner, and two during a handover.
    Overlap,
    /// Two owners at all times.
    Twice,
    /// One owner, never two.
    Exclusive,
}

impl Group {
    /// The block of a subscription, if each group has this many.
    #[must_use]
    pub fn block(self, name: &str, blocks: u32) -> u32 {
        self as u32 * blocks + block_of(name, blocks)
    }

    /// How the owners of its blocks change.
    #[must_use]
    pub fn rules(self) -> Block {
        match self {
            Self::Overlap => Block { kind: Kind::Overlap, owners: 1 },
            Self::Twice => Block { kind: Kind::Overlap, owners: 2 },
            Self::Exclusive => Block { kind: Kind::Exclusive, owners: 1 },
        }
    }
}
