//! A clock that counts suspends of the computer.

use std::{sync::Arc, time::Duration};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::session::FleetClock;

/// On Linux the monotonic clock stands still in a suspend, and this one does not. Elsewhere it counts
/// suspends itself, or there is none that does.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

fn now() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(CLOCK);
    let seconds = Duration::from_secs(u64::try_from(tv_sec).unwrap_or_default());
    seconds + Duration::from_nanos(u64::try_from(tv_nsec).unwrap_or_default())
}

/// The time since this call.
#[must_use]
pub fn since_start() -> FleetClock {
    let start = now();
    FleetClock(Arc::new(move || now().saturating_sub(start)))
}
