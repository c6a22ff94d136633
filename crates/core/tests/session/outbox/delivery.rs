//! Every accepted message has exactly one fate (invariant 13): random sessions, and each rule
//! alone.

use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use proptest::prelude::*;
use websocket_heartbeat::{DropReason, Event, Fate, Message, Offline, OutboxSettings, WhenFull};
use websocket_heartbeat_mock::{Rng, Script};

use super::ledger::{Act, Ledger};
use crate::harness::{Fixture, ms, secs, texts};

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let size = prop_oneof![
        2 => Just(0_usize),
        6 => 4_usize..200,
        2 => 1_000_usize..5_000,
        1 => 65_000_usize..70_000,
    ];
    let age = prop_oneof![4 => Just(None), 1 => (1_u64..3_000).prop_map(Some)];
    let queue = (size, any::<bool>(), age).prop_map(|(size, receipt, max_age)| Act::Queue {
        size,
        receipt,
        max_age,
    });
    let act = prop_oneof![
        24 => queue,
        8 => (0_u64..2_500).prop_map(Act::Run),
        6 => Just(Act::Run(0)),
        5 => (0_u64..2_000).prop_map(Act::Quota),
        2 => (0_u64..140_000).prop_map(Act::Quota),
        3 => Just(Act::Resume),
        2 => Just(Act::Break),
        1 => Just(Act::FailWrites),
        1 => Just(Act::End),
        1 => Just(Act::CutCable),
        2 => Just(Act::Say),
        1 => Just(Act::Reconnect),
        1 => prop_oneof![Just(Act::Close), Just(Act::Abort), Just(Act::Drop)],
    ];
    prop::collection::vec(act, 1..80)
}

fn outboxes() -> impl Strategy<Value = OutboxSettings> {
    let full =
        prop_oneof![Just(WhenFull::Wait), Just(WhenFull::Refuse), Just(WhenFull::DropOldest)];
    let offline = prop_oneof![3 => Just(Offline::Keep), 1 => Just(Offline::Refuse)];
    let count = prop_oneof![1_usize..20, Just(1_024)];
    let bytes = prop_oneof![Just(70_000_usize), Just(64 << 20)];
    (count, bytes, full, offline, any::<bool>()).prop_map(
        |(count, bytes, full, offline, give_back)| {
            let outbox = OutboxSettings::new().count(count).bytes(bytes).give_back(give_back);
            outbox.when_full(full).offline(offline)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_message_accepted_ends_in_exactly_one_fate(
        acts in acts(),
        outbox in outboxes(),
        resend in prop_oneof![2 => Just(0_u32), 1 => 1_u32..4],
        seed in any::<u64>(),
    ) {
        let mut rng = Rng::new(seed);
        let script = move |_| {
            let script = match rng.below(8) {
                0 => return Script::refuse_connection(),
                1 => Script::accept().hesitant(),
                2 => Script::accept().write_rate(1 + rng.below(500), ms(10)),
                3 => Script::accept().write_buffer(1 + rng.below(300)),
                4 => Script::accept().without_bytes_written(),
                _ => Script::accept(),
            };
            script.after(rng.duration(Duration::ZERO..ms(1_500)))
        };
        let mut ledger = Ledger::new(script, outbox, resend);
        acts.iter().for_each(|act| ledger.act(act));
        ledger.settle();
    }
}

#[test]
fn a_loss_counts_written_but_unproven_messages() {
    let mut ledger = Ledger::new(|_| Script::accept().silent(), OutboxSettings::new(), 0);
    let queue = Act::Queue { size: 10, receipt: true, max_age: None };
    let run = Act::Run(10);
    for act in [&queue, &queue, &queue, &run, &Act::Say, &run, &queue, &queue, &run, &Act::End] {
        ledger.act(act);
    }
    ledger.act(&run);
    let lost = ledger.log.events().into_iter().find_map(|event| match event {
        Event::Lost(lost) => Some(lost),
        _ => None,
    });
    let lost = lost.unwrap();
    assert_eq!(
        (lost.unproven, lost.unknown),
        (5, 0),
        "unasked messages of the server prove nothing"
    );
    ledger.settle();
}

#[test]
fn new_sends_never_overtake_the_backlog() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().after(secs(1)));
    let mut session = builder.build().unwrap();
    let handle = session.handle();
    for number in 0..600 {
        handle.try_queue(format!("backlog {number}")).unwrap();
    }
    let eager = session.handle();
    let reading = async move {
        while let Some(event) = session.next().await {
            if matches!(event, Event::Open(_)) {
                eager.try_queue("new").unwrap();
            }
        }
    };
    fixture.runner.spawn(reading).detach();
    fixture.runner.run_for(secs(2));
    let received = texts(&fixture.remote.last_peer().unwrap().received_messages());
    assert_eq!((received.len(), received[600].as_str()), (601, "new"));
}

#[test]
fn a_message_that_kills_connections_stops_at_the_resend_limit() {
    for resend in 0..4 {
        let outbox = OutboxSettings::new().resend(resend);
        let (mut fixture, builder) = Fixture::new(|_| Script::accept().message_limit(1_000));
        let session = builder.outbox(outbox).build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        let poison = Message::binary(vec![0; 2_000]);
        let fates = fixture.runner.run_until(async {
            let sends = [Message::text("before"), poison.clone(), Message::text("after")];
            let receipts = stream::iter(sends).then(|message| handle.queue_with_receipt(message));
            let receipts: Vec<_> = receipts.map(Result::unwrap).collect().await;
            futures::future::join_all(receipts).await
        });
        assert_eq!(fixture.remote.dials().len() as u32, resend + 2, "{resend}");
        let fate = if resend == 0 {
            Fate::Unknown { connection: 1, message: Some(poison) }
        } else {
            Fate::Dropped { reason: DropReason::ResendLimit, message: poison }
        };
        assert_eq!(fates[1], fate);
        assert_eq!(fates[2], Fate::Written { connection: u64::from(resend) + 2 });
    }
}

#[test]
fn a_receipt_is_written_only_after_the_flush() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    fixture.runner.settle();
    let peer = fixture.remote.last_peer().unwrap();
    peer.write_quota(0);
    let mut receipt = handle.queue_with_receipt("0123456789").now_or_never().unwrap().unwrap();
    // 10 bytes of payload, and 6 of header and mask.
    for byte in 0..16 {
        fixture.runner.settle();
        assert!((&mut receipt).now_or_never().is_none(), "{byte}");
        peer.write_quota(1);
    }
    fixture.runner.settle();
    assert_eq!(receipt.now_or_never(), Some(Fate::Written { connection: 1 }));
}
