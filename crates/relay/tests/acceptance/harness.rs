//! Tests of the test bed: the judge must find each planted fault.

use std::time::Duration;

use serde_json::json;
use wsbeat_relay::demo::upstream::Connection;

use crate::{
    bed::{
        account::{Account, Entry, Gap, Record, What},
        cluster::Cluster,
        figures::{percentile, report, seconds},
        judge::{Inversion, Loss, Truth, Verdict, judge, takeovers},
        probe::Probe,
        skip::skip,
        time::{now, secs, sleep},
    },
    publisher::{Publisher, create_stream},
};

/// The message `number` is made in this millisecond, and received one later.
fn made(number: u64) -> u64 {
    1_800_000_000_000_000_000 + number * MILLISECOND
}

const MILLISECOND: u64 = 1_000_000;

/// Such a time in a record.
fn time(nanos: u64) -> String {
    let millis = (nanos - made(0)) / MILLISECOND;
    format!("2027-01-15T08:00:{:02}.{:03}Z", millis / 1000, millis % 1000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_judge_finds_each_planted_fault() {
    let cluster = match Cluster::start(1).await {
        Ok(cluster) => cluster,
        Err(reason) => return skip("the_judge_finds_each_planted_fault", &reason),
    };
    let context = cluster.jetstream().await;
    create_stream(&context, 1).await;
    let mut first = Publisher::begin(&context, "x", "a", 5).await;
    let mut last = 0;
    for number in 1..=100 {
        match number {
            // A missing number, and a double with another id.
            20 => {}
            30 => {
                first.data(30, made(31)).await;
                first.data_as("x:other", 30, made(31)).await;
            }
            // The server refuses the second one, since the ids are equal.
            31 => {
                first.data(31, made(32)).await;
                first.data(31, made(32)).await;
            }
            // An inversion.
            40 => {
                first.data(41, made(42)).await;
                first.data(40, made(41)).await;
            }
            41 => {}
            number => last = first.data(number, made(number) + MILLISECOND).await,
        }
    }
    let mut second = Publisher::begin(&context, "x", "b", 9).await;
    let (from, to) = (made(101), made(150));
    let gap = Gap { from, to, certain: false, after: last };
    let body = json!({ "from": time(from), "to": time(to), "certain": false, "after": last });
    second.record("ev", "gap", body).await;
    // 101 to 151 are in the gap, 152 to 159 are not.
    for number in 160..=200 {
        second.data(number, made(number) + MILLISECOND).await;
    }
    let stale = first.data(110, made(300)).await;
    second.record("ev", "lagged", json!({ "count": 3 })).await;

    let account = Account::read(&context).await;
    let lost = Connection { opened: made(0), closed: Some(made(145)) };
    let survivor = Connection { opened: made(150), closed: None };
    let truth = Truth { made: &|number| Some(made(number)), connections: &[lost, survivor] };
    let verdict = judge(&account.subscriptions["x"], &truth, Duration::from_millis(20));
    let planted = Verdict {
        first: 1,
        last: 200,
        // All but 20, 101 to 109, 111 to 150, and 151 to 159.
        stored: 200 - 1 - 9 - 40 - 9,
        // A gap ends within a millisecond.
        missing: [20].into_iter().chain(152..=159).collect(),
        excused: 9 + 41,
        // The lost connection got 20 and 101 to 124 at least the grace before its end.
        dropped: [20].into_iter().chain(101..=109).chain(111..=124).chain(151..=159).collect(),
        doubles: vec![30],
        inversions: vec![
            Inversion { number: 40, after: 41, in_one_connection: true },
            Inversion { number: 110, after: 200, in_one_connection: false },
        ],
        stale: vec![stale],
        gaps: vec![gap],
        lagged: 3,
    };
    assert_eq!(verdict, planted);
    let owners = account.present_owners();
    assert_eq!(owners[&("x".to_owned(), 0)].worker, "b");
    assert_eq!(account.moves(0), [("x".to_owned(), "a".to_owned(), "b".to_owned())]);
}

#[test]
fn a_gap_without_a_stored_message_covers_by_its_times() {
    let data = |sequence, number| Entry {
        sequence,
        stored: made(number),
        epoch: 1,
        what: What::Data { number, connection: 1, received: made(number) },
    };
    let gap = Gap { from: made(10), to: made(20), certain: true, after: 0 };
    let record = What::Record(Box::new(Record::Gap(gap)));
    let gap = Entry { sequence: 2, stored: made(30), epoch: 1, what: record };
    let entries = [data(1, 4), gap, data(3, 30)];
    let truth = Truth { made: &|number| Some(made(number)), connections: &[] };
    let verdict = judge(&entries, &truth, Duration::ZERO);
    // Nothing was stored before the gap, as far as its owner knew. The times are cut to milliseconds.
    assert_eq!(verdict.missing, (22..30).collect::<Vec<_>>());
    assert_eq!(verdict.excused, 21 - 4);
}

#[test]
fn a_takeover_ends_with_the_first_data_of_a_later_owner() {
    let owner = |sequence, epoch, worker: &str, stored| Entry {
        sequence,
        stored,
        epoch,
        what: What::Record(Box::new(Record::Owner { worker: worker.to_owned(), slot: 0 })),
    };
    let data = |sequence, epoch, received| Entry {
        sequence,
        stored: received,
        epoch,
        what: What::Data { number: sequence, connection: 1, received },
    };
    let entries = vec![
        owner(1, 3, "a", 100),
        data(2, 3, 200),
        owner(3, 7, "b", 600),
        // Of the old owner, whose message was on the way.
        data(4, 3, 650),
        data(5, 7, 700),
        data(6, 7, 800),
    ];
    let mut account = Account::default();
    account.subscriptions.insert("x".to_owned(), entries);
    let loss = |worker: &str| Loss { worker: worker.to_owned(), at: 300 };
    let times: Vec<_> = takeovers(&account, &loss("a")).into_values().collect();
    assert_eq!(times, [Some(Duration::from_nanos(400))]);
    assert!(takeovers(&account, &loss("b")).is_empty());
}

#[test]
fn a_percentile_is_one_of_the_values() {
    let times: Vec<_> = (1..=10).map(Duration::from_secs).collect();
    assert_eq!(percentile(&times, 0.5), secs(5));
    assert_eq!(percentile(&times, 0.99), secs(10));
    assert_eq!(percentile(&[], 0.5), Duration::ZERO);
}

/// The test bed alone: elections as a publisher sees them, without workers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about a minute"]
async fn servers_are_killed_and_started_again() {
    let mut cluster = match Cluster::start(3).await {
        Ok(cluster) => cluster,
        Err(reason) => return skip("servers_are_killed_and_started_again", &reason),
    };
    let context = cluster.jetstream().await;
    create_stream(&context, 3).await;
    let probe = Probe::start(context.clone(), "wsb.bed.ev.probe".to_owned());
    sleep(secs(2)).await;
    let mut figures = Vec::new();
    let begin = now();
    figures.push((
        "at rest",
        seconds({
            sleep(secs(2)).await;
            probe.longest_silence(begin)
        }),
    ));
    for name in ["leader killed", "again"] {
        let leader = cluster.leader(&context, "WSB_bed").await;
        let begin = now();
        cluster.kill(leader);
        assert_ne!(cluster.leader(&context, "WSB_bed").await, leader);
        sleep(secs(1)).await;
        figures.push((name, seconds(probe.longest_silence(begin))));
        cluster.begin(leader);
        cluster.ready(secs(60)).await;
    }
    let leader = cluster.leader(&context, "WSB_bed").await;
    let begin = now();
    cluster.lame_duck(leader).await;
    sleep(secs(1)).await;
    let lame_duck = probe.longest_silence(begin);
    figures.push(("lame duck", seconds(lame_duck)));
    cluster.begin(leader);
    cluster.ready(secs(60)).await;
    let meta = cluster.meta_leader().await;
    figures.push(("leader of the metadata", format!("n{meta} of {}", cluster.len())));
    report("elections", &figures);
    assert!(lame_duck < secs(3), "a leader that leaves hands over first");
}
