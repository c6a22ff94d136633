//! The clock of a session: [`Timer`].

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use std::hash::{BuildHasher, RandomState};
use std::{future::Future, time::Duration};

use super::timestamp::Timestamp;

/// A clock, and sleeps that end when the clock reaches a deadline.
///
/// The trait does not require `Send`, `Sync` or `Unpin`. A supervisor is `Send` if its transport and
/// its timer are.
///
/// The crate `websocket-heartbeat-conformance` has a test for each sentence of the contract.
///
/// # Contract
///
/// - The clock does not go backward.
/// - A sleep is ready when the clock has reached its deadline: at once if it already has. It may be
///   late, and even early, since the supervisor reads the clock itself.
/// - A sleep wakes the task that polled it last.
/// - The numbers of [`entropy`](Self::entropy) differ.
///
/// # Examples
///
/// A timer over a function of a runtime that returns a boxed sleep:
///
/// ```
/// use std::{future::Future, pin::Pin, time::{Duration, Instant}};
/// use websocket_heartbeat::{Timer, Timestamp};
///
/// struct MyTimer {
///     epoch: Instant,
///     sleep: fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>,
/// }
///
/// impl Timer for MyTimer {
///     type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;
///
///     fn now(&self) -> Timestamp {
///         Timestamp::from_epoch(self.epoch.elapsed())
///     }
///
///     fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
///         (self.sleep)(deadline.saturating_since(self.now()))
///     }
/// }
/// ```
pub trait Timer {
    /// A future that is ready at a deadline.
    ///
    /// It may be late, and it may even be early, since the supervisor always reads the clock itself.
    /// It must wake the task that polled it last.
    type Sleep: Future<Output = ()>;

    /// Returns the current time. It should never go backward; if it does, the supervisor uses the
    /// largest time that it has seen.
    ///
    /// # Suspend
    ///
    /// While the machine is suspended, a clock may continue or stop. The timers of the backends and
    /// `FuturesTimer` read [`std::time::Instant`]. Today that clock continues on Windows, and stops
    /// on Linux, Android, macOS and iOS.
    ///
    /// If the clock continues, deadlines that passed during the suspend are noticed late. A late
    /// deadline alone does not end a connection: a probe with a short deadline is sent first. If the
    /// clock stops, the suspend cannot be noticed, and each deadline keeps its remaining time. A
    /// program that learns of the wake-up should then call
    /// [`Handle::probe_now`](crate::Handle::probe_now), or call [`pause`](crate::Handle::pause)
    /// before the suspend and [`resume`](crate::Handle::resume) after it.
    fn now(&self) -> Timestamp;

    /// Returns a future that is ready when the clock has reached `deadline`: at once if it already
    /// has.
    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep;

    /// Returns a future that is ready after `duration`, and no later than at the last representable
    /// time of the clock.
    fn sleep(&self, duration: Duration) -> Self::Sleep {
        let now = self.now();
        self.sleep_until(now.checked_add(duration).unwrap_or(Timestamp::from_epoch(Duration::MAX)))
    }

    /// Returns a random number that differs in each session and in each process. It is the seed of
    /// all random times of a session: the delays of [`Exponential`](crate::Exponential) and the
    /// share by which [`Builder::max_age`](crate::Builder::max_age) is shortened. If all clients of
    /// a server drew the same times, they would return to the server at the same moments.
    ///
    /// [`Builder::build`](crate::Builder::build) calls it once. The number need not be secret.
    ///
    /// By default it comes from the standard library. On `wasm32-unknown-unknown` the standard
    /// library has no random numbers: they would be the same in every page load. So there is no
    /// default on that target, and a timer without this method does not compile there.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    fn entropy(&self) -> u64 {
        // The keys of the hasher are random in each process and different in each call.
        RandomState::new().hash_one(0_u8)
    }

    /// Returns a random number that differs in each session and in each page load, for example
    /// from `Math.random`. It is the seed of all random times of a session: the delays of
    /// [`Exponential`](crate::Exponential) and the share by which
    /// [`Builder::max_age`](crate::Builder::max_age) is shortened. On this target the standard
    /// library has no random numbers, so there is no default.
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    fn entropy(&self) -> u64;
}

impl<K: Timer + ?Sized> Timer for &K {
    type Sleep = K::Sleep;

    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        (**self).sleep_until(deadline)
    }

    fn entropy(&self) -> u64 {
        (**self).entropy()
    }
}
