//! A child process, whose output goes into a file.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::time::wait_for;

/// A child process. Dropping it kills it, and waits for its end.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program. Standard output and error are appended to the file.
    pub(crate) fn start(name: &str, command: &mut Command, log: PathBuf) -> Self {
        let file = File::options().append(true).create(true).open(&log).expect("a log file");
        let copy = file.try_clone().expect("a descriptor");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(copy).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self { name: name.to_owned(), child, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file of its output. Earlier processes may have written to it as well.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal, if the process has not ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.has_ended().is_none() {
            kill_process(Pid::from_child(&self.child), signal).expect("a child can be signalled");
        }
    }

    /// Kills it, and waits for its end.
    pub(crate) fn kill(&mut self) {
        // An error says that it has ended.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be awaited");
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be awaited")
    }

    /// Waits until it ends by itself.
    pub(crate) async fn end(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("end of {}", self.name);
        let child = std::cell::RefCell::new(&mut self.child);
        wait_for(&what, limit, || {
            let status = child.borrow_mut().try_wait().expect("a child can be awaited");
            async move { status }
        })
        .await
    }

    /// The resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
        let kib: u64 =
            line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
        kib * 1024
    }

    /// The bytes that it has written to files. The kernel writes them to the disk later.
    pub(crate) fn written(&self) -> u64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.id())).expect("it runs");
        let bytes = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        bytes.and_then(|bytes| bytes.parse().ok()).expect("a number")
    }

    /// The time of the processor that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let fields: Vec<u64> = fields.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
        // User and system time, in hundredths of a second.
        Duration::from_millis((fields[11] + fields[12]) * 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<&str> = output.lines().collect();
            println!("--- the last lines of {}", self.name);
            for line in &lines[lines.len().saturating_sub(30)..] {
                println!("{line}");
            }
        }
    }
}
