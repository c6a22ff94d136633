//! Links that die in silence: a live TCP connection is cut without FIN or RST, and the supervisor
//! has to notice in time and to come back.
//!
//! One run of each by default; with `HALF_OPEN_RUNS=20` in the environment that many, and a table
//! of detection times.
#![cfg(target_os = "linux")]

use std::{
    env,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::executor::block_on;
use websocket_heartbeat_tests::{
    AsyncStd, Backend, Cut, Network, Peer, Report, Site, Smol, Software, Tokio, guarded, monotonic,
    skip,
};

const IDLE: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_millis(200);
const TOLERANCE: Duration = Duration::from_millis(100);

/// What goes over the line when it is cut.
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

macro_rules! cuts {
    ($($name:ident: $traffic:ident $cut:ident;)*) => {
        cuts! { @over smol Smol [$($name $traffic $cut)*] }
        cuts! { @over async_std AsyncStd [$($name $traffic $cut)*] }
        cuts! { @over tokio Tokio [$($name $traffic $cut)*] }
    };
    (@over $module:ident $backend:ident [$($name:ident $traffic:ident $cut:ident)*]) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    super::run::<super::$backend>(super::Traffic::$traffic, super::Cut::$cut);
                }
            )*
        }
    };
}

cuts! {
    a_quiet_line: Quiet Both;
    a_busy_line: Busy Both;
    a_quiet_line_deaf_to_us: Quiet ToServer;
    a_busy_line_mute_to_us: Busy ToClient;
}

fn run<B: Backend>(traffic: Traffic, cut: Cut) {
    // One at a time: these measure real time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);

    let name = format!("half-open {traffic:?} line cut {cut} over {}", B::NAME);
    let software = Software::NodeWs;
    if let Err(reason) = software.install() {
        return skip(&name, reason);
    }
    let network = match Network::new() {
        Ok(network) => network,
        Err(reason) => return skip(&name, &reason),
    };
    let network = Arc::new(network);
    let runs = env::var("HALF_OPEN_RUNS").map_or(1, |runs| runs.parse().expect("a number"));
    let mut detections = Vec::new();
    for _ in 0..runs {
        let network = network.clone();
        detections.push(guarded(&name, move || detect(&network, software, traffic, cut, B::NAME)));
    }
    if runs > 1 {
        print_table(&name, detections);
    }
}

/// Cuts the line of one session, and tells the time from the last frame to the loss.
fn detect(
    network: &Network,
    software: Software,
    traffic: Traffic,
    cut: Cut,
    backend: &str,
) -> Duration {
    let site = Site::namespace(network.server(), Network::SERVER);
    let mut peer = Peer::start_at(software, site);
    let mut watch = Watch::start(network, backend, &peer.url(traffic.behaviour()));
    watch.wait_for("open");
    match traffic {
        // The second ping follows the first one's pong.
        Traffic::Quiet => {
            for _ in 0..2 {
                block_on(peer.reported(|report| report.what() == "ping"));
            }
        }
        Traffic::Busy => {
            for _ in 0..20 {
                watch.wait_for("message");
            }
        }
    }

    network.cut(cut);
    let dead = monotonic();
    let mut last_message = None;
    let lost = loop {
        let report = watch.next();
        match report.what() {
            "lost" => break report,
            "message" => last_message = Some(micros(&report, "at_us")),
            _ => {}
        }
    };
    assert!(network.counted() > 0, "the cut has cut nothing");
    assert_eq!(lost.text("cause"), "heartbeat_timeout");

    let silence = micros(&lost, "silence_us");
    let stall = micros(&lost, "stall_us");
    let limit = IDLE + TIMEOUT + TOLERANCE + stall;
    assert!(silence >= IDLE + TIMEOUT, "condemned after only {silence:?}");
    assert!(silence <= limit, "noticed after {silence:?}, with a stall of {stall:?}");
    // The same without believing the supervisor.
    let at = micros(&lost, "at_us");
    if matches!(cut, Cut::Both | Cut::ToClient) {
        let since_cut = at.saturating_sub(dead);
        assert!(since_cut <= limit, "told {since_cut:?} after the cut, with a stall of {stall:?}");
    }
    if let Some(last) = last_message {
        let since_message = at - last;
        assert!(since_message <= limit, "told {since_message:?} after the last message");
    }

    network.heal();
    assert!(watch.wait_for("open").number("connection") > 1);
    if let Traffic::Busy = traffic {
        watch.wait_for("message");
    }
    silence
}

fn micros(report: &Report, field: &str) -> Duration {
    Duration::from_micros(report.number(field))
}

fn print_table(title: &str, mut detections: Vec<Duration>) {
    detections.sort_unstable();
    let [min, .., max] = detections[..] else { unreachable!("more than one run") };
    let median = detections[detections.len() / 2];
    let line = format!(
        "{title}: {} runs, noticed after min {min:.1?}, median {median:.1?}, max {max:.1?}\n",
        detections.len()
    );
    // Past the harness, which shows what a passed test printed to nobody.
    std::io::stderr().write_all(line.as_bytes()).expect("stderr");
}

/// A session in a process of its own, in the client's namespace.
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
            .expect("ip was there before");
        let lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Report {
        let line = self.lines.next().expect("it goes on until it is dropped").expect("a line");
        Report::parse(&line).expect("a report")
    }

    fn wait_for(&mut self, what: &str) -> Report {
        loop {
            let report = self.next();
            if report.what() == what {
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
