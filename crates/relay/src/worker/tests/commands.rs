//! Commands for upstreams.

use tokio::time::sleep;
use websocket_heartbeat_mock::Peer;

use super::{Bed, ms, secs};
use crate::engine::memory::Stream;

const COMMANDS: &str = r#"{"commands":true}"#;

fn fates(bed: &Bed) -> Vec<serde_json::Value> {
    let subject = bed.names.fate("a");
    let state = bed.world.lock();
    let fates = state.entries.iter().filter(|kept| *kept.entry.subject == *subject);
    fates.map(|kept| serde_json::from_slice(&kept.entry.payload).expect("JSON")).collect()
}

fn received(peer: &Peer) -> Vec<String> {
    let messages = peer.received_messages().into_iter();
    messages.filter_map(|message| Some(message.as_text()?.to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn commands_are_sent_in_order_and_their_fates_stored() {
    let bed = Bed::with(1, &[("a", COMMANDS)]).await;
    let subject = bed.names.command("a");
    (0..100)
        .for_each(|index| bed.world.command(&subject, &format!("c{index}"), &index.to_string()));
    sleep(secs(10)).await;
    let expected: Vec<_> = (0..100).map(|index: u32| index.to_string()).collect();
    assert_eq!(received(&bed.peers("a")[0].1), expected);
    let fates = fates(&bed);
    assert_eq!(fates.len(), 100);
    assert!(fates.iter().all(|fate| fate["fate"] == "written" && fate["attempt"] == 1));
    assert_eq!(bed.world.open_commands(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_command_is_settled_after_its_fate_is_stored() {
    let bed = Bed::with(1, &[("a", COMMANDS)]).await;
    bed.world.lock().stream = Stream::Loses;
    bed.world.command(&bed.names.command("a"), "c", "hello");
    sleep(secs(20)).await;
    assert_eq!(
        received(&bed.peers("a")[0].1),
        ["hello"],
        "it is worked on, so it does not come again"
    );
    assert_eq!((fates(&bed).len(), bed.world.open_commands()), (0, 1));
    bed.world.lock().stream = Stream::Normal;
    sleep(secs(10)).await;
    assert_eq!((fates(&bed).len(), bed.world.open_commands()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn commands_of_a_killed_owner_come_again() {
    let mut bed = Bed::with(2, &[("a", COMMANDS)]).await;
    let owner = bed.owner("a");
    bed.peers("a")[0].1.stall_writes();
    bed.world.command(&bed.names.command("a"), "c", "hello");
    sleep(secs(1)).await;
    bed.kill(owner);
    sleep(secs(30)).await;
    assert_ne!(bed.owner("a"), owner);
    assert_eq!(received(&bed.peers("a")[0].1), ["hello"]);
    let fates = fates(&bed);
    assert_eq!((fates.len(), &fates[0]["attempt"]), (1, &2.into()));
    assert_eq!(bed.world.open_commands(), 0);
}

#[tokio::test(start_paused = true)]
async fn commands_wait_without_a_connection_and_are_sent_once() {
    let bed = Bed::with(1, &[("a", COMMANDS)]).await;
    bed.feed("a", |feed| feed.is_down = true);
    bed.peers("a")[0].1.end();
    let subject = bed.names.command("a");
    (0..1_500)
        .for_each(|index| bed.world.command(&subject, &format!("c{index}"), &index.to_string()));
    sleep(secs(60)).await;
    bed.feed("a", |feed| feed.is_down = false);
    sleep(secs(60)).await;
    assert_eq!(bed.world.open_commands(), 0);
    let expected: Vec<_> = (0..1_500).map(|index: u32| index.to_string()).collect();
    assert_eq!(received(&bed.peers("a")[0].1), expected);
}

/// A connection that breaks while a command is being written.
async fn broken(wish: &str) -> Bed {
    let bed = Bed::with(1, &[("a", wish)]).await;
    let peer = bed.peers("a")[0].1.clone();
    peer.write_quota(3);
    bed.world.command(&bed.names.command("a"), "c", "hello");
    sleep(ms(500)).await;
    peer.end();
    sleep(secs(30)).await;
    assert_eq!(bed.world.open_commands(), 0);
    bed
}

#[tokio::test(start_paused = true)]
async fn a_command_with_an_unknown_fate_is_not_sent_again_by_default() {
    let bed = broken(COMMANDS).await;
    let fates = fates(&bed);
    assert_eq!(fates.len(), 1);
    assert_eq!(fates[0]["fate"], "unknown");
    assert_eq!(received(&bed.peers("a")[0].1), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_command_with_an_unknown_fate_is_sent_again_as_configured() {
    let bed = broken(r#"{"commands":true,"resend":1}"#).await;
    let fates = fates(&bed);
    assert_eq!(fates.len(), 1);
    assert_eq!((&fates[0]["fate"], &fates[0]["attempt"]), (&"written".into(), &2.into()));
    assert_eq!(received(&bed.peers("a")[0].1), ["hello"]);
}
