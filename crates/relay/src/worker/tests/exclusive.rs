//! Subscriptions with one owner at a time, whose earlier owners are refused.

use tokio::time::sleep;

use super::{Account, Bed, ms, secs};
use crate::{engine::memory::Stream, record::Note};

const EXCLUSIVE: &str = r#"{"kind":"exclusive"}"#;
const WITHOUT_IDS: &str = r#"{"kind":"exclusive","ids":false}"#;

#[tokio::test(start_paused = true)]
async fn an_exclusive_subscription_is_stored_in_batches() {
    for wish in [EXCLUSIVE, WITHOUT_IDS] {
        let bed = Bed::with(1, &[("a", wish)]).await;
        bed.settle().await;
        let account = Account::of(&bed, "a");
        account.assert_whole();
        assert_eq!(account.kinds(), ["owner", "open"]);
        assert!(bed.world.lock().batches > 100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exclusive_owner_that_is_killed_is_replaced_after_its_lease() {
    let mut bed = Bed::with(2, &[("a", WITHOUT_IDS)]).await;
    let owner = bed.owner("a");
    bed.kill(owner);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    let gaps = account.gaps();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].len() > secs(13) && gaps[0].len() < secs(18), "{}", account.story());
}

#[tokio::test(start_paused = true)]
async fn an_exclusive_drain_has_a_short_and_certain_gap() {
    let bed = Bed::with(2, &[("a", WITHOUT_IDS)]).await;
    let owner = bed.owner("a");
    bed.nodes[owner].drain.send(()).await.unwrap();
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    let gaps = account.gaps();
    assert_eq!(gaps.len(), 1, "{}", account.story());
    assert!(gaps[0].certain && gaps[0].len() < secs(1), "{}", account.story());
    let owners: Vec<_> = account.kinds();
    assert_eq!(owners, ["owner", "open", "stopped", "owner", "open", "gap"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_was_cut_is_refused_after_its_successor_began() {
    let bed = Bed::with(2, &[("a", WITHOUT_IDS)]).await;
    let owner = bed.owner("a");
    let link = bed.nodes[owner].link;
    bed.world.cut(link, true);
    sleep(secs(40)).await;
    bed.world.cut(link, false);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    let mut epochs = Vec::new();
    for (_, item) in &account.items {
        if let super::Item::Number(_, data) = item {
            epochs.push(data.epoch);
        }
    }
    assert!(epochs.is_sorted(), "{}", account.story());
    epochs.dedup();
    assert!(epochs.len() >= 2, "{}", account.story());
}

#[tokio::test(start_paused = true)]
async fn batches_are_tried_again_in_order_when_there_are_too_many() {
    let names: Vec<_> = (0..30).map(|index| format!("s{index}")).collect();
    let wishes: Vec<_> = names.iter().map(|name| (name.as_str(), WITHOUT_IDS)).collect();
    let bed = Bed::with(3, &wishes).await;
    for _ in 0..50 {
        bed.world.lock().busy = 40;
        sleep(ms(100)).await;
    }
    bed.settle().await;
    for name in &names {
        Account::of(&bed, name).assert_whole();
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_answer_is_lost_is_stored_once() {
    for wish in [EXCLUSIVE, WITHOUT_IDS] {
        let bed = Bed::with(1, &[("a", wish)]).await;
        for mode in [Stream::Mute, Stream::Loses, Stream::Refuses] {
            bed.world.lock().stream = mode;
            sleep(ms(6_300)).await;
            bed.world.lock().stream = Stream::Normal;
            sleep(secs(3)).await;
        }
        bed.settle().await;
        Account::of(&bed, "a").assert_whole();
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_record_has_expired_writes_another() {
    let bed = Bed::with(1, &[("a", WITHOUT_IDS)]).await;
    bed.world.expire(&bed.names.owners("a"));
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_whole();
    assert_eq!(account.kinds(), ["owner", "open", "owner"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_record_has_expired_leaves_a_gap() {
    for wish in [r#"{"kind":"overlap"}"#, WITHOUT_IDS] {
        let mut bed = Bed::with(2, &[("a", wish)]).await;
        bed.world.expire(&bed.names.owners("a"));
        let owner = bed.owner("a");
        bed.kill(owner);
        bed.settle().await;
        let account = Account::of(&bed, "a");
        account.assert_sound();
        assert_eq!(account.gaps().len(), 1, "{}", account.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_latest_owner_is_the_one_in_the_stream() {
    let mut bed = Bed::with(2, &[("a", WITHOUT_IDS)]).await;
    let owner = bed.owner("a");
    bed.kill(owner);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    let epochs: Vec<_> = account
        .notes()
        .into_iter()
        .filter(|note| matches!(note, Note::Owner { .. }))
        .map(Note::epoch)
        .collect();
    assert!(epochs.len() == 2 && epochs[0] < epochs[1]);
}
