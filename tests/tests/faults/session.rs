//! A session in its own process, which is the binary `watch`.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use futures::executor::block_on;
use rustix::process::{Pid, Signal, kill_process};
use websocket_heartbeat_tests::{Network, Peer, Report};

use crate::{
    detection::Times,
    ledger::{Tally, settle},
    outcome::Stop,
};

/// The session. Its process is killed when it is dropped.
pub(crate) struct Session {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    reports: Vec<Report>,
    sent: u64,
}

impl Session {
    /// In the client's namespace of a network.
    pub(crate) fn inside(network: &Network, backend: &str, url: &str, times: Times) -> Self {
        let mut command = Command::new("ip");
        // `ip` replaces itself by the program, so the child's id is that of the session.
        command.args(["netns", "exec", network.client(), WATCH]);
        Self::start(command, backend, url, times)
    }

    /// On this host.
    pub(crate) fn on_loopback(backend: &str, url: &str, times: Times) -> Self {
        Self::start(Command::new(WATCH), backend, url, times)
    }

    fn start(mut command: Command, backend: &str, url: &str, times: Times) -> Self {
        let millis = |time: Duration| time.as_millis().to_string();
        command.args([backend, url]).args([millis(times.idle), millis(times.timeout)]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let stdin = child.stdin.take().expect("a piped stdin");
        let lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        Self { child, stdin, lines, reports: Vec::new(), sent: 0 }
    }

    /// The next report of a kind.
    pub(crate) fn wait_for(&mut self, kind: &str) -> Report {
        loop {
            let line = self.lines.next().expect("it runs until it is closed").expect("a line");
            let report = Report::parse(&line).expect("a report");
            self.reports.push(report.clone());
            if report.kind() == kind {
                return report;
            }
        }
    }

    /// The next loss of an open connection, which must not be before the fault at `fault`.
    pub(crate) fn lost_after(&mut self, fault: Duration) -> Result<Report, Stop> {
        loop {
            let lost = self.wait_for("lost");
            match (lost.is("opened"), lost.micros("at_us") >= fault) {
                (true, true) => return Ok(lost),
                (true, false) => return Err(Stop::Early),
                (false, _) => {}
            }
        }
    }

    /// Waits until a connection is open after a loss, and returns the number of attempts.
    pub(crate) fn recovered(&mut self, lost: &Report) -> u64 {
        self.wait_for("open").number("connection") - lost.number("connection")
    }

    /// The losses of open connections so far.
    pub(crate) fn losses(&self) -> Vec<&Report> {
        self.reports
            .iter()
            .filter(|report| report.kind() == "lost" && report.is("opened"))
            .collect()
    }

    /// Queues messages of this size.
    pub(crate) fn send(&mut self, count: u64, bytes: u64) {
        self.sent += count;
        writeln!(self.stdin, "send {count} {bytes}").expect("a reader");
    }

    /// Waits until the fates of all messages are known.
    pub(crate) fn settled(&mut self) {
        let known = self.reports.iter().filter(|report| report.kind() == "fate").count() as u64;
        for _ in known..self.sent {
            self.wait_for("fate");
        }
    }

    /// Suspends the process, or resumes it. Its kernel still answers.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signal a child");
    }

    /// Closes the session with a close frame, and settles its account with the server. `received` are
    /// the messages whose reports were read.
    pub(crate) fn close(mut self, peer: &mut Peer, mut received: Vec<u64>) -> Tally {
        self.end();
        // The client's frame says 1000. The reports of its messages come before it.
        while block_on(peer.reported("closed")).number("code") != NORMAL {}
        received.extend(peer.take("received").iter().map(|report| report.number("number")));
        settle(&self.reports, self.sent, &received)
    }

    /// The same with the numbers that a server received until its last connection was closed.
    pub(crate) fn close_with(mut self, received: impl FnOnce() -> Vec<u64>) -> Tally {
        self.end();
        settle(&self.reports, self.sent, &received())
    }

    fn end(&mut self) {
        writeln!(self.stdin, "close").expect("a reader");
        let end = self.wait_for("end");
        assert_eq!(self.reports.last().map(Report::kind), Some(end.kind()));
        let closed = self.reports.iter().find(|report| report.kind() == "closed");
        assert_eq!(closed.expect("it is closed").text("reason"), "user");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.child.kill().expect("kill a child");
        self.child.wait().expect("wait for a child");
    }
}

const WATCH: &str = env!("CARGO_BIN_EXE_watch");

/// The close code of a session that is closed by its user.
const NORMAL: u64 = 1000;
