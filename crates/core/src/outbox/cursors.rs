//! The three cursors of the outbox: messages accepted, handed to the connection, and with a fate.
//! They only count: [`Cursors`] holds the differences between them.

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

    /// Returns the sum.
    pub(crate) fn with(self, other: Self) -> Self {
        Self { count: self.count + other.count, bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// Returns the rest of this bound after `used`.
    pub(crate) fn without(self, used: Self) -> Self {
        Self {
            count: self.count.saturating_sub(used.count),
            bytes: self.bytes.saturating_sub(used.bytes),
        }
    }

    /// Returns whether this bound, or the rest of it, has room for one more message of any size. So a
    /// message that is larger than the bound is admitted alone.
    pub(crate) fn has_room(self) -> bool {
        self.count > 0 && self.bytes > 0
    }
}

/// The window: the messages that may be handed over before a flush must complete. Only they can
/// become unknown. 256 messages or 64 KiB, whichever is reached first; a larger message goes alone.
pub(crate) const WINDOW: Load = Load { count: 256, bytes: 64 * 1024 };

/// The differences between the three cursors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cursors {
    /// Accepted and not handed over.
    pub(super) queued: Load,
    /// Handed over and without a fate.
    pub(super) handed: Load,
}

impl Cursors {
    /// Returns the load of all messages without a fate.
    pub(crate) fn held(&self) -> Load {
        self.queued.with(self.handed)
    }

    /// Returns whether the window has room for a message of `bytes`.
    pub(crate) fn may_hand(&self, bytes: usize) -> bool {
        self.handed.count == 0
            || (self.handed.count < WINDOW.count && self.handed.bytes + bytes <= WINDOW.bytes)
    }

    /// The oldest queued message was handed over.
    pub(crate) fn hand(&mut self, bytes: usize) {
        self.queued.remove(bytes);
        self.handed.add(bytes);
    }

    /// A message that was handed over is queued again.
    pub(crate) fn requeue(&mut self, bytes: usize) {
        self.handed.remove(bytes);
        self.queued.add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_256_messages_or_64_kib_or_one_message() {
        let mut cursors = Cursors::default();
        cursors.queued.add(1 << 20);
        assert!(cursors.may_hand(1 << 20));
        cursors.hand(1 << 20);
        assert!(!cursors.may_hand(0));
        cursors.handed.remove(1 << 20);

        for _ in 0..256 {
            cursors.queued.add(1);
            assert!(cursors.may_hand(1));
            cursors.hand(1);
        }
        assert!(!cursors.may_hand(1));
        assert_eq!(cursors.held(), Load { count: 256, bytes: 256 });
    }

    #[test]
    fn invariant_13_every_message_accepted_ends_in_exactly_one_fate() {
        // Each message is counted once until it has its fate, and not after that.
        let mut cursors = Cursors::default();
        for bytes in [1, 2, 3, 4] {
            cursors.queued.add(bytes);
        }
        cursors.hand(1);
        cursors.hand(2);
        cursors.queued.remove(4);
        cursors.handed.remove(1);
        cursors.requeue(2);
        assert_eq!(cursors.queued, Load { count: 2, bytes: 5 });
        assert_eq!(cursors.handed, Load::default());
        assert_eq!(cursors.held(), cursors.queued);
        cursors.hand(2);
        cursors.hand(3);
        assert_eq!(cursors.held(), Load { count: 2, bytes: 5 });
        cursors.handed.remove(2);
        cursors.handed.remove(3);
        assert_eq!(cursors, Cursors::default());
    }
}
