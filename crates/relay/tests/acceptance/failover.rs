//! Workers are killed, and others take their subscriptions over.

use std::time::Duration;

use crate::bed::{
    figures::{percentile, seconds},
    judge::{Loss, takeovers},
    plan::Kind,
    site::{Load, Site},
    skip::skip,
    time::{now, secs, sleep},
};

/// The acknowledgements of a healthy cluster arrive far sooner.
const GRACE: Duration = secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_is_replaced() {
    let load = Load::new(Kind::Overlap, 10, "/feed/{{name}}?rate=100");
    let mut site = match Site::start(1, load, &["a", "b"]).await {
        Ok(site) => site,
        Err(reason) => return skip("a_killed_worker_is_replaced", &reason),
    };
    let owners = site.fleet.settled(secs(30)).await;
    sleep(secs(2)).await;
    let victim = owners.values().next().expect("an owner").worker.clone();
    let loss = site.fleet.kill(&victim);
    site.fleet.settled(secs(20)).await;
    sleep(secs(1)).await;
    let account = site.account().await;
    let times: Vec<_> =
        takeovers(&account, &loss).into_values().map(|time| time.expect("a new owner")).collect();
    let measured = takeover_figures(&times);
    let total = site.judge("failover, short", &account, GRACE, measured);
    assert_eq!((total.missing, total.dropped, total.doubles), (0, 0, 0), "{total:?}");
    assert_eq!(total.inversions_in_one_connection, 0, "{total:?}");
    assert!(percentile(&times, 0.99) <= LIMIT, "{times:?}");
    assert!(total.longest_gap <= LIMIT, "{total:?}");
}

/// Two subscriptions of one feed get equal ids and equal messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_messages_of_two_subscriptions_are_kept_apart() {
    let load = Load::new(Kind::Overlap, 2, "/feed/same?rate=100");
    let site = match Site::start(1, load, &["a"]).await {
        Ok(site) => site,
        Err(reason) => {
            return skip("equal_messages_of_two_subscriptions_are_kept_apart", &reason);
        }
    };
    site.fleet.settled(secs(30)).await;
    sleep(secs(2)).await;
    let total = site.judge("equal messages", &site.account().await, GRACE, Vec::new());
    assert!(total.stored >= 200, "{total:?}");
    assert_eq!((total.missing, total.excused, total.doubles), (0, 0, 0), "{total:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about three minutes"]
async fn ten_kills_lose_nothing_outside_of_gaps() {
    let load = Load::new(Kind::Overlap, 30, "/feed/{{name}}?rate=200");
    kills("ten_kills_lose_nothing_outside_of_gaps", "failover, 30 subscriptions", load, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about two minutes"]
async fn kills_with_many_subscriptions_lose_nothing_outside_of_gaps() {
    let load = Load::new(Kind::Overlap, 600, "/feed/{{name}}?rate=10");
    let test = "kills_with_many_subscriptions_lose_nothing_outside_of_gaps";
    kills(test, "failover, 600 subscriptions", load, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about three minutes"]
async fn two_owners_lose_nothing_if_one_is_killed() {
    let test = "two_owners_lose_nothing_if_one_is_killed";
    let load = Load::new(Kind::Twice, 30, "/feed/{{name}}?rate=200");
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip(test, &reason),
    };
    kill_often(&mut site, 10).await;
    let account = site.account().await;
    let total = site.judge("two owners", &account, GRACE, Vec::new());
    assert_eq!((total.missing, total.excused, total.doubles), (0, 0, 0), "{total:?}");
    assert_eq!(total.inversions, 0, "{total:?}");
}

/// Three workers, one of which is killed and started again, so many times.
async fn kills(test: &str, title: &str, load: Load, kills: usize) {
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip(test, &reason),
    };
    let losses = kill_often(&mut site, kills).await;
    let account = site.account().await;
    let times: Vec<_> = losses
        .iter()
        .flat_map(|loss| takeovers(&account, loss).into_values())
        .map(|time| time.expect("a new owner of each subscription"))
        .collect();
    let total = site.judge(title, &account, GRACE, takeover_figures(&times));
    assert_eq!((total.missing, total.dropped, total.doubles), (0, 0, 0), "{total:?}");
    assert_eq!(total.inversions_in_one_connection, 0, "{total:?}");
    assert!(percentile(&times, 0.5) <= Duration::from_millis(2600), "{times:?}");
    assert!(percentile(&times, 0.99) <= LIMIT, "{times:?}");
    assert!(total.longest_gap <= LIMIT + GRACE, "{total:?}");
}

/// The bound for the takeover of an `overlap` subscription.
const LIMIT: Duration = Duration::from_millis(3500);

async fn kill_often(site: &mut Site, kills: usize) -> Vec<Loss> {
    let mut losses = Vec::new();
    for _ in 0..kills {
        let owners = site.fleet.settled(secs(60)).await;
        // Until the worker that was started last is known to the others.
        let pause = secs(6) + Duration::from_millis(now() / 1000 % 1000);
        sleep(pause).await;
        // An owner, by the digits of the clock.
        let index = now() / 1000 % owners.len() as u64;
        let victim = owners.values().nth(index as usize).expect("an owner").worker.clone();
        losses.push(site.fleet.kill(&victim));
        site.fleet.settled(secs(60)).await;
        site.fleet.start(&[&victim]);
    }
    site.fleet.settled(secs(60)).await;
    sleep(secs(3)).await;
    losses
}

fn takeover_figures(times: &[Duration]) -> Vec<(&'static str, String)> {
    vec![
        ("takeovers", times.len().to_string()),
        ("p50", seconds(percentile(times, 0.5))),
        ("p99", seconds(percentile(times, 0.99))),
    ]
}
