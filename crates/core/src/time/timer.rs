//! What keeps time for a session: [`Timer`].

use std::future::Future;

use super::timestamp::Timestamp;

/// A clock and the means to wait for it.
///
/// The trait asks for no `Send`, `Sync` or `Unpin`: a supervisor is `Send` exactly when its
/// transport and its timer are.
pub trait Timer {
    /// A wait for one moment.
    ///
    /// It may finish late, and it may even finish early: the supervisor always compares the clock
    /// itself. It must wake the last task that polled it.
    type Sleep: Future<Output = ()>;

    /// The present moment. It never runs backward; where the clock below does, the supervisor
    /// keeps the larger reading.
    ///
    /// # Suspend
    ///
    /// Whether it goes on while the machine is suspended is the clock's own affair. The timers of
    /// the backends, and `FuturesTimer`, read [`std::time::Instant`], which today goes on with
    /// Windows and stands still with Linux, Android, macOS and iOS.
    ///
    /// Where it goes on, a deadline that passed in the meantime is seen late, and a late deadline
    /// never condemns: one probe with a short deadline is sent first. Where it stands still nothing
    /// can be seen at all, and what was left of each deadline runs on after the wake. There the
    /// program that learns of the wake should say so, by
    /// [`Handle::probe_now`](crate::Handle::probe_now); or it says
    /// [`pause`](crate::Handle::pause) before and [`resume`](crate::Handle::resume) after.
    fn now(&self) -> Timestamp;

    /// A future that finishes when the clock has reached `deadline`, at once if it already has.
    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep;
}

impl<K: Timer + ?Sized> Timer for &K {
    type Sleep = K::Sleep;

    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        (**self).sleep_until(deadline)
    }
}
