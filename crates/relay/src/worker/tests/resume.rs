//! Subscriptions that another owner resumes.

use tokio::time::{Instant, sleep};

use super::{Account, Bed, ms, secs};
use crate::{engine::memory::Stream, record::Bucket, session::values_from};

const RESUME: &str = r#"{"kind":"resume"}"#;

fn checkpoint(bed: &Bed) -> u64 {
    let value = bed.world.value(Bucket::Checkpoints, "a").expect("a checkpoint");
    values_from(&value).expect("values")["seq"].parse().expect("a number")
}

#[tokio::test(start_paused = true)]
async fn checkpoints_are_written_at_most_each_second() {
    let bed = Bed::with(1, &[("a", RESUME)]).await;
    bed.settle().await;
    let times: Vec<Instant> = bed.world.lock().checkpoints.iter().map(|(at, _)| *at).collect();
    assert!(times.len() > 25);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= secs(1)));
    assert_eq!(checkpoint(&bed), *Account::of(&bed, "a").numbers().last().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_has_only_values_of_stored_messages() {
    let bed = Bed::with(1, &[("a", RESUME)]).await;
    bed.world.lock().stream = Stream::Loses;
    for _ in 0..40 {
        sleep(ms(100)).await;
        let stored = *Account::of(&bed, "a").numbers().last().unwrap();
        assert!(checkpoint(&bed) <= stored);
    }
    bed.world.lock().stream = Stream::Normal;
    bed.settle().await;
    Account::of(&bed, "a").assert_whole();
}

#[tokio::test(start_paused = true)]
async fn the_next_owner_gets_the_values() {
    for drains in [false, true] {
        let mut bed = Bed::with(2, &[("a", RESUME)]).await;
        let owner = bed.owner("a");
        let last = bed.feed("a", |feed| feed.sent.len() as u64);
        if drains {
            bed.nodes[owner].drain.send(()).await.unwrap();
        } else {
            bed.kill(owner);
        }
        bed.settle().await;
        assert_ne!(bed.owner("a"), owner);
        Account::of(&bed, "a").assert_sound();
        let values = bed.feed("a", |feed| feed.values.last().cloned()).unwrap().unwrap();
        let number: u64 = values["seq"].parse().unwrap();
        // A second is not written after a kill.
        let least = if drains { last } else { last - 11 };
        assert!(number >= least && number <= last + 1, "{number} of {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn checkpoints_that_cannot_be_written_delay_no_message() {
    let bed = Bed::with(1, &[("a", RESUME)]).await;
    bed.world.lock().buckets_down = true;
    for _ in 0..6 {
        sleep(secs(1)).await;
        let stored = *Account::of(&bed, "a").numbers().last().unwrap();
        let sent = bed.feed("a", |feed| feed.sent.len() as u64);
        assert!(sent - stored < 3, "{stored} of {sent}");
    }
    bed.world.lock().buckets_down = false;
    bed.settle().await;
    Account::of(&bed, "a").assert_whole();
    assert_eq!(checkpoint(&bed), *Account::of(&bed, "a").numbers().last().unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_earlier_owner_does_not_overwrite_a_checkpoint() {
    let bed = Bed::with(1, &[("a", RESUME)]).await;
    let later = br#"{"schema":1,"epoch":999999,"values":{"seq":"7"}}"#;
    bed.world.set(Bucket::Checkpoints, "a", Some(later.as_slice().into()));
    sleep(secs(5)).await;
    assert_eq!(checkpoint(&bed), 7);
}
