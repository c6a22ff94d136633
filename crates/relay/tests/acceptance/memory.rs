//! The memory of a worker.

use std::time::Duration;

use crate::bed::{
    figures::{report, seconds},
    limits::raise_descriptors,
    plan::Kind,
    site::{Load, Site},
    skip::skip,
    time::{secs, sleep, wait_for},
};

const IDLE: usize = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about two minutes"]
async fn an_idle_subscription_takes_little_memory() {
    raise_descriptors();
    let path = "/feed/{{name}}?rate=0";
    let load = Load { lines: "ready = \"open\"", ..Load::new(Kind::Overlap, IDLE, path) };
    let few = match Site::start(1, Load { count: 10, ..load }, &["a"]).await {
        Ok(site) => site,
        Err(reason) => return skip("an_idle_subscription_takes_little_memory", &reason),
    };
    sleep(secs(5)).await;
    let least = few.fleet.process("a").memory();
    drop(few);
    let site = Site::start(1, load, &["a"]).await.expect("installed before");
    wait_for("connection of each subscription", secs(120), || async {
        (site.upstream.open() >= IDLE).then_some(())
    })
    .await;
    sleep(secs(20)).await;
    let worker = site.fleet.process("a");
    let server = site.cluster.process(0);
    let each = worker.memory().saturating_sub(least) / (IDLE as u64 - 10);
    let (cpu, server_cpu) = (worker.cpu(), server.cpu());
    let (leases, written) = (site.last_lease().await, server.written());
    sleep(IDLE_TIME).await;
    let a_second = |count: u64| format!("{:.0}", count as f64 / IDLE_TIME.as_secs_f64());
    let share = |begin: Duration, end: Duration| {
        let share = (end - begin).as_secs_f64() / IDLE_TIME.as_secs_f64();
        format!("{:.1} % of a core", share * 100.0)
    };
    let figures = [
        ("subscriptions", IDLE.to_string()),
        ("bytes each", each.to_string()),
        ("worker", format!("{} KiB", worker.memory() / 1024)),
        ("CPU of the worker", share(cpu, worker.cpu())),
        ("CPU of the server", share(server_cpu, server.cpu())),
        ("writes of leases a second", a_second(site.last_lease().await - leases)),
        ("bytes written to files a second", a_second(server.written() - written)),
    ];
    report("idle subscriptions", &figures);
    assert!(each <= 12 * 1024, "{figures:?}");
}

/// Four heartbeats, and thirty renewals.
const IDLE_TIME: Duration = secs(60);

/// The bound of what waits for acknowledgements, and a tenth of that.
const GROWTH: u64 = 64 * 1024 * 1024 * 11 / 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about two minutes"]
async fn the_memory_is_bounded_while_nats_is_down() {
    let load = Load::new(Kind::Overlap, 100, "/feed/{{name}}?rate=200");
    let mut site = match Site::start(1, load, &["a"]).await {
        Ok(site) => site,
        Err(reason) => return skip("the_memory_is_bounded_while_nats_is_down", &reason),
    };
    site.fleet.settled(secs(60)).await;
    sleep(secs(10)).await;
    let before = site.fleet.process("a").memory();
    site.cluster.kill(0);
    let mut most = before;
    for _ in 0..600 {
        sleep(Duration::from_millis(100)).await;
        most = most.max(site.fleet.process("a").memory());
    }
    site.cluster.begin(0);
    site.cluster.ready(secs(60)).await;
    sleep(secs(30)).await;
    let account = site.account().await;
    let measured = vec![
        ("before", format!("{} KiB", before / 1024)),
        ("most", format!("{} KiB", most / 1024)),
        ("growth", format!("{} KiB", (most - before) / 1024)),
        ("down", seconds(secs(60))),
    ];
    let total = site.judge("NATS down", &account, secs(120), measured);
    assert!(most - before <= GROWTH, "from {before} to {most} bytes");
    // NATS was down for longer than it knows ids, so messages that were on the way may be stored twice.
    assert_eq!(total.missing, 0, "{total:?}");
}
