//! Owners begin, move and die.

use tokio::time::sleep;

use super::{Account, Bed, Item, ms, secs};
use crate::worker::End;

const OVERLAP: &str = r#"{"kind":"overlap"}"#;

#[tokio::test(start_paused = true)]
async fn a_fresh_subscription_has_no_gap() {
    let bed = Bed::with(1, &[("a", OVERLAP)]).await;
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_whole();
    assert_eq!(account.kinds(), ["owner", "open"]);
    assert!(account.numbers().len() > 250);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_recorded_with_its_gap() {
    let bed = Bed::with(1, &[("a", OVERLAP)]).await;
    sleep(ms(50)).await;
    bed.peers("a")[0].1.end();
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert_eq!(account.kinds(), ["owner", "open", "lost", "open", "gap"]);
    let missing = account.missing();
    let gap = account.gaps()[0];
    assert!(gap.certain);
    let (first, last) = (missing[0], *missing.last().unwrap());
    assert_eq!(gap.from, account.sent_at(first - 1));
    assert_eq!(gap.to, account.sent_at(last + 1));
}

#[tokio::test(start_paused = true)]
async fn a_killed_owner_leaves_a_gap_from_its_last_stored_message() {
    let mut bed = Bed::with(3, &[("a", OVERLAP)]).await;
    sleep(ms(50)).await;
    let owner = bed.owner("a");
    bed.kill(owner);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert_ne!(bed.owner("a"), owner);
    assert_eq!(account.gaps().len(), 1, "{}", account.story());
    let gap = account.gaps()[0];
    assert!(!gap.certain && gap.len() < ms(2_700), "{}", account.story());
    assert_eq!(gap.from, account.sent_at(account.missing()[0] - 1));
}

#[tokio::test(start_paused = true)]
async fn a_planned_move_misses_nothing() {
    let names: Vec<_> = (0..6).map(|index| format!("s{index}")).collect();
    let wishes: Vec<_> = names.iter().map(|name| (name.as_str(), OVERLAP)).collect();
    let mut bed = Bed::with(1, &wishes).await;
    bed.start("worker-1");
    // It does not know how long the blocks have had their owner.
    sleep(secs(90)).await;
    let moved = names.iter().filter(|name| bed.owner(name) == 1).count();
    assert!(moved > 0, "the new worker owns something");
    bed.settle().await;
    for name in &names {
        let account = Account::of(&bed, name);
        account.assert_whole();
        let expected: &[_] = if bed.owner(name) == 1 {
            &["owner", "open", "owner", "open", "stopped"]
        } else {
            &["owner", "open"]
        };
        assert_eq!(account.kinds(), expected);
    }
}

/// A fleet of two workers in which the connection of one subscription, which is returned, has just been
/// opened on the second one, and is still open on the first.
async fn moving() -> (Bed, String) {
    let names: Vec<_> = (0..8).map(|index| format!("s{index}")).collect();
    let wishes: Vec<_> = names.iter().map(|name| (name.as_str(), OVERLAP)).collect();
    let mut bed = Bed::with(1, &wishes).await;
    // Until the first worker has had them long enough.
    sleep(secs(65)).await;
    bed.start("worker-1");
    for _ in 0..20_000 {
        sleep(ms(1)).await;
        for name in &names {
            if bed.peers(name).len() == 2 {
                return (bed, name.clone());
            }
        }
    }
    panic!("nothing moves");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_dies_during_its_handover_leaves_a_gap() {
    let (mut bed, name) = moving().await;
    // Its last messages are not stored, and the new owner does not have them.
    bed.world.kill(bed.nodes[0].link);
    sleep(ms(350)).await;
    bed.kill(0);
    bed.settle().await;
    let account = Account::of(&bed, &name);
    account.assert_sound();
    assert_eq!(account.gaps().len(), 1, "{}", account.story());
}

#[tokio::test(start_paused = true)]
async fn two_owners_that_die_during_a_handover_leave_a_gap() {
    for wait in [150, 2_400] {
        let (mut bed, name) = moving().await;
        bed.kill(0);
        sleep(ms(wait)).await;
        bed.kill(1);
        bed.start("third");
        bed.settle().await;
        let account = Account::of(&bed, &name);
        account.assert_sound();
        assert!(!account.gaps().is_empty(), "{}", account.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_move_misses_nothing() {
    let (mut bed, name) = moving().await;
    sleep(secs(2)).await;
    assert_eq!(bed.owner(&name), 1);
    bed.nodes[1].drain.send(()).await.unwrap();
    sleep(secs(10)).await;
    assert_eq!(bed.owner(&name), 0);
    bed.start("third");
    bed.settle().await;
    Account::of(&bed, &name).assert_whole();
}

#[tokio::test(start_paused = true)]
async fn a_drain_hands_over_and_ends() {
    let mut bed = Bed::with(3, &[("a", OVERLAP), ("b", OVERLAP), ("c", OVERLAP)]).await;
    let owner = bed.owner("a");
    bed.nodes[owner].drain.send(()).await.unwrap();
    let end = tokio::time::timeout(secs(20), &mut bed.nodes[owner].task).await;
    assert_eq!(end.unwrap().unwrap(), End::Drained);
    bed.settle().await;
    for name in ["a", "b", "c"] {
        Account::of(&bed, name).assert_whole();
        assert_ne!(bed.owner(name), owner);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_process_with_a_name_ends() {
    let mut bed = Bed::with(1, &[("a", OVERLAP)]).await;
    let double = bed.start("worker-0");
    let end = tokio::time::timeout(secs(10), &mut bed.nodes[double].task).await;
    assert!(matches!(end.unwrap().unwrap(), End::Double(worker) if worker.incarnation == 1));
    bed.settle().await;
    Account::of(&bed, "a").assert_whole();
}

#[tokio::test(start_paused = true)]
async fn a_restart_with_the_same_name_takes_over() {
    let mut bed = Bed::with(1, &[("a", OVERLAP)]).await;
    bed.kill(0);
    sleep(ms(300)).await;
    bed.start("worker-0");
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert_eq!(account.gaps().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_two_owners_a_kill_loses_nothing() {
    let mut bed = Bed::with(3, &[("a", r#"{"kind":"twice"}"#)]).await;
    let owners: Vec<_> = bed.peers("a").iter().map(|(index, _)| *index).collect();
    assert_eq!(owners.len(), 2);
    bed.kill(owners[0]);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert_eq!(account.missing(), [0; 0], "{}", account.story());
    assert_eq!(bed.peers("a").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_connection_and_first_message_hides_no_gap() {
    let mut bed = Bed::with(2, &[("a", OVERLAP)]).await;
    let owner = bed.owner("a");
    bed.feed("a", |feed| feed.is_down = true);
    bed.peers("a")[0].1.end();
    sleep(secs(5)).await;
    // It opens again, and dies before a message arrives.
    bed.feed("a", |feed| (feed.is_down, feed.is_paused) = (false, true));
    while bed.peers("a").is_empty() {
        sleep(ms(100)).await;
    }
    sleep(ms(50)).await;
    bed.kill(owner);
    bed.feed("a", |feed| feed.is_paused = false);
    bed.settle().await;
    let account = Account::of(&bed, "a");
    account.assert_sound();
    assert!(account.missing().len() > 40, "{}", account.story());
}

#[tokio::test(start_paused = true)]
async fn messages_without_an_id_end_no_gap() {
    let wish = r#"{"greets":true}"#;
    let bed = Bed::with(1, &[("a", wish), ("b", r#"{"greets":true,"without_id":"drop"}"#)]).await;
    for name in ["a", "b"] {
        bed.feed(name, |feed| feed.is_down = true);
        bed.peers(name)[0].1.end();
    }
    sleep(secs(3)).await;
    for name in ["a", "b"] {
        bed.feed(name, |feed| (feed.is_down, feed.is_paused) = (false, true));
    }
    sleep(secs(20)).await;
    for name in ["a", "b"] {
        bed.feed(name, |feed| feed.is_paused = false);
    }
    bed.settle().await;
    for (name, greetings) in [("a", 2), ("b", 0)] {
        let account = Account::of(&bed, name);
        account.assert_sound();
        let others = account.items.iter().filter(|(_, item)| matches!(item, Item::Other(_)));
        assert_eq!(others.count(), greetings, "{}", account.story());
        let gap = account.gaps()[0];
        assert!(gap.len() > secs(20), "{}", account.story());
    }
}
