//! Unusual messages: too large, without an id, binary, and too many.

use std::{net::Ipv4Addr, time::Duration};

use rustix::process::Signal;
use tokio_tungstenite::tungstenite::Message;
use wsbeat_relay::demo::upstream::Upstream;

use crate::{
    bed::{
        account::{Account, Record},
        skip::skip,
        time::{secs, sleep, wait_for},
    },
    place::{LIMIT, Place, stored, wait_for_stored},
    script::Script,
};

const PAUSE: Duration = Duration::from_millis(10);

/// A text of this size with a number.
fn sized(number: u64, size: usize) -> Message {
    let text = format!("{{\"seq\":{number},\"pad\":\"");
    let pad = "x".repeat(size - text.len() - 2);
    Message::text(format!("{text}{pad}\"}}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_above_the_limit_is_recorded_and_skipped_once() {
    let test = "a_message_above_the_limit_is_recorded_and_skipped_once";
    let place = match Place::start("max_payload: 3000").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    // The limit counts headers, too: the first one is found by the worker, the second one by the server
    // or by the limit of its connections.
    let limit = 2_048;
    let mut messages = vec![sized(1, 100)];
    messages.extend([sized(2, limit + 1), sized(3, limit - 10), sized(4, 100)]);
    // Enough that several are in a batch.
    messages.extend((5..=60).map(|number| sized(number, if number == 30 { limit } else { 100 })));
    let script = Script::start(messages, Duration::from_millis(1)).await;
    let tables = format!(
        "[stream]\nmax_bytes = \"1GiB\"\nmax_message = \"2KiB\"\n\
         [[subscription]]\nnames = [\"over\"]\nurl = \"{url}\"\nid = {{ pointer = \"/seq\" }}\n\
         [[subscription]]\nname = \"only\"\nurl = \"{url}\"\nid = {{ pointer = \"/seq\" }}\n\
         kind = \"exclusive\"\n\
         [[subscription]]\nname = \"stops\"\nurl = \"{url}\"\nid = {{ pointer = \"/seq\" }}\n\
         oversize = \"stop\"\n",
        url = script.url()
    );
    place.configure("a", "", &tables);
    place.done("a", &["init"]).await;
    let worker = place.worker("a");
    let context = place.admin().await;
    for name in ["over", "only"] {
        let messages = wait_for_stored(&context, &format!("wsb.bed.in.{name}"), 57).await;
        let numbers: Vec<_> =
            messages.iter().filter_map(|one| one.json()["seq"].as_u64()).collect();
        let others: Vec<_> = (1..=60).filter(|number| ![2, 3, 30].contains(number)).collect();
        assert_eq!(numbers, others, "{name}");
        let records = stored(&context, &format!("wsb.bed.ev.{name}")).await;
        let skipped: Vec<_> =
            records.iter().filter(|record| record.header("Wsb-Record") == "skipped").collect();
        let sizes: Vec<_> =
            skipped.iter().filter_map(|record| record.json()["bytes"].as_u64()).collect();
        assert_eq!(sizes, [2_049, 2_038, 2_048], "{name}: {skipped:?}");
    }
    let records = stored(&context, "wsb.bed.ev.stops").await;
    let kinds: Vec<_> = records.iter().map(|record| record.header("Wsb-Record")).collect();
    // One that was on the way may be refused after that.
    assert_eq!(kinds[..3], ["open", "skipped", "stopped"], "{}", worker.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_an_id_are_published_or_dropped_and_bytes_are_ids() {
    let test = "messages_without_an_id_are_published_or_dropped_and_bytes_are_ids";
    let place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let texts = ["{\"op\":\"subscribed\"}", "{\"seq\":1}", "pong", "{\"seq\":2}", "{\"seq\":3}"];
    let texts = Script::start(texts.map(Message::text).to_vec(), PAUSE).await;
    let binary: Vec<_> = (0..20_u64)
        .map(|number| {
            let mut bytes = number.to_be_bytes().to_vec();
            bytes.extend([0xff, 0x00, 0x0a]);
            Message::binary(bytes)
        })
        .chain([Message::binary(vec![1, 2, 3]), Message::text("text")])
        .collect();
    let binary = Script::start(binary, PAUSE).await;
    let tables = format!(
        "[[subscription]]\nname = \"keeps\"\nurl = \"{texts}\"\nid = {{ pointer = \"/seq\" }}\n\
         [[subscription]]\nname = \"drops\"\nurl = \"{texts}\"\nid = {{ pointer = \"/seq\" }}\n\
         without_id = \"drop\"\n\
         [[subscription]]\nname = \"bytes\"\nurl = \"{binary}\"\nid = {{ bytes = [0, 8] }}\n\
         replicas = 2\n",
        texts = texts.url(),
        binary = binary.url()
    );
    for worker in ["a", "b"] {
        place.configure(worker, "", &tables);
    }
    place.done("a", &["init"]).await;
    let _workers = [place.worker("a"), place.worker("b")];
    let context = place.admin().await;
    let keeps = wait_for_stored(&context, "wsb.bed.in.keeps", 5).await;
    let ids: Vec<_> = keeps.iter().map(|one| one.header("Nats-Msg-Id")).collect();
    assert_eq!([ids[1], ids[3], ids[4]], ["keeps:i:1", "keeps:i:2", "keeps:i:3"]);
    assert!(ids[0].starts_with("keeps:s:") && ids[0].ends_with(":1:1"), "{ids:?}");
    assert!(ids[2].ends_with(":1:3"), "{ids:?}");
    let drops = wait_for_stored(&context, "wsb.bed.in.drops", 3).await;
    let drops: Vec<_> = drops.iter().map(|one| one.header("Nats-Msg-Id")).collect();
    assert_eq!(drops, ["drops:i:1", "drops:i:2", "drops:i:3"]);
    // Each owner stores what has no id.
    let bytes = wait_for_stored(&context, "wsb.bed.in.bytes", 20 + 2 * 2).await;
    let ids: Vec<_> = bytes.iter().map(|one| one.header("Nats-Msg-Id")).collect();
    let by_bytes: Vec<_> = ids.iter().filter(|id| id.contains(":i:")).copied().collect();
    let expected: Vec<_> = (0..20).map(|number| format!("bytes:i:{number:016x}")).collect();
    assert_eq!(by_bytes, expected);
    assert_eq!(ids.len(), 24, "{ids:?}");
    assert_eq!(bytes[0].header("Wsb-Op"), "binary");

    // `tail` shows them, as text and as JSON.
    let lines = place.done("a", &["tail", "bytes", "--from", "1h", "--no-follow"]).await;
    assert!(lines.lines().any(|line| line.ends_with(" 11 bytes")), "{lines}");
    assert!(lines.lines().any(|line| line.contains(" == open {")), "{lines}");
    let lines = place.done("a", &["tail", "bytes", "--from", "1h", "--no-follow", "--json"]).await;
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let found = lines.iter().any(|line| line["binary"] == "0000000000000003ff000a");
    assert!(found, "{lines:?}");
    assert!(lines.iter().any(|line| line["record"]["record"] == "owner"), "{lines:?}");
    let later = ["tail", "drops", "--from", "2100-01-01T00:00:00Z", "--no-follow"];
    assert_eq!(place.done("a", &later).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_messages_are_dropped_and_counted_if_the_stream_accepts_none() {
    let test = "the_oldest_messages_are_dropped_and_counted_if_the_stream_accepts_none";
    let mut place = match Place::start("").await {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    let upstream = Upstream::start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
    let table = format!(
        "[[subscription]]\nname = \"x\"\nurl = \"{}\"\nid = {{ pointer = \"/seq\" }}\n\
         on_full = \"drop_oldest\"\n",
        upstream.url("/feed/x?rate=500&size=8000")
    );
    place.configure("a", "", &table);
    place.done("a", &["init"]).await;
    let _worker = place.worker("a");
    let context = place.admin().await;
    wait_for_stored(&context, "wsb.bed.in.x", 100).await;
    // 4 MB a second, and the window is 4 MiB.
    place.server().signal(Signal::STOP);
    sleep(secs(4)).await;
    place.server().signal(Signal::CONT);
    let highest = upstream.report("x").highest;
    let account = wait_for("account", LIMIT, || async {
        let account = Account::read(&context).await;
        let last = account.subscriptions.get("x")?.iter().rev().find_map(number)?;
        (last > highest + 100).then_some(account)
    })
    .await;
    let entries = &account.subscriptions["x"];
    let numbers: Vec<u64> = entries.iter().filter_map(number).collect();
    let sorted: std::collections::BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(sorted.len(), numbers.len(), "a number is stored twice");
    let range = numbers[0]..=*numbers.iter().max().expect("some");
    let missing: Vec<u64> = range.filter(|number| !sorted.contains(number)).collect();
    let lagged: u64 = entries
        .iter()
        .filter_map(|entry| match entry.record()? {
            Record::Lagged { count } => Some(*count),
            _ => None,
        })
        .sum();
    assert!(!missing.is_empty(), "the window was never full");
    assert_eq!(lagged, missing.len() as u64, "as many are missing as records say");
    let gaps: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.record()? {
            Record::Gap(gap) => Some(*gap),
            _ => None,
        })
        .collect();
    for number in missing {
        let made = upstream.made("x", number).expect("it was made");
        let covered = gaps.iter().any(|gap| (gap.from..=gap.to).contains(&made));
        assert!(covered, "{number}, made at {made}, is in none of {gaps:?}");
    }
}

fn number(entry: &crate::bed::account::Entry) -> Option<u64> {
    match entry.what {
        crate::bed::account::What::Data { number, .. } => Some(number),
        _ => None,
    }
}
