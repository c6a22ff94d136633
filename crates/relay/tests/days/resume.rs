//! The kind `resume` with an upstream that sends again what was missed.

use std::net::Ipv4Addr;

use rustix::process::Signal;
use wsbeat_relay::demo::upstream::Upstream;

use crate::{
    bed::{
        skip::skip,
        time::{secs, sleep, wait_for},
    },
    place::{LIMIT, Place, Stored, stored, wait_for_stored},
};

fn number(message: &Stored) -> Option<u64> {
    message.json()["seq"].as_u64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "two leases expire"]
async fn the_next_owner_continues_from_the_checkpoint_without_a_gap() {
    let test = "the_next_owner_continues_from_the_checkpoint_without_a_gap";
    let place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let upstream = Upstream::start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
    let table = format!(
        "[[subscription]]\nname = \"x\"\nurl = \"{}\"\nkind = \"resume\"\n\
         id = {{ pointer = \"/seq\" }}\nopen = ['{{\"begin\":1}}']\n\
         [subscription.resume]\nvalues = {{ seq = \"/seq\" }}\nopen = ['{{\"after\":{{{{seq}}}}}}']\n",
        upstream.url("/resume/x?rate=100")
    );
    for worker in ["a", "b"] {
        place.configure(worker, "", &table);
    }
    place.done("a", &["init"]).await;
    let mut first = place.worker("a");
    let context = place.admin().await;
    wait_for_stored(&context, "wsb.bed.in.x", 100).await;

    // A loss of the connection.
    upstream.close_all();
    let highest = upstream.report("x").highest;
    later(&context, highest).await;

    // A drain: the next owner dials at once.
    let mut second = place.worker("b");
    sleep(secs(1)).await;
    first.signal(Signal::TERM);
    assert!(first.end(LIMIT).await.success());
    let highest = upstream.report("x").highest;
    later(&context, highest).await;

    // A kill: the next owner waits for the end of the lease.
    second.kill();
    let mut third = place.worker("a");
    let highest = upstream.report("x").highest;
    later(&context, highest + 100).await;

    let messages = stored(&context, "wsb.bed.in.x").await;
    let numbers: Vec<u64> = messages.iter().filter_map(number).collect();
    let begin = numbers[0];
    let all: Vec<u64> = (begin..begin + numbers.len() as u64).collect();
    assert_eq!(numbers, all, "each number once, in order");
    let owners = stored(&context, "wsb.bed.own.x").await;
    assert_eq!(owners.len(), 3, "{owners:?}");
    let gaps = gaps(&context).await;
    assert!(gaps.is_empty(), "nothing is missing, but there is {gaps:?}");

    // The next owner does not resume: the upstream's messages meanwhile are missing, and it is recorded.
    third.kill();
    context
        .get_key_value("wsb_bed_ckpt")
        .await
        .expect("it exists")
        .delete("x")
        .await
        .expect("done");
    let _fourth = place.worker("b");
    let highest = upstream.report("x").highest;
    later(&context, highest + 100).await;
    let gaps = self::gaps(&context).await;
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].json()["certain"], false);
}

/// Waits until a message with at least this number is stored.
async fn later(context: &async_nats::jetstream::Context, number: u64) {
    wait_for("later messages", LIMIT, || async {
        let stream = context.get_stream("WSB_bed").await.ok()?;
        let last = stream.get_last_raw_message_by_subject("wsb.bed.in.x").await.ok()?;
        let last: serde_json::Value = serde_json::from_slice(&last.payload).ok()?;
        (last["seq"].as_u64()? >= number).then_some(())
    })
    .await;
}

async fn gaps(context: &async_nats::jetstream::Context) -> Vec<Stored> {
    let records = stored(context, "wsb.bed.ev.x").await;
    records.into_iter().filter(|record| record.header("Wsb-Record") == "gap").collect()
}
