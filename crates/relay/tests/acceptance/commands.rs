//! Commands for the upstream.

use std::{collections::BTreeMap, time::Duration};

use async_nats::jetstream::message::PublishMessage;

use crate::bed::{
    account::Account,
    figures::report,
    plan::{GROUP, Kind},
    site::{Load, Site},
    skip::skip,
    time::{secs, sleep, wait_for},
};

const COMMANDS: usize = 10_000;
const SUBSCRIPTIONS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "about a minute"]
async fn each_command_has_one_fate_although_its_owner_is_killed() {
    let load = Load {
        lines: "commands = true\nresend = 1",
        ..Load::new(Kind::Overlap, SUBSCRIPTIONS, "/feed/{{name}}?rate=10")
    };
    let test = "each_command_has_one_fate_although_its_owner_is_killed";
    let mut site = match Site::start(3, load, &["a", "b", "c"]).await {
        Ok(site) => site,
        Err(reason) => return skip(test, &reason),
    };
    let owners = site.fleet.settled(secs(60)).await;
    let victim = owners.values().next().expect("an owner").worker.clone();
    let context = site.fleet.context.clone();
    for number in 0..COMMANDS {
        if number == COMMANDS / 2 {
            site.fleet.kill(&victim);
        }
        let id = format!("c{number}");
        let message = PublishMessage::build().message_id(&id).payload(id.clone().into());
        let subject = format!("wsb.{GROUP}.out.s{}", number % SUBSCRIPTIONS);
        let fate = context.send_publish(subject, message).await.expect("a client");
        // Ten commands in ten milliseconds, so that many are on the way at the time of the kill.
        if number % 10 == 9 {
            fate.await.expect("it is stored");
            sleep(Duration::from_millis(5)).await;
        }
    }
    let fates = wait_for("fate of each command", secs(120), || async {
        sleep(secs(1)).await;
        let account = Account::fates_only(&context).await;
        (account.fates().count() >= COMMANDS).then_some(account)
    })
    .await;
    let mut found = BTreeMap::new();
    for fate in fates.fates() {
        let before = found.insert(fate.id.clone(), fate.clone());
        assert_eq!(before, None, "a second fate");
    }
    assert_eq!(found.len(), COMMANDS);
    let mut received = BTreeMap::<String, u64>::new();
    for name in site.fleet.plan.names() {
        received.extend(site.upstream.report(name).commands);
    }
    let (mut written, mut twice) = (0, 0);
    for (id, fate) in &found {
        let count = received.get(id).copied().unwrap_or(0);
        assert!(count <= 2, "{fate:?} was received {count} times");
        if fate.fate == "written" {
            written += 1;
            assert!(count >= 1, "{fate:?} was not received");
        }
        if count == 2 {
            twice += 1;
            assert!(fate.attempt >= 2, "{fate:?} was received twice");
        }
    }
    let figures = [
        ("commands", COMMANDS.to_string()),
        ("written", written.to_string()),
        ("other fates", (COMMANDS - written).to_string()),
        ("received twice", twice.to_string()),
    ];
    report("commands", &figures);
}
