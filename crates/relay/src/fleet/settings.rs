//! The times of a fleet: [`Settings`].

use std::time::Duration;

/// The times of a fleet. All workers of a fleet need the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The time between two beats of a worker. 0.5 s: three can be lost before a suspicion.
    pub beat: Duration,
    /// A worker is suspected after this silence. 2 s: an `overlap` subscription is then taken over.
    pub suspicion: Duration,
    /// The time between two renewals of a lease. 2 s: five can fail before the fence.
    pub renewal: Duration,
    /// An owner stops this long after it sent its last successful renewal. 11 s: more than the longest
    /// election of NATS that was measured (7.5 s), and 4 s less than the lease, for clocks that run
    /// at different speeds.
    pub fence: Duration,
    /// The age at which the store deletes a lease. 15 s.
    pub lease: Duration,
    /// Between living workers nothing is moved until no worker has appeared for this time. 5 s.
    pub settling: Duration,
    /// Between living workers a block is moved at the earliest this long after it was taken. 60 s.
    pub stay: Duration,
    /// A new owner of an `overlap` block counts as ready after this time at the latest. 15 s.
    pub handover: Duration,
    /// A worker that drains closes its last subscriptions after this time. 30 s.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            beat: Duration::from_millis(500),
            suspicion: Duration::from_secs(2),
            renewal: Duration::from_secs(2),
            fence: Duration::from_secs(11),
            lease: Duration::from_secs(15),
            settling: Duration::from_secs(5),
            stay: Duration::from_secs(60),
            handover: Duration::from_secs(15),
            drain: Duration::from_secs(30),
        }
    }
}
