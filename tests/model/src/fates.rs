//! The model of the outbox's cursors: [`Fates`]. Each accepted message has exactly one fate.
//!
//! The cursors only count. Here, as in the outbox, their counts decide which messages are handed
//! over and which get a fate.

#[path = "../../../crates/core/src/outbox/cursors.rs"]
#[allow(dead_code, reason = "the outbox uses more of it")]
mod cursors;

use stateright::{Model, Property};

use self::cursors::{Cursors, Load, WINDOW};

/// The sizes of messages: none, a half and the whole of a window, and more.
const SIZES: [usize; 4] = [0, WINDOW.bytes / 2, WINDOW.bytes, WINDOW.bytes + 1];

/// This many messages are accepted at most.
const MESSAGES: usize = 5;

/// All behaviours of an outbox with a few messages.
#[derive(Clone, Debug)]
pub(crate) struct Fates;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outbox {
    cursors: Cursors,
    /// The numbers and sizes of the messages without a fate, in order.
    messages: Vec<(usize, usize)>,
    /// How many fates each message has.
    fates: Vec<u8>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Accept(usize),
    HandOver,
    /// The connection did not take the last message.
    TakeBack,
    Written,
    /// The connection is lost. `resend`: its messages are queued again.
    Lost {
        resend: bool,
    },
    /// The queued message at this index expires or is dropped.
    Drop(usize),
    Close,
}

impl Outbox {
    fn handed(&self) -> usize {
        self.cursors.handed.count
    }

    fn settle(&mut self, index: usize) -> usize {
        let (number, bytes) = self.messages.remove(index);
        self.fates[number] += 1;
        bytes
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Accept(bytes) => {
                self.cursors.queued.add(bytes);
                self.messages.push((self.fates.len(), bytes));
                self.fates.push(0);
            }
            Operation::HandOver => self.cursors.hand(self.messages[self.handed()].1),
            Operation::TakeBack => self.cursors.requeue(self.messages[self.handed() - 1].1),
            Operation::Written | Operation::Lost { resend: false } => {
                for _ in 0..self.handed() {
                    let bytes = self.settle(0);
                    self.cursors.handed.remove(bytes);
                }
            }
            Operation::Lost { resend: true } => {
                for index in (0..self.handed()).rev() {
                    let bytes = self.messages[index].1;
                    self.cursors.handed.remove(bytes);
                    self.cursors.queued.add(bytes);
                }
            }
            Operation::Drop(index) => {
                let bytes = self.settle(index);
                self.cursors.queued.remove(bytes);
            }
            Operation::Close => {
                self.closed = true;
                while self.cursors.queued.count > 0 {
                    let bytes = self.settle(self.messages.len() - 1);
                    self.cursors.queued.remove(bytes);
                }
            }
        }
    }

    fn load(messages: &[(usize, usize)]) -> Load {
        Load { count: messages.len(), bytes: messages.iter().map(|(_, bytes)| bytes).sum() }
    }

    /// Each message without a fate is counted once, in its part.
    fn is_counted(&self) -> bool {
        let handed = self.handed();
        handed <= self.messages.len()
            && self.cursors.handed == Self::load(&self.messages[..handed])
            && self.cursors.queued == Self::load(&self.messages[handed..])
            && self.cursors.held() == Self::load(&self.messages)
    }

    fn has_one_fate_each(&self) -> bool {
        let settled = self.cursors.held().count == 0;
        self.fates.iter().all(|fates| *fates == 1 || *fates == 0 && !settled)
    }

    fn is_in_window(&self) -> bool {
        let handed = self.cursors.handed;
        handed.count <= 1 || handed.bytes <= WINDOW.bytes
    }
}

impl Model for Fates {
    type State = Outbox;
    type Action = Operation;

    fn init_states(&self) -> Vec<Outbox> {
        let cursors = Cursors::default();
        vec![Outbox { cursors, messages: Vec::new(), fates: Vec::new(), closed: false }]
    }

    fn actions(&self, outbox: &Outbox, operations: &mut Vec<Operation>) {
        let (handed, all) = (outbox.handed(), outbox.messages.len());
        if !outbox.is_counted() {
            return;
        }
        if outbox.fates.len() < MESSAGES && !outbox.closed {
            operations.extend(SIZES.map(Operation::Accept));
        }
        if handed < all && outbox.cursors.may_hand(outbox.messages[handed].1) {
            operations.push(Operation::HandOver);
        }
        if handed > 0 {
            operations.extend([Operation::TakeBack, Operation::Written]);
            operations.push(Operation::Lost { resend: false });
            if !outbox.closed {
                operations.push(Operation::Lost { resend: true });
            }
        }
        operations.extend((handed..all).map(Operation::Drop));
        operations.push(Operation::Close);
    }

    fn next_state(&self, outbox: &Outbox, operation: Operation) -> Option<Outbox> {
        let mut next = outbox.clone();
        next.apply(operation);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "13: each message without a fate is counted once",
                |_, outbox: &Outbox| outbox.is_counted(),
            ),
            Property::always("13: each message has one fate", |_, outbox: &Outbox| {
                outbox.has_one_fate_each()
            }),
            Property::always(
                "only a window of messages can become unknown",
                |_, outbox: &Outbox| outbox.is_in_window(),
            ),
        ]
    }
}
