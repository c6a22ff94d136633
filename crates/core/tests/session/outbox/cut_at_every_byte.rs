//! The connection is cut after each byte of a flush, in each possible way.

use websocket_heartbeat::{Offline, OutboxSettings};
use websocket_heartbeat_mock::Script;

use super::ledger::{Act, Ledger};

fn queue(size: usize, receipt: bool) -> Act {
    Act::Queue { size, receipt, max_age: None }
}

/// Sends `messages` over a link that accepts `bytes`, cuts it with `cut` while more messages are
/// queued, and checks all fates.
fn cut_after(bytes: u64, cut: &Act, messages: &[Act], outbox: OutboxSettings, resend: u32) {
    let mut ledger = Ledger::new(|_| Script::accept(), outbox, resend);
    ledger.act(&Act::Run(0));
    ledger.act(&Act::Quota(bytes));
    messages.iter().for_each(|message| ledger.act(message));
    ledger.act(&Act::Run(0));
    // The messages are queued behind the handed window, at the time of the cut, and during the
    // outage.
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
fn a_small_flush_can_be_cut_at_each_byte() {
    // Each message has 6 bytes of header and mask, or 8 if the length needs two more: 6 + 11 + 138
    // + 6.
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
fn a_cut_flush_without_kept_messages_keeps_its_fates() {
    let messages = [queue(0, true), queue(5, false), queue(30, true), queue(0, false)];
    let original = OutboxSettings::new().offline(Offline::Refuse).give_back(false);
    for cut in &CUTS {
        for bytes in 0..=60 {
            cut_after(bytes, cut, &messages, original, 0);
        }
    }
}

#[test]
fn a_flush_can_be_cut_at_the_edges_of_its_windows() {
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
