//! Links that are cut without FIN or RST: the supervisor has to detect the dead connection in time and
//! to reconnect.
//!
//! Each test runs once by default. `HALF_OPEN_RUNS=20` in the environment sets another number, and
//! prints a table of detection times.
#![cfg(target_os = "linux")]

use std::{
    env,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use futures::executor::block_on;
use websocket_heartbeat_tests::{
    Backend, Cut, Network, Peer, Report, Site, Software, monotonic, over_every_backend, run_alone,
    skip, title, with_time_limit,
};

over_every_backend! {
    run_alone;
    a_quiet_connection_that_is_cut_is_lost
    a_busy_connection_that_is_cut_is_lost
    a_quiet_connection_that_is_cut_to_the_server_is_lost
    a_busy_connection_that_is_cut_to_the_client_is_lost
}

fn a_quiet_connection_that_is_cut_is_lost<B: Backend>() {
    run::<B>(Traffic::Quiet, Cut::Both);
}

fn a_busy_connection_that_is_cut_is_lost<B: Backend>() {
    run::<B>(Traffic::Busy, Cut::Both);
}

fn a_quiet_connection_that_is_cut_to_the_server_is_lost<B: Backend>() {
    run::<B>(Traffic::Quiet, Cut::ToServer);
}

fn a_busy_connection_that_is_cut_to_the_client_is_lost<B: Backend>() {
    run::<B>(Traffic::Busy, Cut::ToClient);
}

const IDLE: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_millis(200);
const TOLERANCE: Duration = Duration::from_millis(100);

/// How often a connection may be lost before it is cut, because the machine is too slow for the
/// heartbeat.
const MAX_EARLY_LOSSES: usize = 20;

/// The frames on the connection when it is cut.
#[derive(Clone, Copy, Debug)]
enum Traffic {
    /// Pings and pongs only.
    Quiet,
    /// A message from the server every 20 ms.
    Busy,
}

impl Traffic {
    fn behaviour(self) -> &'static str {
        match self {
            Self::Quiet => "/silent",
            Self::Busy => "/ticks?every=20",
        }
    }
}

fn run<B: Backend>(traffic: Traffic, cut: Cut) {
    let name = title::<B>(&format!("{traffic:?} connection cut {cut}"));
    if let Err(reason) = Software::NodeWs.install() {
        return skip(&name, &reason);
    }
    let network = match Network::new() {
        Ok(network) => Arc::new(network),
        Err(reason) => return skip(&name, &reason),
    };
    let runs = env::var("HALF_OPEN_RUNS").map_or(1, |runs| runs.parse().expect("a number"));
    let mut detections = Vec::new();
    for _ in 0..runs {
        let network = network.clone();
        detections.push(with_time_limit(&name, move || detect(&network, traffic, cut, B::NAME)));
    }
    if runs > 1 {
        print_table(&name, detections);
    }
}

/// Cuts the connection of one session, and returns the time from the last frame to the loss.
fn detect(network: &Network, traffic: Traffic, cut: Cut, backend: &str) -> Duration {
    let site = Site::namespace(network.server(), Network::SERVER);
    let mut peer = Peer::start_at(Software::NodeWs, site);
    let mut watch = Watch::start(network, backend, &peer.url(traffic.behaviour()));
    let (cut_at, lost, last_message) = (0..MAX_EARLY_LOSSES)
        .find_map(|_| {
            establish(&mut watch, &mut peer, traffic);
            network.cut(cut);
            let cut_at = monotonic();
            let (lost, last_message) = watch.wait_for_loss();
            if micros(&lost, "at_us") < cut_at {
                network.heal();
                return None;
            }
            Some((cut_at, lost, last_message))
        })
        .expect("the machine is fast enough for the heartbeat");
    assert!(network.counted() > 0, "the cut dropped no packet");
    assert_eq!(lost.text("cause"), "heartbeat_timeout");

    let silence = micros(&lost, "silence_us");
    let stall = micros(&lost, "stall_us");
    // The probe, the verdict and its report may each be late by a stall. After a stall longer than the
    // timeout the supervisor sends one more probe.
    let second_probe = if stall > TIMEOUT { TIMEOUT } else { Duration::ZERO };
    let limit = IDLE + TIMEOUT + TOLERANCE + stall * 3 + second_probe;
    assert!(silence >= IDLE + TIMEOUT, "lost after only {silence:?}");
    assert!(silence <= limit, "detected after {silence:?}, with a stall of {stall:?}");
    // The same by the clock of this process.
    let at = micros(&lost, "at_us");
    if matches!(cut, Cut::Both | Cut::ToClient) {
        let since_cut = at.saturating_sub(cut_at);
        assert!(since_cut <= limit, "reported {since_cut:?} after the cut, stall of {stall:?}");
    }
    if let Some(last) = last_message {
        let since_message = at - last;
        assert!(since_message <= limit, "reported {since_message:?} after the last message");
    }

    network.heal();
    assert!(watch.wait_for("open").number("connection") > 1);
    if let Traffic::Busy = traffic {
        watch.wait_for("message");
    }
    silence
}

/// Waits until a connection is open and has traffic.
fn establish(watch: &mut Watch, peer: &mut Peer, traffic: Traffic) {
    watch.wait_for("open");
    match traffic {
        // The second ping follows the pong to the first one.
        Traffic::Quiet => {
            for _ in 0..2 {
                block_on(peer.reported("ping"));
            }
        }
        Traffic::Busy => {
            for _ in 0..20 {
                watch.wait_for("message");
            }
        }
    }
}

fn micros(report: &Report, field: &str) -> Duration {
    Duration::from_micros(report.number(field))
}

fn print_table(title: &str, mut detections: Vec<Duration>) {
    detections.sort_unstable();
    let [min, .., max] = detections[..] else { unreachable!("more than one run") };
    let median = detections[detections.len() / 2];
    let line = format!(
        "{title}: {} runs, detected after min {min:.1?}, median {median:.1?}, max {max:.1?}\n",
        detections.len()
    );
    // Not `eprintln!`, which the test harness captures.
    std::io::stderr().write_all(line.as_bytes()).expect("stderr");
}

/// A session in a separate process, in the client's namespace.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    fn start(network: &Network, backend: &str, url: &str) -> Self {
        let millis = |time: Duration| time.as_millis().to_string();
        let mut child = Command::new("ip")
            .args(["netns", "exec", network.client(), env!("CARGO_BIN_EXE_watch"), backend, url])
            .args([millis(IDLE), millis(TIMEOUT)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ip was started before");
        let lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Report {
        let line = self.lines.next().expect("it runs until it is dropped").expect("a line");
        Report::parse(&line).expect("a report")
    }

    /// The next loss, and the time of the last message before it.
    fn wait_for_loss(&mut self) -> (Report, Option<Duration>) {
        let mut last_message = None;
        loop {
            let report = self.next();
            match report.kind() {
                "lost" => return (report, last_message),
                "message" => last_message = Some(micros(&report, "at_us")),
                _ => {}
            }
        }
    }

    fn wait_for(&mut self, kind: &str) -> Report {
        loop {
            let report = self.next();
            if report.kind() == kind {
                return report;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.child.kill().expect("kill a child");
        self.child.wait().expect("wait for a child");
    }
}
