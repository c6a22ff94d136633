//! A third-party server, as a child process.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Report, Software, reservation::Reservation};

/// Where a server runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Site {
    host: String,
    namespace: Option<String>,
}

impl Site {
    /// The loopback interface.
    pub fn loopback() -> Self {
        Self { host: "127.0.0.1".to_owned(), namespace: None }
    }

    /// A network namespace in which `host` is an address.
    pub fn namespace(namespace: &str, host: &str) -> Self {
        Self { host: host.to_owned(), namespace: Some(namespace.to_owned()) }
    }

    fn command(&self, software: Software) -> Command {
        let plain = software.interpreter();
        let Some(namespace) = &self.namespace else { return plain };
        // `ip` replaces itself by the program, so the child's id is that of the server.
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(plain.get_program());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Peer {
    software: Software,
    site: Site,
    port: u16,
    child: Child,
    // The server ends when this is closed.
    _stdin: ChildStdin,
    reporter: UnboundedSender<Report>,
    reports: UnboundedReceiver<Report>,
    pending: VecDeque<Report>,
    /// Keeps the port while the process does not run.
    reservation: Option<Reservation>,
}

impl Peer {
    /// Starts an installed server on a free port of the loopback interface.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(software: Software) -> Self {
        Self::start_at(software, Site::loopback())
    }

    /// Starts an installed server at a site.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_at(software: Software, site: Site) -> Self {
        let (reporter, reports) = unbounded();
        let (child, stdin, port) = launch(software, &site, 0, reporter.clone());
        Self {
            software,
            site,
            port,
            child,
            _stdin: stdin,
            reporter,
            reports,
            pending: VecDeque::new(),
            reservation: None,
        }
    }

    /// The software of the server.
    pub fn software(&self) -> Software {
        self.software
    }

    /// The URL of a behaviour, such as `/echo`.
    pub fn url(&self, behaviour: &str) -> String {
        format!("ws://{}{behaviour}", self.address())
    }

    /// The address it listens on.
    pub fn address(&self) -> String {
        format!("{}:{}", self.site.host, self.port)
    }

    /// Waits for the first report of a kind that was not returned yet. Other reports stay for later
    /// calls.
    pub async fn reported(&mut self, kind: &str) -> Report {
        if let Some(at) = self.pending.iter().position(|report| report.kind() == kind) {
            return self.pending.remove(at).expect("an index just found");
        }
        loop {
            let report = self.reports.next().await.expect("this peer holds a sender");
            if report.kind() == kind {
                return report;
            }
            self.pending.push_back(report);
        }
    }

    /// All reports of a kind that have come and were not returned yet.
    pub fn take(&mut self, kind: &str) -> Vec<Report> {
        while let Ok(report) = self.reports.try_recv() {
            self.pending.push_back(report);
        }
        let all = std::mem::take(&mut self.pending).into_iter();
        let (taken, rest): (Vec<_>, Vec<_>) = all.partition(|report| report.kind() == kind);
        self.pending = rest.into();
        taken
    }

    /// Kills the process. Connections to its port are refused until [`restart`](Self::restart).
    ///
    /// # Panics
    ///
    /// When the port of a process on loopback is taken. In a namespace, nobody else takes it.
    pub fn kill(&mut self) {
        self.end();
        if self.site.namespace.is_none() {
            let address = self.address().parse().expect("an address");
            let reservation = Reservation::new(address).expect("the port of the killed process");
            self.reservation = Some(reservation);
        }
    }

    /// Starts a [killed](Self::kill) server again, on the same port.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn restart(&mut self) {
        let (child, stdin, port) =
            launch(self.software, &self.site, self.port, self.reporter.clone());
        assert_eq!(port, self.port);
        (self.child, self._stdin) = (child, stdin);
        self.reservation = None;
    }

    /// Suspends the process. The kernel keeps its TCP connections, but nothing is read or answered.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes a suspended process.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn end(&mut self) {
        self.child.kill().expect("kill a child");
        self.child.wait().expect("wait for a child");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signal a child");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.end();
    }
}

fn launch(
    software: Software,
    site: &Site,
    port: u16,
    reporter: UnboundedSender<Report>,
) -> (Child, ChildStdin, u16) {
    let mut command = site.command(software);
    command.arg(software.script()).args(["--host", &site.host, "--port", &port.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{software}: {error}"));
    let stdin = child.stdin.take().expect("a piped stdin");
    let mut lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
    let Some(listening) = next_report(&mut lines) else {
        panic!("{software} ended before it listened: {:?}", child.wait());
    };
    let port = listening.number("port").try_into().expect("a port");
    thread::spawn(move || {
        while let Some(report) = next_report(&mut lines) {
            // Fails only after the peer is dropped.
            let _ = reporter.unbounded_send(report);
        }
    });
    (child, stdin, port)
}

fn next_report(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Report> {
    lines.find_map(|line| Report::parse(&line.ok()?))
}
