//! The rules that hold in every state: [`Rule`].

/// A rule. The numbers are those of the invariants in `machine/mod.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Life,
    Clock,
    Busy,
    BackPressure,
    Stalled,
    Waits,
    Death,
    Stable,
    Will,
    Old,
    Late,
    Learning,
    Backward,
    Never,
    Grammar,
    Actions,
    Pace,
}

impl Rule {
    pub(crate) const ALL: [Self; 17] = [
        Self::Life,
        Self::Clock,
        Self::Busy,
        Self::BackPressure,
        Self::Stalled,
        Self::Waits,
        Self::Death,
        Self::Stable,
        Self::Will,
        Self::Old,
        Self::Late,
        Self::Learning,
        Self::Backward,
        Self::Never,
        Self::Grammar,
        Self::Actions,
        Self::Pace,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Life => "1: only a peer that did not prove life in time is lost for its silence",
            Self::Clock => "3: a deadline has no effect before its time",
            Self::Busy => "3: a deadline that is due is handled in a few calls",
            Self::BackPressure => "5: the peer is not judged by a time in which nothing was read",
            Self::Stalled => {
                "6: a write is lost as stalled if it has no progress in its time, and only then"
            }
            Self::Waits => "7: every wait has a deadline",
            Self::Death => "7: a dead connection is lost or reported in a bounded time",
            Self::Stable => "8: a stable connection, and nothing else, resets the attempt counter",
            Self::Will => "9: close and abort end the session in every state, without an attempt",
            Self::Old => "10: nothing of an old connection has an effect",
            Self::Late => {
                "11: a deadline first seen late ends no connection at once, and causes one probe"
            }
            Self::Learning => "a server that was not seen to answer is lost after three misses",
            Self::Backward => "12: an earlier time than the last has the effect of the last",
            Self::Never => "12: a time out of range is never",
            Self::Grammar => "the transitions match the grammar of events",
            Self::Actions => "the driver can carry out each action, on one connection",
            Self::Pace => "attempts keep their gap and their limits",
        }
    }
}

/// The rules that were broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broken(u32);

impl Broken {
    pub(crate) fn unless(&mut self, holds: bool, rule: Rule) {
        if !holds {
            self.0 |= 1 << rule as u32;
        }
    }

    pub(crate) fn contains(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u32) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
