//! Services of the system for a process: cores, limits, its costs, other programs, a folder for files.

use std::{
    env, fs, io,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit},
    unistd::{Pid, alarm},
};

/// The role of a process. Each role has its own core where there are two cores.
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

/// Binds this process to the core of its role: the first core for the client, the last core for the
/// server. Has no effect with only one core, or if the system refuses it.
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
        // Some sandboxes refuse it. The measurement is then noisier, but not wrong.
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// Raises the soft limit of open files to the hard limit. If that is refused, as under valgrind, only
/// the cases of many connections can fail, with an error.
pub(crate) fn raise_open_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Ends this process by a signal after this many seconds, so that no process hangs.
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

/// The peak of the resident memory of this process, in bytes.
pub(crate) fn peak_bytes() -> u64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() as u64 * 1024)
}

/// Measures processor and wall-clock time.
#[derive(Debug)]
pub(crate) struct Meter {
    cpu: u64,
    wall: Instant,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { cpu: cpu_nanos(), wall: Instant::now() }
    }

    /// The nanoseconds of processor time and of wall-clock time since the start.
    pub(crate) fn read(&self) -> (f64, f64) {
        ((cpu_nanos() - self.cpu) as f64, self.wall.elapsed().as_nanos() as f64)
    }
}

/// Whether a program can be started.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The folder of results and of programs that are installed on demand, in cargo's target folder.
pub(crate) fn output_folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?;
    let folder = target.join("side-by-side");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
