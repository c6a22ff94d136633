//! Signals that a program gets more than once for one cause.

use std::time::Duration;

use websocket_heartbeat_smol::Timestamp;

/// One cause can send several signals: `timeout` signals its program and then its group, and a
/// wrapper forwards the ctrl-C that its program also gets, sometimes as SIGTERM. These arrive within
/// a few milliseconds. A person needs more than this time to press a key again.
const ONE_CAUSE: Duration = Duration::from_millis(100);

/// Counts the causes.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    count: u32,
    last: Option<Timestamp>,
}

impl Repeats {
    /// The number of the cause from 1, or `None` if the signal has the cause of an earlier one.
    pub(crate) fn count(&mut self, now: Timestamp) -> Option<u32> {
        // Since the first signal of the cause, so that signals without a pause also count.
        if self.last.is_some_and(|last| now.saturating_since(last) < ONE_CAUSE) {
            return None;
        }
        self.last = Some(now);
        self.count += 1;
        Some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_within_a_tenth_of_a_second_count_once() {
        let mut repeats = Repeats::default();
        let mut count =
            |millis| repeats.count(Timestamp::from_epoch(Duration::from_millis(millis)));
        let counts = [0, 1, 99, 100, 150, 199, 200, 1_000].map(&mut count);
        assert_eq!(counts, [Some(1), None, None, Some(2), None, None, Some(3), Some(4)]);
    }
}
