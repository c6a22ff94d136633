//! The window with random senders and acknowledgements. A future that was not woken since its last
//! poll must still be pending.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use proptest::prelude::*;

use super::{
    ledger::Entry,
    receipt::{AckFailure, AckReceipt},
    sender::{AckQueuing, AckSender},
    window::Window,
};
use crate::sync::WakeCounter;

#[derive(Clone, Debug)]
enum Op {
    Queue { id: u8, bytes: usize },
    TryQueue { id: u8, bytes: usize },
    Poll { which: usize, other_task: bool },
    Drop { which: usize },
    PollReceipt { which: usize },
    Acknowledge { which: usize, count: usize },
    Fail { which: usize },
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = || 0..12_usize;
    prop_oneof![
        60 => (0..12_u8, bytes()).prop_map(|(id, bytes)| Op::Queue { id, bytes }),
        20 => (0..12_u8, bytes()).prop_map(|(id, bytes)| Op::TryQueue { id, bytes }),
        50 => (0..6_usize, any::<bool>())
            .prop_map(|(which, other_task)| Op::Poll { which, other_task }),
        20 => (0..6_usize).prop_map(|which| Op::Drop { which }),
        20 => (0..6_usize).prop_map(|which| Op::PollReceipt { which }),
        40 => (0..6_usize, 0..3_usize).prop_map(|(which, count)| Op::Acknowledge { which, count }),
        10 => (0..6_usize).prop_map(|which| Op::Fail { which }),
        1 => Just(Op::Close),
    ]
}

/// A pending future and its task.
struct Waiting<F> {
    future: Pin<Box<F>>,
    task: Arc<WakeCounter>,
}

impl<F: Future> Waiting<F> {
    fn new(future: F) -> Self {
        Self { future: Box::pin(future), task: Arc::default() }
    }

    fn is_woken(&self) -> bool {
        self.task.is_woken()
    }

    fn poll(&mut self) -> Option<F::Output> {
        self.task.take();
        match self.future.as_mut().poll(&mut Context::from_waker(&self.task.waker())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
}

struct World<'a> {
    shared: &'a Arc<Window<u8>>,
    sender: &'a AckSender<u8>,
    senders: Vec<Waiting<AckQueuing<'a, u8>>>,
    receipts: Vec<Waiting<AckReceipt<u8>>>,
    /// The messages that the layer has taken.
    entries: Vec<Entry<u8>>,
    closed: bool,
}

impl World<'_> {
    fn poll_sender(&mut self, which: usize) {
        if let Some(Some(result)) = self.senders.get_mut(which).map(Waiting::poll) {
            drop(self.senders.remove(which));
            self.receipts.extend(result.ok().map(Waiting::new));
            self.poll_receipt(self.receipts.len().wrapping_sub(1));
        }
    }

    fn poll_receipt(&mut self, which: usize) {
        if self.receipts.get_mut(which).is_some_and(|receipt| receipt.poll().is_some()) {
            drop(self.receipts.remove(which));
        }
    }

    fn take(&mut self, which: usize, count: usize) -> Vec<Entry<u8>> {
        let from = which.min(self.entries.len());
        let to = (from + count).min(self.entries.len());
        self.entries.drain(from..to).collect()
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Queue { id, bytes } => {
                self.senders.push(Waiting::new(self.sender.queue(id, vec![0; bytes])));
                self.poll_sender(self.senders.len() - 1);
            }
            Op::TryQueue { id, bytes } => {
                let receipt = self.sender.try_queue(id, vec![0; bytes]).ok();
                self.receipts.extend(receipt.map(Waiting::new));
            }
            Op::Poll { which, other_task } => {
                if let Some(sender) = self.senders.get_mut(which).filter(|_| other_task) {
                    sender.task = Arc::default();
                }
                self.poll_sender(which);
            }
            Op::Drop { which } if which < self.senders.len() => drop(self.senders.remove(which)),
            Op::Drop { .. } => {}
            Op::PollReceipt { which } => self.poll_receipt(which),
            Op::Acknowledge { which, count } => {
                let entries = self.take(which, count);
                self.shared.resolve(entries, None);
            }
            Op::Fail { which } => {
                let entries = self.take(which, 1);
                self.shared.resolve(entries, Some(AckFailure::Timeout));
            }
            Op::Close => self.close(),
        }
        self.entries.extend(self.shared.take_incoming());
    }

    fn close(&mut self) {
        self.closed = true;
        let incoming = self.shared.close();
        let entries = self.entries.drain(..).chain(incoming);
        self.shared.resolve(entries.collect(), Some(AckFailure::SessionEnded));
    }

    /// Checks the pending futures.
    fn check(&mut self) {
        for (index, sender) in self.senders.iter_mut().enumerate() {
            let done = if sender.is_woken() { None } else { sender.poll() };
            assert!(done.is_none(), "sender {index} was not woken: {done:?}");
        }
        for (index, receipt) in self.receipts.iter_mut().enumerate() {
            // A receipt that was not polled has no waker yet.
            let done = if receipt.is_woken() { None } else { receipt.poll() };
            assert!(done.is_none(), "receipt {index} was not woken: {done:?}");
        }
        let held = if self.closed { 0 } else { self.entries.len() };
        assert_eq!(self.sender.unacknowledged(), held);
    }

    /// Acknowledges all messages one by one, and polls each woken future at once.
    fn finish(&mut self) {
        for _ in 0..200 {
            self.check();
            for which in (0..self.senders.len()).rev() {
                if self.senders[which].is_woken() {
                    self.poll_sender(which);
                }
            }
            for which in (0..self.receipts.len()).rev() {
                if self.receipts[which].is_woken() {
                    self.poll_receipt(which);
                }
            }
            self.apply(Op::Acknowledge { which: 0, count: 1 });
        }
        assert!(self.senders.is_empty() && self.receipts.is_empty(), "all futures are ready");
    }
}

#[test]
fn a_ready_future_that_is_kept_blocks_no_other_sender() {
    let window = Arc::new(Window::new(1, 100));
    let sender = AckSender::new(&window);
    let _first = sender.try_queue(1, "a").unwrap();
    let mut second = Waiting::new(sender.queue(2, "b"));
    let mut third = Waiting::new(sender.queue(3, "c"));
    assert!(second.poll().is_none() && third.poll().is_none());
    window.resolve(window.take_incoming(), None);
    assert!(second.is_woken() && second.poll().is_some());
    window.resolve(window.take_incoming(), None);
    assert!(third.is_woken() && third.poll().is_some());
}

/// This many cases, or `PROPTEST_CASES` if that is larger.
fn at_least(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(cases), ..config }
}

proptest! {
    #![proptest_config(at_least(2_000))]

    #[test]
    fn a_future_that_is_not_woken_is_pending_and_each_is_ready_at_last(
        window in 1..4_usize,
        limit in 1..20_usize,
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let shared = Arc::new(Window::new(window, limit));
        let sender = AckSender::new(&shared);
        let (senders, receipts, entries) = (Vec::new(), Vec::new(), Vec::new());
        let mut world = World {
            shared: &shared, sender: &sender, senders, receipts, entries, closed: false
        };
        for op in ops {
            world.apply(op);
            world.check();
        }
        world.finish();
    }
}
