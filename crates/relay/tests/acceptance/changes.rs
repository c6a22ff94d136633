//! Planned changes: drains, restarts, and a worker that joins.

use std::collections::BTreeMap;

use rustix::process::Signal;

use crate::bed::{
    account::Account,
    fleet::text,
    plan::Kind,
    site::{Load, Site},
    skip::skip,
    time::{now, secs, sleep},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about four minutes"]
async fn drains_and_restarts_lose_nothing() {
    let load = Load::new(Kind::Overlap, 30, "/feed/{{name}}?rate=100");
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip("drains_and_restarts_lose_nothing", &reason),
    };
    let context = site.fleet.context.clone();
    site.fleet.settled(secs(60)).await;
    sleep(secs(5)).await;
    let mut drained = 0;
    let mut moves = 0;
    for worker in ["a", "b", "c"] {
        let owners = site.fleet.settled(secs(60)).await;
        drained += owners.values().filter(|owner| owner.worker == worker).count();
        let begin = now();
        if worker == "a" {
            let output = site.fleet.run(&["drain", worker]);
            assert!(output.status.success(), "{}", text(&output.stderr));
        } else {
            site.fleet.signal(worker, Signal::TERM);
        }
        let status = site.fleet.end(worker, secs(40)).await;
        assert!(status.success(), "worker {worker} ended with {status}");
        moves += Account::owners(&context).await.moves(begin).len();
        site.fleet.start(&[worker]);
        sleep(secs(3)).await;
    }
    let owners = site.fleet.settled(secs(60)).await;
    let before_servers = now();
    for server in 0..site.cluster.len() {
        site.cluster.lame_duck(server).await;
        site.cluster.begin(server);
        site.cluster.ready(secs(60)).await;
        sleep(secs(3)).await;
    }
    sleep(secs(3)).await;
    let account = site.account().await;
    let measured = vec![
        ("subscriptions", owners.len().to_string()),
        ("drained", drained.to_string()),
        ("moves by drains", moves.to_string()),
        // Subscriptions return to the workers that were started again, one after another.
        ("moves while servers restart", account.moves(before_servers).len().to_string()),
    ];
    let total = site.judge("drains and restarts", &account, secs(5), measured);
    assert_eq!((total.missing, total.excused, total.doubles), (0, 0, 0), "{total:?}");
    assert_eq!(total.inversions_in_one_connection, 0, "{total:?}");
    assert!(moves as f64 <= drained as f64 * 1.1, "{moves} moves for {drained} subscriptions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about five minutes"]
async fn a_worker_that_joins_gets_its_share() {
    let load = Load::new(Kind::Overlap, 600, "/feed/{{name}}?rate=5");
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip("a_worker_that_joins_gets_its_share", &reason),
    };
    site.fleet.settled(secs(120)).await;
    // Nothing moves that was taken within the last minute.
    site.fleet.quiet(secs(65), secs(300)).await;
    let begin = now();
    site.fleet.start(&["d"]);
    sleep(secs(10)).await;
    site.fleet.quiet(secs(15), secs(300)).await;
    let owners = site.fleet.settled(secs(60)).await;
    let mut shares = BTreeMap::<_, usize>::new();
    for owner in owners.values() {
        *shares.entry(owner.worker.clone()).or_default() += 1;
    }
    let account = site.account().await;
    let moves = account.moves(begin);
    let share = shares.get("d").copied().unwrap_or(0) as f64 / owners.len() as f64;
    let measured = vec![
        ("share", format!("{:.1} %", share * 100.0)),
        ("owners", format!("{shares:?}")),
        ("moves", moves.len().to_string()),
    ];
    let total = site.judge("join", &account, secs(5), measured);
    assert!((0.20..=0.30).contains(&share), "{shares:?}");
    let others: Vec<_> = moves.iter().filter(|(_, _, to)| to != "d").collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!((total.missing, total.excused, total.doubles), (0, 0, 0), "{total:?}");
}
