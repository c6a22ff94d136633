//! Proxies and servers that end connections at their own limits.

use std::time::Duration;

use futures::executor::block_on;
use websocket_heartbeat_tests::{Peer, ProxyProgram, Report, SkipReason, Software, monotonic};

use crate::{
    detection::{Detection, Times, at_once, within},
    outcome::{Outcome, Stop},
    session::Session,
};

/// The limit of the proxies.
const LIMIT: Duration = Duration::from_secs(1);

/// Below every limit. The timeout is long, so that a slow machine loses no connection.
const OFTEN: Times = Times::millis(300, 10_000);

/// Above every limit.
const RARELY: Times = Times::millis(60_000, 10_000);

pub(crate) fn a_heartbeat_keeps_a_connection_through_nginx(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    let fault = "nginx, read timeout of 1 s; a second session with a heartbeat below it is kept";
    behind_proxy(fault, backend, ProxyProgram::nginx)
}

pub(crate) fn a_heartbeat_keeps_a_connection_through_haproxy(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    let fault =
        "HAProxy, tunnel timeout of 1 s; a second session with a heartbeat below it is kept";
    behind_proxy(fault, backend, ProxyProgram::haproxy)
}

pub(crate) fn a_heartbeat_keeps_a_connection_to_uwebsockets(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    Software::Bun.install()?;
    let mut peers = [Peer::start(Software::Bun), Peer::start(Software::Bun)];
    let mut pair = Pair::start(backend, &peers[0].address(), &peers[1].address());
    let open_at = pair.opened();
    let closed = block_on(peers[0].reported("closed"));
    let lost = pair.cut.lost_after(open_at)?;
    let detection = at_once(&lost, closed.read_at());
    pair.outcome(
        "uWebSockets (Bun), idle timeout of 8 s; a second session with a heartbeat below it is kept",
        &lost,
        detection,
        &mut peers,
    )
}

pub(crate) fn a_connection_through_caddy_is_replaced_at_its_age(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    const AGE: Duration = Duration::from_millis(1_500);
    Software::NodeWs.install()?;
    let mut peer = Peer::start(Software::NodeWs);
    let proxy = ProxyProgram::caddy(&peer.address(), AGE)?;
    let mut session = Session::on_loopback(backend, &url(&proxy.address().to_string()), OFTEN);
    let mut slowest = None;
    for number in 1..=3 {
        let open = session.wait_for("open");
        assert_eq!(open.number("connection"), number, "each attempt succeeds");
        let open_at = open.micros("at_us");
        session.send(5, 100);
        let lost = session.lost_after(open_at)?;
        let detection = at_limit(&lost, open_at, open_at, AGE);
        slowest = later(slowest, (lost, detection));
    }
    let (lost, detection) = slowest.expect("three losses");
    session.wait_for("open");
    session.send(5, 100);
    Ok(Outcome {
        fault: "Caddy, age limit of 1.5 s",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials: 1,
        messages: session.close(&mut peer, Vec::new()),
    })
}

/// A session without heartbeats is cut at the limit, and one with heartbeats is not.
fn behind_proxy(
    fault: &'static str,
    backend: &str,
    start: fn(&str, Duration) -> Result<ProxyProgram, SkipReason>,
) -> Result<Outcome, Stop> {
    Software::NodeWs.install()?;
    let mut peers = [Peer::start(Software::NodeWs), Peer::start(Software::NodeWs)];
    let cut = start(&peers[0].address(), LIMIT)?;
    let kept = start(&peers[1].address(), LIMIT)?;
    let [cut, kept] = [cut, kept].map(|proxy| (proxy.address().to_string(), proxy));
    let mut pair = Pair::start(backend, &cut.0, &kept.0);
    let mut slowest = None;
    for _ in 0..3 {
        let open_at = pair.opened();
        pair.cut.settled();
        let written_at = monotonic();
        let lost = pair.cut.lost_after(open_at)?;
        let detection = at_limit(&lost, open_at, written_at, LIMIT);
        slowest = later(slowest, (lost, detection));
    }
    let (lost, detection) = slowest.expect("three losses");
    pair.outcome(fault, &lost, detection, &mut peers)
}

/// Two sessions with equal servers.
struct Pair {
    /// Without heartbeats within the limit of the server.
    cut: Session,
    /// With heartbeats.
    kept: Session,
    opened: u64,
}

impl Pair {
    fn start(backend: &str, cut: &str, kept: &str) -> Self {
        let mut kept = Session::on_loopback(backend, &url(kept), OFTEN);
        kept.wait_for("open");
        kept.send(5, 100);
        Self { cut: Session::on_loopback(backend, &url(cut), RARELY), kept, opened: 0 }
    }

    /// Waits for the next connection that will be cut, and sends messages. Each attempt succeeds.
    /// Returns the time of the opening.
    fn opened(&mut self) -> Duration {
        let open = self.cut.wait_for("open");
        self.opened += 1;
        assert_eq!(open.number("connection"), self.opened, "each attempt succeeds");
        self.cut.send(5, 100);
        open.micros("at_us")
    }

    /// The outcome after the last cut.
    fn outcome(
        mut self,
        fault: &'static str,
        lost: &Report,
        detection: Detection,
        peers: &mut [Peer; 2],
    ) -> Result<Outcome, Stop> {
        self.opened();
        self.kept.send(5, 100);
        self.kept.settled();
        assert!(self.kept.losses().is_empty(), "{:?}", self.kept.losses());
        let [cut, kept] = peers;
        let messages = self.cut.close(cut, Vec::new()) + self.kept.close(kept, Vec::new());
        let saw = lost.text("words").to_owned();
        Ok(Outcome { fault, saw, detection: Some(detection), dials: 1, messages })
    }
}

/// A connection that was opened at `open_at` ended at a limit, which began between that and `last`.
fn at_limit(lost: &Report, open_at: Duration, last: Duration, limit: Duration) -> Detection {
    let age = lost.micros("at_us") - open_at;
    // The proxy sees the opening a little earlier.
    assert!(age > limit.mul_f64(0.9), "lost before the limit, after {age:?}: {lost:?}");
    assert!(["broken", "closed_by_peer"].contains(&lost.text("cause")), "{lost:?}");
    within(lost, last, limit, Duration::MAX)
}

/// The later one of two detections.
fn later(
    one: Option<(Report, Detection)>,
    other: (Report, Detection),
) -> Option<(Report, Detection)> {
    match one {
        Some(one) if one.1.after > other.1.after => Some(one),
        _ => Some(other),
    }
}

fn url(address: &str) -> String {
    format!("ws://{address}/ledger")
}
