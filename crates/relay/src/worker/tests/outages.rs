//! The stream does not answer, is slow, or refuses messages.

use tokio::time::sleep;

use super::{Account, Bed, Item, ms, secs};
use crate::{engine::memory::Stream, record::Note};

const OVERLAP: &str = r#"{"kind":"overlap"}"#;

fn stream(bed: &Bed, stream: Stream) {
    bed.world.lock().stream = stream;
}

#[tokio::test(start_paused = true)]
async fn an_election_loses_nothing_and_keeps_the_order() {
    for period in [50, 900, 1_700] {
        let mut bed = Bed::new();
        bed.subscribe("a", OVERLAP, ms(period));
        bed.start("worker-0");
        sleep(secs(20)).await;
        for lost in [3, 400, 1_200] {
            // Messages on their way to the old leader get lost, and then there is none for a while.
            stream(&bed, Stream::Loses);
            sleep(ms(lost)).await;
            stream(&bed, Stream::Refuses);
            sleep(secs(6)).await;
            stream(&bed, Stream::Normal);
            sleep(ms(20_007)).await;
        }
        bed.settle().await;
        Account::of(&bed, "a").assert_whole();
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_get_lost_store_nothing_twice() {
    let bed = Bed::with(1, &[("a", OVERLAP)]).await;
    stream(&bed, Stream::Mute);
    sleep(secs(8)).await;
    stream(&bed, Stream::Normal);
    bed.settle().await;
    Account::of(&bed, "a").assert_whole();
}

/// Of each kind of delivery.
#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_dedupe_window_stores_nothing_twice() {
    for wish in [OVERLAP, r#"{"kind":"exclusive"}"#] {
        let bed = Bed::with(1, &[("a", wish)]).await;
        stream(&bed, Stream::Mute);
        sleep(ms(500)).await;
        stream(&bed, Stream::Refuses);
        sleep(secs(20)).await;
        bed.world.lock().forget_ids();
        stream(&bed, Stream::Normal);
        bed.settle().await;
        Account::of(&bed, "a").assert_whole();
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_interruption_of_one_connection_keeps_the_order() {
    for period in [30, 100, 700] {
        let mut bed = Bed::new();
        bed.subscribe("a", OVERLAP, ms(period));
        bed.start("worker-0");
        sleep(secs(20)).await;
        let link = bed.nodes[0].link;
        for pause in [1, 40, 300, 900] {
            // In the middle of messages on their way.
            bed.number_sent("a").await;
            bed.world.cut(link, true);
            sleep(ms(pause)).await;
            bed.world.cut(link, false);
            sleep(ms(3_003)).await;
        }
        bed.settle().await;
        Account::of(&bed, "a").assert_whole();
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_window_stops_the_inbox_and_heartbeats_go_on() {
    let bed = Bed::with(1, &[("a", r#"{"inbox":20}"#)]).await;
    bed.feed("a", |feed| feed.is_paused = true);
    sleep(secs(1)).await;
    stream(&bed, Stream::Refuses);
    let peer = bed.peers("a")[0].1.clone();
    for _ in 0..2_000 {
        bed.feed("a", |feed| feed.tick(0));
        sleep(ms(5)).await;
    }
    assert!(peer.unread() > 900, "messages wait at the server: {}", peer.unread());
    let before = peer.received_count();
    // A ping follows 15 s after the end of the wait of 10 s for the one before.
    sleep(secs(60)).await;
    assert!(peer.received_count() >= before + 2, "pings: {before}");
    assert!(peer.alive());
    stream(&bed, Stream::Normal);
    sleep(secs(5)).await;
    assert_eq!(peer.unread(), 0);
    bed.settle().await;
    Account::of(&bed, "a").assert_whole();
}

#[tokio::test(start_paused = true)]
async fn messages_that_waited_do_not_shorten_a_gap() {
    let mut bed = Bed::with(2, &[("a", r#"{"inbox":20}"#)]).await;
    bed.feed("a", |feed| feed.is_paused = true);
    sleep(secs(1)).await;
    stream(&bed, Stream::Refuses);
    for _ in 0..2_000 {
        bed.feed("a", |feed| feed.tick(0));
        sleep(ms(5)).await;
    }
    // A part of what waits is stored, and then the owner dies.
    stream(&bed, Stream::Normal);
    while bed.world.lock().entries.len() < 1_300 {
        sleep(ms(1)).await;
    }
    let owner = bed.owner("a");
    bed.kill(owner);
    bed.feed("a", |feed| feed.is_paused = false);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert!(!account.missing().is_empty(), "{}", account.story());
}

#[tokio::test(start_paused = true)]
async fn the_windows_of_a_worker_have_a_common_bound() {
    let names: Vec<_> = (0..24).map(|index| format!("s{index}")).collect();
    let wishes: Vec<_> = names.iter().map(|name| (name.as_str(), OVERLAP)).collect();
    let bed = Bed::with(1, &wishes).await;
    stream(&bed, Stream::Refuses);
    // 24 windows of 4 MiB would be 96 MiB.
    for _ in 0..42 {
        for name in &names {
            bed.feed(name, |feed| feed.tick(100_000));
        }
        sleep(ms(20)).await;
    }
    let unread: usize = names.iter().map(|name| bed.peers(name)[0].1.unread()).sum();
    assert!(unread * 100_000 > 20 << 20, "{unread} messages wait at the servers");
    stream(&bed, Stream::Normal);
    bed.settle().await;
    for name in &names {
        Account::of(&bed, name).assert_whole();
    }
}

#[tokio::test(start_paused = true)]
async fn an_inbox_that_drops_messages_leaves_lagged_and_a_gap() {
    let bed = Bed::with(1, &[("a", r#"{"inbox":20,"drop_oldest":true}"#)]).await;
    stream(&bed, Stream::Refuses);
    for _ in 0..1_500 {
        bed.feed("a", |feed| feed.tick(0));
        sleep(ms(5)).await;
    }
    stream(&bed, Stream::Normal);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    let lagged = account.notes().into_iter().filter_map(|note| match note {
        Note::Lagged { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(lagged.sum::<u64>() as usize, account.missing().len(), "{}", account.story());
    assert!(account.missing().len() > 400);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_is_skipped_with_a_record() {
    // By the rule of the worker, or by the stream in the middle of others.
    for (max_message, max_payload) in [(1_000, None), (1 << 20, Some(1_000))] {
        for wish in [OVERLAP, r#"{"kind":"exclusive"}"#] {
            let mut bed = Bed::new();
            bed.max_message = max_message;
            bed.world.lock().max_payload = max_payload;
            bed.subscribe("a", wish, ms(100));
            bed.start("worker-0");
            sleep(secs(20)).await;
            bed.feed("a", |feed| {
                feed.tick(0);
                feed.tick(5_000);
                feed.tick(0);
                let large = feed.sent.len() as u64 - 1;
                feed.large.insert(large);
            });
            bed.settle().await;
            let account = Account::of(&bed, "a");
            account.assert_whole();
            let skipped = account
                .notes()
                .into_iter()
                .filter(|note| matches!(note, Note::Skipped { bytes, .. } if *bytes > 5_000));
            assert_eq!(skipped.count(), 1, "{}", account.story());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_ends_the_session_on_request() {
    let mut bed = Bed::new();
    bed.max_message = 1_000;
    bed.subscribe("a", r#"{"oversize":"stop"}"#, ms(100));
    bed.start("worker-0");
    sleep(secs(20)).await;
    bed.feed("a", |feed| {
        feed.tick(5_000);
        let large = feed.sent.len() as u64;
        feed.large.insert(large);
    });
    sleep(secs(20)).await;
    assert!(bed.peers("a").is_empty());
    sleep(secs(20)).await;
    assert_eq!(bed.peers("a").len(), 1, "it begins again");
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    let cause = account.notes().into_iter().find_map(|note| match note {
        Note::Stopped { cause, .. } => Some(cause.clone()),
        _ => None,
    });
    assert_eq!(cause.as_deref(), Some("too_large"));
    assert!(account.items.iter().all(|(_, item)| !matches!(item, Item::Other(_))));
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_cut_goes_on_and_stores_later_what_it_received() {
    let bed = Bed::with(1, &[("a", OVERLAP)]).await;
    let link = bed.nodes[0].link;
    bed.world.cut(link, true);
    sleep(secs(40)).await;
    bed.world.cut(link, false);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert_eq!(account.missing(), [0; 0], "{}", account.story());
    assert!(account.is_in_order());
}
