//! The plan of a case, drawn from its seed.

use websocket_heartbeat::{Message, OutboxSettings, WhenFull};
use websocket_heartbeat_mock::Rng;

use crate::server::{Cut, Ending};

/// A message of this size or more contains its number.
const NUMBERED: u64 = 4;

#[derive(Debug)]
pub(crate) struct Plan {
    /// The size of each message, and whether it has a receipt.
    pub(crate) messages: Vec<(usize, bool)>,
    pub(crate) cuts: Vec<Cut>,
    /// Whether the session ends with the last cut.
    pub(crate) gives_up: bool,
    /// Whether the server's kernel buffers little.
    pub(crate) small_buffer: bool,
    pub(crate) resend: u32,
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) give_back: bool,
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let rng = &mut Rng::new(seed);
        let resend = if rng.once_in(2) { 1 + rng.below(3) as u32 } else { 0 };
        let when_full = if rng.once_in(4) { WhenFull::DropOldest } else { WhenFull::Wait };
        let give_back = !rng.once_in(4);
        // Only receipts report the fates of these messages.
        let all_receipts = when_full == WhenFull::DropOldest || !give_back;
        let stalls = rng.once_in(8);
        let least = if resend > 0 || all_receipts { NUMBERED } else { 0 };
        let (many, largest) = match rng.below(10) {
            _ if stalls => (60, 200 << 10),
            0..6 => (30 + rng.below(90), 300),
            6..8 => (20 + rng.below(20), 70_000),
            _ => (20 + rng.below(20), 200 << 10),
        };
        let mut messages: Vec<_> = (0..many)
            .map(|_| {
                let largest = match rng.below(4) {
                    _ if stalls => largest,
                    0 => 300,
                    1 => least + 1,
                    _ => largest,
                };
                let size = least + rng.below(largest - least + 1);
                (size as usize, all_receipts || size < NUMBERED || rng.once_in(2))
            })
            .collect();
        // The receipt of the last message shows that all are settled.
        messages.last_mut().unwrap().1 = true;
        let first = if stalls { Some(Ending::Stall) } else { None };
        let cuts = (0..1 + rng.below(3))
            .map(|cut| Cut {
                after: after(rng, &messages),
                ending: first.filter(|_| cut == 0).unwrap_or_else(|| match rng.below(8) {
                    0 | 1 => Ending::Reset,
                    2 => Ending::Drop,
                    3 | 4 => Ending::End,
                    5 | 6 => Ending::Close,
                    _ => Ending::Stall,
                }),
            })
            .collect();
        Self {
            messages,
            cuts,
            gives_up: rng.once_in(4),
            small_buffer: stalls || rng.once_in(2),
            resend,
            count: [1, 4, 32, 1_024][rng.below(4) as usize],
            bytes: [200 << 10, 1 << 20, 64 << 20][rng.below(3) as usize],
            when_full,
            give_back,
        }
    }

    pub(crate) fn outbox(&self) -> OutboxSettings {
        let outbox =
            OutboxSettings::new().count(self.count).bytes(self.bytes).when_full(self.when_full);
        outbox.resend(self.resend).give_back(self.give_back || self.resend > 0)
    }

    /// A message, which contains its number if it has room for it.
    pub(crate) fn message(&self, number: usize) -> Message {
        let mut bytes: Vec<_> = (0..self.messages[number].0).map(|i| (i + number) as u8).collect();
        if let Some(head) = bytes.first_chunk_mut() {
            *head = (number as u32).to_be_bytes();
        }
        Message::binary(bytes)
    }
}

/// The number of bytes before a cut: any, or one near the end of a frame.
fn after(rng: &mut Rng, messages: &[(usize, bool)]) -> u64 {
    let ends: Vec<u64> = messages
        .iter()
        .scan(0, |end, (size, _)| {
            *end += *size as u64
                + if *size < 126 {
                    6
                } else if *size < 65_536 {
                    8
                } else {
                    14
                };
            Some(*end)
        })
        .collect();
    if rng.once_in(2) {
        return rng.below(ends[ends.len() - 1]);
    }
    (ends[rng.below(ends.len() as u64) as usize] + rng.below(16)).saturating_sub(2)
}
