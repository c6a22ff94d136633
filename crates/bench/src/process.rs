//! What a process asks of the system: a core of its own, file descriptors, an end, its own cost.

use std::{fs, time::Instant};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit},
    unistd::{Pid, alarm},
};

/// Which side of the line a process is; each has its own core where there are two.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

/// The cores this process may use.
pub(crate) fn cores() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0));
    (0..CpuSet::count())
        .filter(|&core| allowed.as_ref().is_ok_and(|set| set.is_set(core).unwrap_or(false)))
        .collect()
}

/// Binds this process to its side's core: the first one serves clients, the last one the server.
/// Does nothing where there is one core only, or where the system refuses.
pub(crate) fn pin(side: Side) {
    let cores = cores();
    let core = match side {
        Side::Client => cores.first(),
        Side::Server => cores.last(),
    };
    let mut set = CpuSet::new();
    if let Some(&core) = core
        && cores.len() > 1
        && set.set(core).is_ok()
    {
        // Refused in some sandboxes. The measurement is then noisier, not wrong.
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// Raises the soft limit of open files to the hard one. Where that is refused, as under valgrind,
/// only the cases of many connections can fail, and they say so.
pub(crate) fn raise_open_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Ends this process by signal after so many seconds: nothing here may hang.
pub(crate) fn end_after(seconds: u32) {
    alarm::set(seconds);
}

/// The processor time that this process has used so far, user and system, in nanoseconds.
pub(crate) fn cpu_nanos() -> u64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return 0 };
    let time = |value: nix::sys::time::TimeVal| {
        (value.tv_sec() as u64) * 1_000_000_000 + (value.tv_usec() as u64) * 1_000
    };
    time(usage.user_time()) + time(usage.system_time())
}

/// The resident memory of this process in bytes.
pub(crate) fn resident_bytes() -> u64 {
    const PAGE: u64 = 4096;
    fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages * PAGE)
}

/// The most resident memory that this process ever had, in bytes.
pub(crate) fn peak_bytes() -> u64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() as u64 * 1024)
}

/// Processor and wall-clock time since it was started.
#[derive(Debug)]
pub(crate) struct Meter {
    cpu: u64,
    wall: Instant,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { cpu: cpu_nanos(), wall: Instant::now() }
    }

    /// Processor nanoseconds and wall-clock nanoseconds so far.
    pub(crate) fn read(&self) -> (f64, f64) {
        ((cpu_nanos() - self.cpu) as f64, self.wall.elapsed().as_nanos() as f64)
    }
}
