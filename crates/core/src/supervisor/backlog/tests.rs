use super::*;
use crate::event::{Connecting, DropReason, LostCause, Retry};

const LIMIT: Load = Load { count: 10, bytes: 1_000 };
const UNPROVEN: Load = Load { count: 7, bytes: 40 };

fn lost(connection: u64) -> Event {
    let message = Message::text(connection.to_string());
    Event::Lost(Box::new(Lost {
        connection,
        opened: false,
        cause: LostCause::Replaced,
        unsent: vec![Fate::Dropped { reason: DropReason::Offline, message }],
        unproven: 1,
        unproven_messages: vec![Message::text(connection.to_string())],
        unproven_discarded: 0,
        unknown: 0,
        discarded: 0,
        ever_answered: false,
        cutoff: None,
        verdict_panic: None,
        skipped_cycles: 0,
    }))
}

fn cycle(backlog: &mut Backlog, connection: u64) {
    backlog.push(lost(connection));
    let cause = LostCause::Replaced;
    backlog.push(Event::Retry(Box::new(Retry { attempt: 1, delay: Default::default(), cause })));
    backlog.push(Event::Connecting(Connecting { connection: connection + 1, attempt: 1 }));
}

#[test]
fn a_million_unread_cycles_fold_into_few_events_and_keep_all_counts() {
    let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
    backlog.push(Event::Connecting(Connecting { connection: 1, attempt: 0 }));
    for connection in 1..=1_000_000 {
        cycle(&mut backlog, connection);
    }
    assert!(backlog.events.len() <= 7, "{}", backlog.events.len());
    let mut cycles = 0;
    let (mut returned, mut discarded, mut unproven) = (0, 0, 0);
    let (mut kept, mut beyond) = (vec![], 0);
    let mut last = 0;
    while let Some(event) = backlog.pop() {
        if let Event::Lost(lost) = event {
            assert!(lost.connection > last, "order is kept");
            last = lost.connection;
            cycles += 1 + lost.skipped_cycles;
            returned += lost.unsent.len() as u64;
            discarded += lost.discarded;
            unproven += lost.unproven;
            kept.push(lost.unproven_messages.len() as u64);
            beyond += lost.unproven_discarded;
        }
    }
    assert_eq!((cycles, last, unproven), (1_000_000, 1_000_000, 1_000_000));
    // One message of seven bytes and five of six bytes fit.
    assert_eq!((kept.clone(), kept[0] + kept[1] + beyond), (vec![1, 6], 1_000_000));
    assert_eq!(returned, 11);
    assert_eq!(returned + discarded, 1_000_000);
}

#[test]
fn a_folded_loss_has_the_sums_of_the_losses_before_it() {
    let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
    for connection in 1..=4 {
        let mut event = lost(connection);
        let Event::Lost(lost) = &mut event else { unreachable!() };
        let count = 10_u64.pow(connection as u32);
        lost.unproven = count;
        lost.unknown = 2 * count;
        lost.discarded = 3 * count;
        lost.unproven_discarded = 4 * count;
        backlog.push(event);
    }
    let Some(Event::Lost(_)) = backlog.pop() else { panic!("the first is not folded") };
    let Some(Event::Lost(lost)) = backlog.pop() else { panic!("the others are one") };
    let counts = [lost.unproven, lost.unknown, lost.discarded, lost.unproven_discarded];
    assert_eq!(counts, [11_100, 22_200, 33_300, 44_400]);
    assert_eq!((lost.skipped_cycles, lost.unsent.len()), (2, 3));
    assert!(backlog.pop().is_none());
}

#[test]
fn cycles_do_not_fold_across_a_message() {
    let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
    for connection in 1..=4 {
        cycle(&mut backlog, connection);
        backlog.push(Event::Message(Message::text("between")));
    }
    assert_eq!(backlog.events.len(), 16);
    assert_eq!(backlog.held().count, 4);
}

#[test]
fn dropped_messages_are_counted_and_the_queue_stays_bounded() {
    let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
    let mut lagged = 0;
    for connection in 1..=1_000 {
        cycle(&mut backlog, connection);
        backlog.push(Event::Message(Message::text("x")));
        if backlog.held().count > 3 {
            backlog.drop_oldest();
            lagged += 1;
        }
    }
    assert!(backlog.events.len() < 40, "{}", backlog.events.len());
    let mut reported = 0;
    let mut cycles = 0;
    while let Some(event) = backlog.pop() {
        match event {
            Event::Lagged(count) => reported += count,
            Event::Lost(lost) => cycles += 1 + lost.skipped_cycles,
            _ => {}
        }
    }
    assert_eq!((reported, cycles), (lagged, 1_000));
}

#[test]
fn the_fates_of_a_folded_loss_are_bounded_in_bytes() {
    let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
    for connection in 1..=20 {
        let mut event = lost(connection);
        let Event::Lost(lost) = &mut event else { unreachable!() };
        let message = Message::binary(vec![0; 400]);
        lost.unsent = vec![Fate::Dropped { reason: DropReason::Expired, message }];
        backlog.push(event);
    }
    let lost: Vec<_> = std::iter::from_fn(|| backlog.pop())
        .map(|event| match event {
            Event::Lost(lost) => (lost.unsent.len(), lost.discarded),
            other => panic!("{other:?}"),
        })
        .collect();
    // The first loss is not folded. Two of the other 19 fates fit.
    assert_eq!(lost, [(1, 0), (2, 17)]);
}
