//! Wishes change, and sessions end by themselves.

use tokio::time::sleep;

use super::{Account, Bed, ms, secs};
use crate::{engine::memory::Stream, record::Note};

const OVERLAP: &str = r#"{"kind":"overlap"}"#;
const EXCLUSIVE: &str = r#"{"kind":"exclusive","ids":false}"#;

#[track_caller]
fn assert_no_clash(bed: &Bed) {
    assert_eq!(bed.world.lock().clashes, [], "ids that were used twice");
}

#[tokio::test(start_paused = true)]
async fn a_changed_wish_begins_a_session_with_continuing_numbers() {
    for (wish, changed) in [
        (r#"{"greets":true}"#, r#"{"greets":true,"n":1}"#),
        (EXCLUSIVE, r#"{"kind":"exclusive","ids":false,"n":1}"#),
    ] {
        let bed = Bed::with(1, &[("a", wish)]).await;
        bed.wish("a", Some(changed));
        sleep(secs(5)).await;
        bed.wish("a", Some(wish));
        bed.settle().await;
        let account = Account::of(&bed, "a");
        account.assert_sound();
        assert_no_clash(&bed);
        let connections: Vec<_> = account
            .notes()
            .into_iter()
            .filter_map(|note| match note {
                Note::Open { connection, .. } => Some(*connection),
                _ => None,
            })
            .collect();
        assert_eq!(connections, [1, 2, 3]);
        let gaps = account.gaps();
        assert_eq!(gaps.len(), 2, "{}", account.story());
        assert!(gaps.iter().all(|gap| gap.certain && gap.len() < ms(300)), "{}", account.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_is_removed_and_comes_back_uses_no_number_twice() {
    for wish in [r#"{"greets":true}"#, EXCLUSIVE] {
        // The other subscriptions keep the blocks, so the epoch stays.
        let names: Vec<_> = (0..12).map(|index| format!("s{index}")).collect();
        let wishes: Vec<_> = names.iter().map(|name| (name.as_str(), wish)).collect();
        let bed = Bed::with_blocks(1, 1, &wishes).await;
        bed.wish("s3", None);
        sleep(secs(5)).await;
        assert!(bed.peers("s3").is_empty());
        bed.wish("s3", Some(wish));
        bed.settle().await;
        for name in &names {
            Account::of(&bed, name).assert_sound();
        }
        assert_no_clash(&bed);
        let account = Account::of(&bed, "s3");
        assert_eq!(account.gaps().len(), 1, "{}", account.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_wish_of_a_block_gives_up_its_lease() {
    let bed = Bed::with(1, &[("a", OVERLAP)]).await;
    bed.wish("a", None);
    sleep(secs(5)).await;
    assert!(bed.peers("a").is_empty());
    bed.wish("a", Some(OVERLAP));
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert_eq!(account.kinds(), ["owner", "open", "stopped", "owner", "open", "gap"]);
    assert_no_clash(&bed);
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_comes_back_at_once_begins_again() {
    let bed = Bed::with(1, &[("a", OVERLAP), ("b", OVERLAP), ("c", OVERLAP), ("d", OVERLAP)]).await;
    for name in ["a", "b", "c", "d"] {
        bed.wish(name, None);
        bed.wish(name, Some(OVERLAP));
    }
    bed.settle().await;
    for name in ["a", "b", "c", "d"] {
        Account::of(&bed, name).assert_sound();
        assert_eq!(bed.peers(name).len(), 1);
    }
    assert_no_clash(&bed);
}

#[tokio::test(start_paused = true)]
async fn a_wish_of_another_kind_moves_the_subscription() {
    let kinds = [OVERLAP, EXCLUSIVE, r#"{"kind":"twice"}"#, r#"{"kind":"exclusive"}"#, OVERLAP];
    let bed = Bed::with(2, &[("a", kinds[0])]).await;
    for kind in &kinds[1..] {
        bed.wish("a", Some(kind));
        sleep(secs(20)).await;
        let expected = if kind.contains("twice") { 2 } else { 1 };
        assert_eq!(bed.peers("a").len(), expected, "{kind}");
    }
    bed.settle().await;
    assert_no_clash(&bed);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_by_itself_begins_again_later() {
    let bed = Bed::with(1, &[("a", r#"{"attempts":1}"#), ("b", OVERLAP)]).await;
    bed.feed("a", |feed| feed.is_down = true);
    bed.peers("a")[0].1.end();
    sleep(secs(5)).await;
    bed.feed("a", |feed| feed.is_down = false);
    sleep(secs(20)).await;
    assert!(bed.peers("a").is_empty());
    sleep(secs(10)).await;
    assert_eq!(bed.peers("a").len(), 1);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert_eq!(account.gaps().len(), 1, "{}", account.story());
    Account::of(&bed, "b").assert_whole();
    assert_no_clash(&bed);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_begin_delays_no_other() {
    let bed = Bed::with(1, &[("a", r#"{"broken":true}"#), ("b", OVERLAP)]).await;
    assert!(bed.peers("a").is_empty());
    bed.wish("a", Some(OVERLAP));
    bed.settle().await;
    Account::of(&bed, "a").assert_whole();
    Account::of(&bed, "b").assert_whole();
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_takes_its_lease_again_goes_on_with_another_number() {
    let bed = Bed::with(1, &[("a", r#"{"greets":true}"#)]).await;
    bed.world.lock().buckets_down = true;
    sleep(secs(30)).await;
    bed.world.lock().buckets_down = false;
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_whole();
    assert_eq!(account.kinds(), ["owner", "open", "owner"]);
    assert_no_clash(&bed);
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_full_session_that_is_closed_are_in_a_gap() {
    let bed = Bed::with(1, &[("a", r#"{"inbox":20}"#)]).await;
    bed.world.lock().stream = Stream::Refuses;
    for _ in 0..1_500 {
        bed.feed("a", |feed| feed.tick(0));
        sleep(ms(5)).await;
    }
    bed.wish("a", Some(r#"{"inbox":20,"n":1}"#));
    sleep(secs(1)).await;
    bed.world.lock().stream = Stream::Normal;
    bed.settle().await;
    Account::of(&bed, "a").assert_sound();
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_that_is_closed_claims_nothing_since_its_last_message() {
    let bed = Bed::with(2, &[("a", EXCLUSIVE)]).await;
    let owner = bed.owner("a");
    bed.peers("a")[0].1.half_open();
    sleep(secs(5)).await;
    bed.nodes[owner].drain.send(()).await.unwrap();
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert!(account.missing().len() > 45, "{}", account.story());
}
