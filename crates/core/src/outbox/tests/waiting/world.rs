//! An outbox with senders, sinks, receipts and connections, to which steps are applied: [`World`].

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::ops::Op;
use crate::{
    config::OutboxSettings,
    handle::{Handle, QueuingWithReceipt},
    message::{Message, Outgoing},
    outbox::{Online, Outbox, SinkSide, entry::Origin, receipt::Receipt},
    shared::Shared,
    sync::{Deferred, WakeCounter},
    time::Timestamp,
};

/// The task that waits, if one does, with its wakes since it was last polled and found pending.
pub(super) type Waits = Option<Arc<WakeCounter>>;

/// Polls. After that `waits` has the task, if it must wait.
pub(super) fn poll<R>(
    waits: &mut Waits,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Option<R> {
    let task = waits.take().unwrap_or_default();
    task.take();
    match poll(&mut Context::from_waker(&task.waker())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => {
            *waits = Some(task);
            None
        }
    }
}

pub(super) struct Sender<'a> {
    pub(super) future: Pin<Box<QueuingWithReceipt<'a>>>,
    pub(super) waits: Waits,
}

pub(super) struct Awaited {
    pub(super) receipt: Receipt,
    pub(super) waits: Waits,
}

#[derive(Default)]
pub(super) struct Sink {
    pub(super) side: SinkSide,
    pub(super) ready: Waits,
    pub(super) flush: Waits,
    /// While it is suspended: whether it had a reservation.
    pub(super) suspended: Option<bool>,
}

impl Sink {
    pub(super) fn poll_ready(&mut self, shared: &Shared) -> Option<bool> {
        let ready = poll(&mut self.ready, |cx| self.side.poll_ready(shared, cx.waker()));
        ready.map(|ready| ready.is_ok())
    }

    pub(super) fn poll_flush(&mut self, shared: &Shared) -> Option<()> {
        poll(&mut self.flush, |cx| self.side.poll_flush(shared, cx.waker())).map(|_| ())
    }
}

pub(super) struct World<'a> {
    pub(super) shared: &'a Shared,
    pub(super) handle: &'a Handle,
    pub(super) policy: OutboxSettings,
    pub(super) senders: Vec<Sender<'a>>,
    pub(super) receipts: Vec<Awaited>,
    pub(super) sinks: Vec<Sink>,
    pub(super) now: u64,
    pub(super) connection: u64,
    pub(super) online: Online,
    /// How many messages were taken from senders and sinks.
    pub(super) taken: u64,
    pub(super) written: u64,
    pub(super) ended: bool,
}

fn message(bytes: usize) -> Message {
    Message::binary(vec![0; bytes])
}

impl World<'_> {
    pub(super) fn with_outbox<R>(
        &self,
        work: impl FnOnce(&mut Outbox, &mut Deferred<'_>) -> R,
    ) -> R {
        self.shared.with(|state, deferred| work(&mut state.outbox, deferred))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(Duration::from_secs(self.now))
    }

    pub(super) fn poll_sender(&mut self, which: usize, other_task: bool) {
        let Some(sender) = self.senders.get_mut(which) else { return };
        if other_task {
            sender.waits = None;
        }
        let done = poll(&mut sender.waits, |cx| sender.future.as_mut().poll(cx));
        if let Some(result) = done {
            self.senders.remove(which);
            if let Ok(receipt) = result {
                self.taken += 1;
                self.await_receipt(receipt);
            }
        }
    }

    fn await_receipt(&mut self, receipt: Receipt) {
        let mut awaited = Awaited { receipt, waits: None };
        if poll(&mut awaited.waits, |cx| Pin::new(&mut awaited.receipt).poll(cx)).is_none() {
            self.receipts.push(awaited);
        }
    }

    pub(super) fn poll_receipt(&mut self, which: usize) {
        let Some(awaited) = self.receipts.get_mut(which) else { return };
        if poll(&mut awaited.waits, |cx| Pin::new(&mut awaited.receipt).poll(cx)).is_some() {
            self.receipts.remove(which);
        }
    }

    pub(super) fn send(&mut self, sink: usize, bytes: usize) {
        // After the end of the session, refused messages have no fate.
        let sent = self.sinks[sink].side.start_send(self.shared, message(bytes));
        self.taken += u64::from(sent.is_ok() || !self.ended);
        self.sinks[sink].ready = None;
    }

    pub(super) fn written(&mut self) {
        let mut kept = VecDeque::new();
        self.shared.with(|state, deferred| {
            let handed = state.outbox.list.iter_handed();
            let load = handed.filter(|entry| entry.origin == Origin::Sender).count();
            self.written += load as u64;
            state.outbox.written(self.connection, &mut kept, deferred);
        });
    }

    pub(super) fn hand_over(&self, back: usize) {
        let Online::Yes(_) = self.online else { return };
        let now = self.now();
        let mut window = VecDeque::new();
        self.with_outbox(|outbox, deferred| {
            outbox.expire(now, deferred);
            outbox.hand_over(&mut window);
        });
        window.drain(..window.len() - back.min(window.len()));
        self.with_outbox(|outbox, _| outbox.take_back(&mut window));
    }

    pub(super) fn set_online(&mut self, online: Online) {
        self.online = online;
        self.with_outbox(|outbox, deferred| outbox.set_online(online, deferred));
    }

    fn lose(&mut self, online: Online) {
        if let Online::Yes(connection) = self.online {
            self.with_outbox(|outbox, deferred| outbox.lost(connection, deferred));
            self.set_online(online);
        }
    }

    pub(super) fn open(&mut self) {
        if self.online.connection().is_none() && !self.ended {
            self.connection += 1;
            self.set_online(Online::Yes(self.connection));
        }
    }

    pub(super) fn apply(&mut self, op: Op) {
        match op {
            Op::Queue { bytes, max_age, within } => {
                let mut outgoing = Outgoing::new(message(bytes));
                outgoing.max_age = max_age.map(Duration::from_secs);
                let mut future = self.handle.queue_with_receipt(outgoing);
                if let Some(seconds) = within {
                    future = future.within(Duration::from_secs(seconds));
                }
                let future = Box::pin(future);
                self.senders.push(Sender { future, waits: None });
                self.poll_sender(self.senders.len() - 1, false);
            }
            Op::TryQueue { bytes } => {
                self.taken += u64::from(self.handle.try_queue(message(bytes)).is_ok());
            }
            Op::Poll { which, other_task } => self.poll_sender(which, other_task),
            Op::Drop { which } if which < self.senders.len() => drop(self.senders.remove(which)),
            Op::PollReceipt { which } => self.poll_receipt(which),
            Op::DropReceipt { which } if which < self.receipts.len() => {
                drop(self.receipts.remove(which));
            }
            Op::Drop { .. } | Op::DropReceipt { .. } => {}
            Op::Ready { sink, other_task } => {
                let sink = &mut self.sinks[sink];
                if other_task {
                    sink.ready = None;
                }
                if sink.suspended.is_none() {
                    sink.poll_ready(self.shared);
                }
            }
            Op::Send { sink, bytes } if self.sinks[sink].suspended.is_none() => {
                self.send(sink, bytes);
            }
            Op::TryQueueOfSink { sink, bytes } if self.sinks[sink].suspended.is_none() => {
                let sink_id = self.sinks[sink].side.id;
                let mut outgoing = Some(Outgoing::new(message(bytes)));
                self.with_outbox(|outbox, deferred| {
                    outbox.offer(&mut outgoing, None, sink_id, deferred)
                });
                self.taken += u64::from(outgoing.is_none());
            }
            Op::Flush { sink } if self.sinks[sink].suspended.is_none() => {
                self.sinks[sink].poll_flush(self.shared);
            }
            Op::Send { .. } | Op::TryQueueOfSink { .. } | Op::Flush { .. } => {}
            Op::DropSink { sink } => {
                let old = std::mem::take(&mut self.sinks[sink]);
                old.side.leave(self.shared);
            }
            Op::Suspend { sink } => {
                let sink = &mut self.sinks[sink];
                if sink.suspended.is_none() {
                    sink.suspended = Some(sink.side.suspend(self.shared));
                    (sink.ready, sink.flush) = (None, None);
                }
            }
            Op::Resume { sink } => {
                let sink = &mut self.sinks[sink];
                if let Some(had_reservation) = sink.suspended.take() {
                    sink.side.resume(self.shared, had_reservation);
                }
            }
            Op::HandOver { back } => self.hand_over(back),
            Op::Written => self.written(),
            Op::Open => self.open(),
            Op::Lose { replacing: true } => self.lose(Online::Replacing),
            Op::Lose { replacing: false } => self.lose(Online::No),
            Op::GiveUpReplacing if self.online == Online::Replacing => self.set_online(Online::No),
            Op::GiveUpReplacing => {}
            Op::Time { seconds } => {
                self.now += seconds;
                let now = self.now();
                self.with_outbox(|outbox, deferred| outbox.expire(now, deferred));
            }
            Op::Replay { key, bytes } => {
                let key = key.to_string();
                let _ = self.with_outbox(|outbox, deferred| {
                    outbox.set_replay(&key, message(bytes), deferred)
                });
            }
            Op::ForgetReplay { key } => {
                self.with_outbox(|outbox, _| outbox.remove_replay(&key.to_string()));
            }
            Op::Layer { count, bytes, receipts: false } => {
                let mut messages = vec![message(bytes); count];
                self.with_outbox(|outbox, _| outbox.queue_on(self.connection, &mut messages));
            }
            Op::Layer { count, bytes, receipts: true } => {
                let messages = vec![message(bytes); count];
                let receipts = self.handle.queue_on_with_receipts(self.connection, messages);
                receipts.into_iter().flatten().for_each(|receipt| self.await_receipt(receipt));
            }
            Op::Withdraw { which } => {
                let receipt = self.receipts.get(which).map(|awaited| &awaited.receipt);
                if receipt.is_some_and(|receipt| self.handle.withdraw(receipt)) {
                    drop(self.receipts.remove(which));
                }
            }
            Op::Rest => self.with_outbox(|outbox, _| outbox.shrink_if_idle()),
            Op::StopAccepting => self.with_outbox(|outbox, _| outbox.stop_accepting()),
            Op::Close => {
                self.lose(Online::No);
                self.with_outbox(|outbox, deferred| outbox.close(deferred));
                self.ended = true;
            }
        }
    }
}
