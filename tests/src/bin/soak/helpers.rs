//! The tasks beside the one that drives a session: they send messages and give commands.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{
    SinkExt,
    channel::mpsc,
    future::{BoxFuture, Either, select},
};
use websocket_heartbeat::{Handle, Message};
use websocket_heartbeat_mock::Rng;

use crate::{
    ledger::{Acceptance, SENDER},
    script,
    session::Shared,
};

/// The number of the sender that feeds the sink of a supervisor.
const FEEDER: u32 = 99;

/// The messages of one sender.
struct Messages {
    shared: Arc<Shared>,
    next: u32,
}

impl Messages {
    fn new(shared: &Arc<Shared>, sender: u32) -> Self {
        Self { shared: Arc::clone(shared), next: sender << SENDER }
    }

    fn next(&mut self, rng: &mut Rng) -> (u32, Message) {
        self.next += 1;
        let size = self.shared.plan.size(rng);
        (self.next, self.shared.ledger.message(self.next, size))
    }
}

/// Sends messages in every way that a handle has. Some of them wait for a limited time.
pub(crate) async fn sender(shared: Arc<Shared>, index: u32, handle: Handle) {
    let rng = &mut script::rng(shared.world.seed, shared.number, 10 + u64::from(index));
    let mut messages = Messages::new(&shared, index);
    let mut sink = handle.clone();
    let mut handle = handle;
    while !shared.is_over() {
        shared.pause(rng.duration(Duration::ZERO..shared.plan.pause)).await;
        for _ in 0..1 + rng.below(3) {
            let (number, message) = messages.next(rng);
            match rng.below(7) {
                0 => {
                    if handle.try_queue(message).is_ok() {
                        shared.ledger.accepted(number, Acceptance::Plain);
                    }
                }
                1 | 2 => {
                    let queuing = handle.queue(message);
                    if let Either::Left((Ok(()), _)) = select(queuing, later(&shared, rng)).await {
                        shared.ledger.accepted(number, Acceptance::Plain);
                    }
                }
                3 => {
                    if let Ok(receipt) = handle.queue_with_receipt(message).await {
                        shared.ledger.accepted(number, Acceptance::Receipt(receipt));
                    }
                }
                4 => {
                    if let Ok(receipt) = handle.queue_with_receipt(message).await {
                        let how = match select(receipt, later(&shared, rng)).await {
                            Either::Left((fate, _)) => Acceptance::Settled(fate),
                            Either::Right((_, receipt)) => Acceptance::Receipt(receipt),
                        };
                        shared.ledger.accepted(number, how);
                    }
                }
                5 => {
                    // The message is accepted in the last poll of the future.
                    if let Either::Left((Ok(()), _)) =
                        select(sink.feed(message), later(&shared, rng)).await
                    {
                        shared.ledger.accepted(number, Acceptance::Plain);
                    }
                }
                _ => drop(select(sink.flush(), later(&shared, rng)).await),
            }
        }
        if rng.once_in(4) {
            sink = handle.clone();
        }
        if rng.once_in(8) {
            handle = sink.clone();
        }
    }
}

/// The end of a wait that is given up.
fn later(shared: &Shared, rng: &mut Rng) -> BoxFuture<'static, ()> {
    shared.world.sleep(rng.duration(Duration::ZERO..Duration::from_secs(3)))
}

/// Gives the sink of a supervisor messages.
pub(crate) async fn feeder(shared: Arc<Shared>, mut feed: mpsc::Sender<(u32, Message)>) {
    let rng = &mut script::rng(shared.world.seed, shared.number, 20);
    let mut messages = Messages::new(&shared, FEEDER);
    while !shared.is_over() {
        shared.pause(rng.duration(Duration::ZERO..shared.plan.pause * 2)).await;
        let sending = pin!(feed.send(messages.next(rng)));
        select(sending, later(&shared, rng)).await;
    }
}

/// Gives commands at random times, and watches the status.
pub(crate) async fn commands(shared: Arc<Shared>, handle: Handle) {
    let rng = &mut script::rng(shared.world.seed, shared.number, 21);
    let mut changes = handle.status_changes();
    while !shared.is_over() {
        shared.pause(rng.duration(Duration::ZERO..Duration::from_secs(2))).await;
        match rng.below(16) {
            0..4 => {
                handle.pause();
                shared.pause(rng.duration(Duration::ZERO..Duration::from_secs(1))).await;
                handle.resume();
            }
            4..8 => handle.reconnect_now(),
            8..11 => handle.probe_now(),
            11..13 => drop(select(pin!(handle.opened()), later(&shared, rng)).await),
            13..15 => drop(select(changes.next(), later(&shared, rng)).await),
            _ if rng.once_in(4) => handle.close(),
            _ => {}
        }
    }
}
