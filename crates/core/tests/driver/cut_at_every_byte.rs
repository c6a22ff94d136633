//! The line is cut after each byte of a flush, by each way in which lines end (P14, E11).

use websocket_heartbeat::{Offline, OutboxSettings};
use websocket_heartbeat_mock::Script;

use crate::delivery::{Act, Ledger};

fn queue(size: usize, receipt: bool) -> Act {
    Act::Queue { size, receipt, max_age: None }
}

/// Sends `messages` over a line that takes `bytes`, ends it as `cut` says while more is queued,
/// and settles the accounts.
fn cut_after(bytes: u64, cut: &Act, messages: &[Act], outbox: OutboxSettings, resend: u32) {
    let mut ledger = Ledger::new(|_| Script::accept(), outbox, resend);
    ledger.act(&Act::Run(0));
    ledger.act(&Act::Quota(bytes));
    messages.iter().for_each(|message| ledger.act(message));
    ledger.act(&Act::Run(0));
    // Behind the handed window, at the moment of the cut, and in the outage.
    ledger.act(&queue(7, true));
    ledger.act(cut);
    ledger.act(&queue(8, false));
    ledger.act(&Act::Run(0));
    ledger.act(&queue(9, true));
    ledger.act(&Act::Run(5_000));
    ledger.settle();
}

const CUTS: [Act; 8] = [
    Act::Break,
    Act::FailWrites,
    Act::End,
    Act::CutCable,
    Act::Reconnect,
    Act::Close,
    Act::Abort,
    Act::Drop,
];

#[test]
fn each_byte_of_a_small_flush() {
    // With 6 bytes of header and mask each, 8 where the length needs two more: 6 + 11 + 138 + 6.
    let messages = [queue(0, true), queue(5, false), queue(130, true), queue(0, false)];
    for cut in &CUTS {
        for bytes in 0..=165 {
            for resend in 0..2 {
                cut_after(bytes, cut, &messages, OutboxSettings::new(), resend);
            }
        }
    }
}

#[test]
fn each_byte_of_a_small_flush_where_nothing_is_kept_or_given_back() {
    let messages = [queue(0, true), queue(5, false), queue(30, true), queue(0, false)];
    let original = OutboxSettings::new().offline(Offline::Refuse).give_back(false);
    for cut in &CUTS {
        for bytes in 0..=60 {
            cut_after(bytes, cut, &messages, original, 0);
        }
    }
}

#[test]
fn around_the_edges_of_windows_of_64_kib_and_of_one_larger_message() {
    let messages =
        [queue(60_000, true), queue(5_000, true), queue(1_000, true), queue(70_000, true)];
    let ends = [60_008_u64, 65_016, 66_024, 136_038];
    for cut in &CUTS {
        for end in ends {
            for bytes in end - 2..=end + 2 {
                cut_after(bytes, cut, &messages, OutboxSettings::new(), 0);
            }
        }
    }
}
