//! Ids, payloads and wakers are code of the application. They may call the layer in each operation,
//! which would deadlock under a lock.

use std::{
    cell::Cell,
    hash::{Hash, Hasher},
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use websocket_heartbeat::{
    Bytes, Message,
    acks::{Ack, AckSender, AckSettings, Acknowledged},
};
use websocket_heartbeat_mock::{Runner, Script};

use super::fixture::{AckFixture, session};
use crate::harness::secs;

/// An id that calls the layer when it is cloned, compared, hashed or dropped.
struct Id {
    number: u64,
    sender: &'static OnceLock<AckSender<Self>>,
}

impl Id {
    fn new(number: u64, sender: &'static OnceLock<AckSender<Self>>) -> Self {
        Self { number, sender }
    }

    fn visit(&self) {
        if let Some(sender) = self.sender.get() {
            let _ = sender.unacknowledged();
            drop(sender.clone());
        }
    }
}

impl Clone for Id {
    fn clone(&self) -> Self {
        self.visit();
        Self::new(self.number, self.sender)
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.visit();
        self.number == other.number
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.visit();
        // All ids have the same hash, so all are compared.
        0.hash(state);
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        self.visit();
    }
}

/// The number of acknowledged messages of five, with acknowledgements that `ack` makes.
fn run(ack: impl Fn(u64, &'static OnceLock<AckSender<Id>>) -> Ack<Id> + Send + 'static) -> u64 {
    let place: &'static OnceLock<AckSender<Id>> = Box::leak(Box::default());
    let (clock, _remote, supervisor) = session(|_| Script::accept().echo());
    let handle = supervisor.handle();
    let find = move |message: &Message| {
        let number = message.as_text()?.parse().ok()?;
        Some(ack(number, place))
    };
    let acks = AckSettings::new(find).window(2).timeout(secs(1)).resends(0);
    let mut layer = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
    assert!(place.set(layer.sender()).is_ok());
    let sender = layer.sender();
    let mut runner = Runner::new(&clock);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    let acknowledged = Rc::new(Cell::new(0));
    for number in 1..=5 {
        let (sender, acknowledged) = (sender.clone(), Rc::clone(&acknowledged));
        let task = async move {
            let id = Id::new(number, place);
            let receipt = sender.queue(id, number.to_string()).await.unwrap();
            let again = sender.try_queue(Id::new(number, place), "again");
            assert!(again.is_err(), "a duplicate");
            let is_ok = receipt.await.is_ok();
            acknowledged.set(acknowledged.get() + u64::from(is_ok));
        };
        runner.spawn(task).detach();
    }
    runner.run_for(secs(60));
    assert_eq!(sender.unacknowledged(), 0);
    acknowledged.get()
}

#[test]
fn ids_are_cloned_hashed_and_dropped_outside_the_lock() {
    assert_eq!(run(|number, place| Ack::One(Id::new(number, place))), 5);
    assert_eq!(run(|number, place| Ack::UpTo(Id::new(number, place))), 5);
    assert_eq!(run(|number, place| Ack::Each(vec![Id::new(number, place)])), 5);
    assert_eq!(run(|_, place| Ack::One(Id::new(0, place))), 0, "all are given up");
}

/// A payload that calls the layer when it is freed.
struct Payload {
    sender: AckSender<u64>,
    freed: Arc<AtomicU64>,
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &[7; 10_000]
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        let _ = self.sender.unacknowledged();
        self.freed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn acknowledged_and_failed_messages_are_freed_outside_the_lock() {
    let answers = |message: Message| (message.len() == 10_000).then(|| "ack 1".into());
    let mut fixture = AckFixture::new(
        move |_| Script::accept().unrecorded().reply_with(answers),
        |acks| acks.timeout(secs(1)).resends(0).window(2),
    );
    let freed = Arc::<AtomicU64>::default();
    for id in 1..=2 {
        let payload = Payload { sender: fixture.sender.clone(), freed: Arc::clone(&freed) };
        let receipt = fixture.sender.try_queue(id, Bytes::from_owner(payload)).unwrap();
        drop(receipt);
    }
    fixture.run(60_000);
    assert_eq!(freed.load(Ordering::Relaxed), 2, "one is acknowledged, and one given up");
}
