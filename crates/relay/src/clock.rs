//! A clock that counts suspends of the computer.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

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
pub fn since_start() -> impl Fn() -> Duration + Send + 'static {
    let start = now();
    move || now().saturating_sub(start)
}
