//! The outbox as three FIFO cursors: what was accepted, what was handed to the connection, what
//! has its fate. Payloads are the driver's; this is the arithmetic that must never be wrong.

/// A number of messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Load {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

impl Load {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    pub(crate) fn remove(&mut self, bytes: usize) {
        debug_assert!(self.count > 0 && self.bytes >= bytes, "a message has one fate");
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Both together.
    pub(crate) fn with(self, other: Self) -> Self {
        Self { count: self.count + other.count, bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// What is left of this bound.
    pub(crate) fn without(self, used: Self) -> Self {
        Self {
            count: self.count.saturating_sub(used.count),
            bytes: self.bytes.saturating_sub(used.bytes),
        }
    }

    /// Whether this bound, or what is left of it, has room for one more message of any size: so
    /// one that is larger than the bound is admitted alone.
    pub(crate) fn has_room(self) -> bool {
        self.count > 0 && self.bytes > 0
    }
}

/// The window that may be handed over before a flush must complete: only what is in it can become
/// Unknown. 256 messages or 64 KiB, whichever is first; one larger message goes alone.
pub(crate) const WINDOW: Load = Load { count: 256, bytes: 64 * 1024 };

/// The differences between the three cursors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cursors {
    /// Accepted, not handed over.
    queued: Load,
    /// Handed over, without a fate.
    handed: Load,
}

impl Cursors {
    pub(crate) fn queued(&self) -> Load {
        self.queued
    }

    pub(crate) fn handed(&self) -> Load {
        self.handed
    }

    /// All that has no fate yet.
    pub(crate) fn held(&self) -> Load {
        self.queued.with(self.handed)
    }

    /// A message of `bytes` was accepted.
    pub(crate) fn accept(&mut self, bytes: usize) {
        self.queued.add(bytes);
    }

    /// Whether the window has room for a message of `bytes`.
    pub(crate) fn may_hand(&self, bytes: usize) -> bool {
        self.handed.count == 0
            || (self.handed.count < WINDOW.count && self.handed.bytes + bytes <= WINDOW.bytes)
    }

    /// The oldest queued message was handed over.
    pub(crate) fn hand(&mut self, bytes: usize) {
        self.queued.remove(bytes);
        self.handed.add(bytes);
    }

    /// A queued message was dropped.
    pub(crate) fn drop_queued(&mut self, bytes: usize) {
        self.queued.remove(bytes);
    }

    /// A handed message has its fate: written or unknown.
    pub(crate) fn settle(&mut self, bytes: usize) {
        self.handed.remove(bytes);
    }

    /// A handed message is queued again, to be handed to the next connection.
    pub(crate) fn requeue(&mut self, bytes: usize) {
        self.handed.remove(bytes);
        self.queued.add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_takes_256_messages_or_64_kib_or_one_larger() {
        let mut cursors = Cursors::default();
        cursors.accept(1 << 20);
        assert!(cursors.may_hand(1 << 20));
        cursors.hand(1 << 20);
        assert!(!cursors.may_hand(0));
        cursors.settle(1 << 20);

        for _ in 0..256 {
            cursors.accept(1);
            assert!(cursors.may_hand(1));
            cursors.hand(1);
        }
        assert!(!cursors.may_hand(1));
        assert_eq!(cursors.held(), Load { count: 256, bytes: 256 });
    }

    #[test]
    fn invariant_13_every_message_accepted_ends_in_exactly_one_fate() {
        // Each message is in one place, whatever happens to it, and in none after its fate.
        let mut cursors = Cursors::default();
        for bytes in [1, 2, 3, 4] {
            cursors.accept(bytes);
        }
        cursors.hand(1);
        cursors.hand(2);
        cursors.drop_queued(4);
        cursors.settle(1);
        cursors.requeue(2);
        assert_eq!(cursors.queued(), Load { count: 2, bytes: 5 });
        assert_eq!(cursors.handed(), Load::default());
        assert_eq!(cursors.held(), cursors.queued());
        cursors.hand(2);
        cursors.hand(3);
        assert_eq!(cursors.held(), Load { count: 2, bytes: 5 });
        cursors.settle(2);
        cursors.settle(3);
        assert_eq!(cursors, Cursors::default());
    }
}
