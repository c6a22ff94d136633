//! An owner of `exclusive` subscriptions that no longer acts, or that no longer reaches NATS.

use std::time::Duration;

use rustix::process::Signal;
use wsbeat_relay::demo::upstream::Upstream;

use crate::bed::{
    cluster::Cluster,
    figures::{percentile, seconds},
    fleet::Fleet,
    judge::{Loss, takeovers},
    namespace::{CENTRE, Namespace},
    plan::{Kind, Plan},
    site::{Load, Site},
    skip::{Skip, skip},
    software,
    time::{now, secs, sleep},
};

/// The lease, the dial, and a second.
const LIMIT: Duration = secs(17);

const FEED: &str = "/feed/{{name}}?rate=50";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about a minute and a half"]
async fn a_frozen_owner_stores_nothing_after_its_successor() {
    let load = Load::new(Kind::Exclusive, 15, FEED);
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip("a_frozen_owner_stores_nothing_after_its_successor", &reason),
    };
    let owners = site.fleet.settled(secs(60)).await;
    sleep(secs(5)).await;
    let victim = owners.values().next().expect("an owner").worker.clone();
    let loss = site.fleet.freeze(&victim);
    sleep(secs(40)).await;
    site.fleet.signal(&victim, Signal::CONT);
    sleep(secs(10)).await;
    judge(&site, "frozen owner", &loss).await;
}

#[test]
#[ignore = "about two minutes"]
fn an_owner_without_nats_stores_nothing_after_its_successor() {
    let test = "an_owner_without_nats_stores_nothing_after_its_successor";
    // The namespaces do not reach the registry.
    match software::nats_server().and_then(|_| Namespace::pair()) {
        Err(reason) => skip(test, &reason),
        Ok((centre, edge)) => {
            let inside = centre.name().to_owned();
            let enter = inside.clone();
            // All its threads, and so all its sockets and processes, are in the namespace.
            let body = move || {
                Namespace::enter(&inside);
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .on_thread_start(move || Namespace::enter(&enter))
                    .enable_all()
                    .build();
                runtime.expect("a runtime").block_on(partition(&edge))
            };
            let thread = std::thread::spawn(body);
            if let Err(reason) =
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            {
                skip(test, &reason);
            }
        }
    }
}

async fn partition(edge: &Namespace) -> Result<(), Skip> {
    let host = CENTRE.parse().expect("an address");
    let cluster = Cluster::start_at(3, host).await?;
    let upstream = Upstream::start((host, 0).into()).await.expect("a free port");
    let plan = Plan::new(3).subscribe(Kind::Exclusive, 15, &upstream.url(FEED));
    let mut fleet = Fleet::new(cluster.urls(), cluster.jetstream().await, plan);
    fleet.start(&["a", "b"]);
    fleet.start_by("c", &mut edge.command(Fleet::PROGRAM));
    let mut site = Site { fleet, upstream, cluster };
    site.fleet.settled(secs(60)).await;
    sleep(secs(5)).await;
    let owners = site.fleet.settled(secs(60)).await;
    assert!(owners.values().any(|owner| owner.worker == "c"), "the worker owns nothing");
    let loss = Loss { worker: "c".to_owned(), at: now() };
    edge.cut(&site.cluster.ports());
    sleep(secs(60)).await;
    edge.cut(&[]);
    sleep(secs(10)).await;
    let ended = site.fleet.has_ended("c");
    assert_eq!(ended, None, "the worker has ended");
    judge(&site, "partition", &loss).await;
    Ok(())
}

async fn judge(site: &Site, title: &str, loss: &Loss) {
    let account = site.account().await;
    let times = takeovers(&account, loss).into_values();
    let times: Vec<_> = times.map(|time| time.expect("a new owner")).collect();
    let longest = percentile(&times, 1.0);
    let measured =
        vec![("takeovers", times.len().to_string()), ("longest takeover", seconds(longest))];
    let total = site.judge(title, &account, secs(2), measured);
    assert!(!times.is_empty(), "the owner had no subscriptions");
    assert_eq!((total.stale, total.missing), (0, 0), "{total:?}");
    assert_eq!((total.doubles, total.inversions), (0, 0), "{total:?}");
    assert!(longest <= LIMIT, "{times:?}");
}

/// Servers limit the batches that are open at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about a minute"]
async fn two_hundred_busy_subscriptions_share_the_batches() {
    let load = Load::new(Kind::Exclusive, 200, "/feed/{{name}}?rate=20");
    let site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip("two_hundred_busy_subscriptions_share_the_batches", &reason),
    };
    site.fleet.settled(secs(60)).await;
    sleep(secs(30)).await;
    let total = site.judge("200 busy exclusive", &site.account().await, secs(2), Vec::new());
    assert!(total.stored >= 200 * 20 * 25, "{total:?}");
    assert_eq!((total.missing, total.dropped), (0, 0), "{total:?}");
    assert_eq!((total.doubles, total.inversions, total.stale), (0, 0, 0), "{total:?}");
}
