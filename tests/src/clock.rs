//! Clocks of the system.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The system's monotonic clock, which is the same in all processes.
pub fn monotonic() -> Duration {
    read(ClockId::Monotonic)
}

/// The processor time of this thread.
pub fn thread_cpu_time() -> Duration {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().expect("the clock starts at zero")
}
