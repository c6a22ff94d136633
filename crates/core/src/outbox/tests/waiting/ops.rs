//! The random steps, and random settings.

use proptest::prelude::*;

use crate::config::{Offline, OutboxSettings, WhenFull};

/// A step of the test.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Queue {
        bytes: usize,
        max_age: Option<u64>,
        within: Option<u64>,
    },
    TryQueue {
        bytes: usize,
    },
    Poll {
        which: usize,
        other_task: bool,
    },
    Drop {
        which: usize,
    },
    PollReceipt {
        which: usize,
    },
    DropReceipt {
        which: usize,
    },
    Ready {
        sink: usize,
        other_task: bool,
    },
    Send {
        sink: usize,
        bytes: usize,
    },
    TryQueueOfSink {
        sink: usize,
        bytes: usize,
    },
    Flush {
        sink: usize,
    },
    DropSink {
        sink: usize,
    },
    /// As `into_driver` does. `Resume` is the first handle of the driver.
    Suspend {
        sink: usize,
    },
    Resume {
        sink: usize,
    },
    HandOver {
        back: usize,
    },
    Written,
    Open,
    Lose {
        replacing: bool,
    },
    GiveUpReplacing,
    Time {
        seconds: u64,
    },
    Replay {
        key: u8,
        bytes: usize,
    },
    ForgetReplay {
        key: u8,
    },
    Layer {
        count: usize,
        bytes: usize,
        receipts: bool,
    },
    Withdraw {
        which: usize,
    },
    Rest,
    StopAccepting,
    Close,
}

/// A random step.
pub(super) fn op() -> impl Strategy<Value = Op> {
    let bytes = || prop_oneof![4 => 0..5_usize, 2 => 0..15_usize, 1 => 0..30_usize];
    let seconds = || prop::option::weighted(0.3, 1..10_u64);
    let which = || 0..6_usize;
    let sink = || 0..3_usize;
    let main = prop_oneof![
        6 => (bytes(), seconds(), seconds())
            .prop_map(|(bytes, max_age, within)| Op::Queue { bytes, max_age, within }),
        3 => bytes().prop_map(|bytes| Op::TryQueue { bytes }),
        5 => (which(), prop::bool::weighted(0.2))
            .prop_map(|(which, other_task)| Op::Poll { which, other_task }),
        2 => which().prop_map(|which| Op::Drop { which }),
        2 => which().prop_map(|which| Op::PollReceipt { which }),
        1 => which().prop_map(|which| Op::DropReceipt { which }),
        6 => (sink(), prop::bool::weighted(0.2))
            .prop_map(|(sink, other_task)| Op::Ready { sink, other_task }),
        6 => (sink(), bytes()).prop_map(|(sink, bytes)| Op::Send { sink, bytes }),
        1 => (sink(), bytes()).prop_map(|(sink, bytes)| Op::TryQueueOfSink { sink, bytes }),
        4 => sink().prop_map(|sink| Op::Flush { sink }),
        1 => sink().prop_map(|sink| Op::DropSink { sink }),
        1 => sink().prop_map(|sink| Op::Suspend { sink }),
        1 => sink().prop_map(|sink| Op::Resume { sink }),
    ];
    let driver = prop_oneof![
        8 => (0..3_usize).prop_map(|back| Op::HandOver { back }),
        8 => Just(Op::Written),
        4 => Just(Op::Open),
        2 => any::<bool>().prop_map(|replacing| Op::Lose { replacing }),
        1 => Just(Op::GiveUpReplacing),
        2 => (0..8_u64).prop_map(|seconds| Op::Time { seconds }),
        1 => (0..2_u8, bytes()).prop_map(|(key, bytes)| Op::Replay { key, bytes }),
        1 => (0..2_u8).prop_map(|key| Op::ForgetReplay { key }),
        2 => (0..3_usize, bytes(), any::<bool>())
            .prop_map(|(count, bytes, receipts)| Op::Layer { count, bytes, receipts }),
        1 => which().prop_map(|which| Op::Withdraw { which }),
        1 => Just(Op::Rest),
    ];
    prop_oneof![60 => main, 40 => driver, 1 => Just(Op::StopAccepting), 1 => Just(Op::Close)]
}

/// Random settings of the outbox, with small bounds.
pub(super) fn policy() -> impl Strategy<Value = OutboxSettings> {
    let when_full =
        prop_oneof![Just(WhenFull::Wait), Just(WhenFull::Refuse), Just(WhenFull::DropOldest)];
    let offline = prop_oneof![Just(Offline::Keep), Just(Offline::Refuse)];
    (1..5_usize, 1..24_usize, when_full, offline, 0..3_u32, any::<bool>()).prop_map(
        |(count, bytes, when_full, offline, resend, give_back)| {
            let policy = OutboxSettings::new().count(count).bytes(bytes).when_full(when_full);
            policy.offline(offline).resend(resend).give_back(give_back)
        },
    )
}
