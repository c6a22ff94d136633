//! Written messages that the peer may not have read: [`KeepUnproven`], [`Unproven`].

use std::{collections::VecDeque, fmt};

use crate::{
    error::{ConfigError, ensure},
    message::Message,
};

/// The setting of [`OutboxSettings::keep_unproven`](super::OutboxSettings::keep_unproven).
#[derive(Clone, Copy)]
pub(crate) struct KeepUnproven {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    make: fn(count: usize, bytes: usize) -> Box<dyn Unproven>,
}

impl KeepUnproven {
    pub(super) const fn new(count: usize, bytes: usize) -> Self {
        Self { count, bytes, make: Ring::boxed }
    }

    pub(super) fn check(self) -> Result<(), ConfigError> {
        let rule = "must be at least 1";
        ensure(self.count > 0, "number of unproven messages to keep", self.count, rule)?;
        ensure(self.bytes > 0, "bytes of unproven messages to keep", self.bytes, rule)
    }

    /// The part of a session that keeps the messages.
    pub(crate) fn make(self) -> Box<dyn Unproven> {
        (self.make)(self.count, self.bytes)
    }
}

impl PartialEq for KeepUnproven {
    fn eq(&self, other: &Self) -> bool {
        (self.count, self.bytes) == (other.count, other.bytes)
    }
}

impl Eq for KeepUnproven {}

impl fmt::Debug for KeepUnproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, bytes, .. } = self;
        f.debug_struct("KeepUnproven").field("count", count).field("bytes", bytes).finish()
    }
}

/// The messages that were written since the last message that is proven to be read.
///
/// It is an optional part, see ARCHITECTURE: only `OutboxSettings::keep_unproven` makes one. It is
/// used under a lock, so it drops no message.
pub(crate) trait Unproven: Send {
    /// A message is written. Messages beyond the bound are moved to `beyond`.
    fn written(&mut self, message: Message, beyond: &mut VecDeque<Message>);

    /// A ping is written behind these messages.
    fn ping_written(&mut self);

    /// The last ping was answered. Returns the messages that are proven.
    fn ping_answered(&mut self) -> Vec<Message>;

    /// The connection has ended. Returns its unproven messages in order, and the number of older
    /// ones that were beyond the bound.
    fn take(&mut self) -> (Vec<Message>, u64);
}

/// The newest messages within a bound. Messages are numbered in the order in which they are written.
#[derive(Default)]
struct Ring {
    count: usize,
    bytes: usize,
    messages: VecDeque<Message>,
    /// Bytes of these messages.
    held: usize,
    /// The number of the next message.
    next: u64,
    /// The messages below this number were written before the last ping.
    pinged: u64,
    /// The messages below this number are proven, or were taken.
    proven: u64,
}

impl Ring {
    fn boxed(count: usize, bytes: usize) -> Box<dyn Unproven> {
        Box::new(Self { count, bytes, ..Self::default() })
    }

    /// The number of the oldest message that is kept.
    fn first(&self) -> u64 {
        self.next - self.messages.len() as u64
    }
}

impl Unproven for Ring {
    fn written(&mut self, message: Message, beyond: &mut VecDeque<Message>) {
        self.held += message.len();
        self.next += 1;
        self.messages.push_back(message);
        // The newest message is kept in any case.
        while self.messages.len() > 1
            && (self.messages.len() > self.count || self.held > self.bytes)
            && let Some(oldest) = self.messages.pop_front()
        {
            self.held -= oldest.len();
            beyond.push_back(oldest);
        }
    }

    fn ping_written(&mut self) {
        self.pinged = self.next;
    }

    fn ping_answered(&mut self) -> Vec<Message> {
        self.proven = self.pinged;
        let proven = self.proven.saturating_sub(self.first());
        let count = usize::try_from(proven).unwrap_or(usize::MAX).min(self.messages.len());
        let proven: Vec<_> = self.messages.drain(..count).collect();
        self.held -= proven.iter().map(Message::len).sum::<usize>();
        // Releases the memory of a burst, since there may be thousands of idle sessions.
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
        }
        proven
    }

    fn take(&mut self) -> (Vec<Message>, u64) {
        let beyond = self.first().saturating_sub(self.proven);
        self.held = 0;
        self.pinged = self.next;
        self.proven = self.next;
        (std::mem::take(&mut self.messages).into(), beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes these texts. Returns those that fell out.
    fn write(ring: &mut Ring, texts: &[&str]) -> Vec<String> {
        let mut beyond = VecDeque::new();
        for text in texts {
            ring.written(Message::from(*text), &mut beyond);
        }
        shown(beyond)
    }

    fn shown(messages: impl IntoIterator<Item = Message>) -> Vec<String> {
        messages.into_iter().map(|message| message.as_text().unwrap().to_owned()).collect()
    }

    fn ring(count: usize, bytes: usize) -> Ring {
        Ring { count, bytes, ..Ring::default() }
    }

    #[test]
    fn an_answered_ping_proves_the_messages_before_it() {
        let mut ring = ring(10, 100);
        write(&mut ring, &["a", "b"]);
        ring.ping_written();
        write(&mut ring, &["c"]);
        assert_eq!(shown(ring.ping_answered()), ["a", "b"]);
        assert_eq!(shown(ring.ping_answered()), [""; 0]);
        write(&mut ring, &["d"]);
        let (messages, beyond) = ring.take();
        assert_eq!((shown(messages), beyond), (vec!["c".to_owned(), "d".to_owned()], 0));
        assert_eq!(ring.take(), (vec![], 0));
    }

    #[test]
    fn the_oldest_messages_fall_out_and_are_counted_until_they_are_proven() {
        let mut ring = ring(2, 100);
        assert_eq!(write(&mut ring, &["a", "b", "c", "d"]), ["a", "b"]);
        ring.ping_written();
        assert_eq!(write(&mut ring, &["e"]), ["c"]);
        // The ping proves a, b and c, too.
        assert_eq!(shown(ring.ping_answered()), ["d"]);
        assert_eq!(write(&mut ring, &["f", "g", "h"]), ["e", "f"]);
        let (messages, beyond) = ring.take();
        assert_eq!((shown(messages), beyond), (vec!["g".to_owned(), "h".to_owned()], 2));
    }

    #[test]
    fn bytes_are_bounded_and_one_message_is_kept_in_any_case() {
        let mut ring = ring(10, 5);
        assert_eq!(write(&mut ring, &["aa", "bb", "cc"]), ["aa"]);
        assert_eq!(write(&mut ring, &["long message"]), ["bb", "cc"]);
        assert_eq!(write(&mut ring, &["d"]), ["long message"]);
        assert_eq!((ring.held, ring.messages.len()), (1, 1));
    }
}
