//! The budget of attempts of the whole fleet.

use std::time::Duration;

use wsbeat_relay::demo::upstream::Upstream;

use crate::bed::{
    figures::report,
    limits::raise_descriptors,
    plan::Kind,
    site::{Load, Site},
    skip::skip,
    time::{secs, sleep, wait_for},
};

const RATE: usize = 20;
const BURST: usize = 20;
const SUBSCRIPTIONS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about three minutes"]
async fn the_fleet_keeps_its_dial_budget() {
    raise_descriptors();
    let load = Load {
        lines: "ready = \"open\"",
        tables: Some("[dial]\nrate = 20\nburst = 20\n"),
        ..Load::new(Kind::Overlap, SUBSCRIPTIONS, "/feed/{{name}}?rate=0")
    };
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip("the_fleet_keeps_its_dial_budget", &reason),
    };
    all_open(&site.upstream).await;
    let before = site.upstream.dials().len();
    site.upstream.restart(secs(2)).await.expect("the same port");
    all_open(&site.upstream).await;
    let dials = site.upstream.dials();
    let figures = [
        ("subscriptions", SUBSCRIPTIONS.to_string()),
        ("dials at the start", before.to_string()),
        ("dials after the restart", (dials.len() - before).to_string()),
        ("most dials in a second", busiest(&dials, secs(1)).to_string()),
        ("in ten seconds", busiest(&dials, secs(10)).to_string()),
    ];
    report("dial budget", &figures);
    assert!(busiest(&dials, secs(1)) <= RATE + BURST, "{figures:?}");
    assert!(busiest(&dials, secs(10)) <= 10 * RATE + BURST, "{figures:?}");
}

async fn all_open(upstream: &Upstream) {
    let open = || async { (upstream.open() >= SUBSCRIPTIONS).then_some(()) };
    wait_for("connection of each subscription", secs(120), open).await;
    sleep(secs(2)).await;
}

/// The most dials in any time of this length.
fn busiest(dials: &[u64], time: Duration) -> usize {
    let time = time.as_nanos() as u64;
    let within = |begin: usize| dials.partition_point(|dial| *dial < dials[begin] + time) - begin;
    (0..dials.len()).map(within).max().unwrap_or(0)
}

#[test]
fn the_busiest_time_is_found() {
    let second = 1_000_000_000;
    let dials = [0, second / 2, second, second + 1, second + 2, 3 * second];
    assert_eq!(busiest(&dials, secs(1)), 4);
    assert_eq!(busiest(&[], secs(1)), 0);
}
