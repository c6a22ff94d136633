//! Leaders of NATS are killed.

use crate::bed::{
    account::Account,
    figures::seconds,
    plan::{GROUP, Kind},
    probe::Probe,
    site::{Load, Site},
    skip::skip,
    time::{now, secs, sleep},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about five minutes"]
async fn killed_leaders_of_nats_lose_nothing() {
    let load = Load::new(Kind::Overlap, 30, "/feed/{{name}}?rate=100");
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip("killed_leaders_of_nats_lose_nothing", &reason),
    };
    site.fleet.settled(secs(60)).await;
    let context = site.fleet.context.clone();
    let streams = [
        (format!("WSB_{GROUP}"), format!("wsb.{GROUP}.ev.probe")),
        (format!("KV_wsb_{GROUP}_lease"), format!("$KV.wsb_{GROUP}_lease.probe")),
    ];
    let mut elections = Vec::new();
    for (stream, subject) in streams {
        let probe = Probe::start(context.clone(), subject);
        for _ in 0..5 {
            sleep(secs(5)).await;
            let leader = site.cluster.leader(&context, &stream).await;
            let begin = now();
            site.cluster.kill(leader);
            // Longer than an election, and than the fence of an owner that could not renew.
            sleep(secs(12)).await;
            assert_ne!(site.cluster.leader(&context, &stream).await, leader);
            // Leases that were lost meanwhile have new owners by now.
            sleep(secs(6)).await;
            let silence = probe.longest_silence(begin);
            let moves = Account::owners(&context).await.moves(begin).len();
            elections.push((silence, moves));
            site.cluster.begin(leader);
            site.cluster.ready(secs(60)).await;
        }
    }
    sleep(secs(3)).await;
    let account = site.account().await;
    let short: Vec<_> = elections.iter().filter(|(silence, _)| *silence <= secs(8)).collect();
    let times: Vec<_> = elections.iter().map(|(silence, _)| seconds(*silence)).collect();
    let moves: Vec<_> = elections.iter().map(|(_, moves)| moves.to_string()).collect();
    let measured = vec![("elections", times.join(" ")), ("owner changes", moves.join(" "))];
    // A message may wait for a whole election.
    let total = site.judge("killed leaders", &account, secs(20), measured);
    assert_eq!((total.missing, total.excused, total.doubles), (0, 0, 0), "{total:?}");
    assert_eq!(total.inversions_in_one_connection, 0, "{total:?}");
    assert!(short.len() >= 8, "only {} elections ended within 8 s", short.len());
    assert!(short.iter().all(|(_, moves)| *moves == 0), "owners changed: {elections:?}");
    if elections.iter().all(|(_, moves)| *moves == 0) {
        assert_eq!(total.inversions, 0, "{total:?}");
    }
}
