//! The clock that all processes of a machine share.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The system's monotonic clock, the same in all processes.
pub fn monotonic() -> Duration {
    clock_gettime(ClockId::Monotonic).try_into().expect("it starts at zero")
}
