//! Models of whole sessions: the supervisor in one thread, and handles in others.

use std::future::{Pending, Ready, pending, ready};

use loom::{future::block_on, thread};

use super::explore;
use crate::{
    config::OutboxSettings,
    error::TransportError,
    event::{CloseReason, Event, Fate},
    outbox::QueueError,
    supervisor::Supervisor,
    time::{Timer, Timestamp},
    transport::{Attempt, Established, Transport, silent::Silent},
};

/// A server that accepts every connection, and sends nothing.
struct Server;

impl Transport for Server {
    type Connection = Silent;
    type Connect = Ready<Result<Established<Silent>, TransportError>>;

    fn connect(&mut self, _: Attempt) -> Self::Connect {
        ready(Ok(Established::new(Silent::default())))
    }
}

/// A timer whose time stands still.
pub(super) struct Still;

impl Timer for Still {
    type Sleep = Pending<()>;

    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn sleep_until(&self, _: Timestamp) -> Pending<()> {
        pending()
    }

    fn entropy(&self) -> u64 {
        0
    }
}

/// Returns a session whose connection is open.
fn open(outbox: OutboxSettings) -> Supervisor<Server, Still> {
    let mut supervisor = Supervisor::builder(Server, Still).outbox(outbox).build().unwrap();
    block_on(supervisor.opened()).unwrap();
    supervisor
}

fn drive(mut supervisor: Supervisor<Server, Still>) {
    block_on(async {
        while let Some(event) = supervisor.next().await {
            if let Event::Closed(closed) = event {
                assert!(matches!(closed.reason, CloseReason::Aborted), "{closed:?}");
            }
        }
    });
}

/// The whole path of a message from a handle: the driver wakes, writes it, and resolves its receipt.
/// Fails if the engine clears the flag after it has taken the commands, or if the supervisor registers
/// its task after the poll.
#[test]
fn a_message_of_a_handle_is_written_while_the_driver_rests() {
    explore(2, || {
        let supervisor = open(OutboxSettings::new());
        let handle = supervisor.handle();
        let sender = thread::spawn(move || {
            let fate = block_on(handle.send_confirmed("a")).unwrap();
            assert!(matches!(fate, Fate::Written { connection: 1 }), "{fate:?}");
            handle.abort();
        });
        drive(supervisor);
        sender.join().unwrap();
    });
}

/// Each of two messages that compete for one place is written.
#[test]
fn two_handles_share_one_place() {
    explore(1, || {
        let supervisor = open(OutboxSettings::new().count(1));
        let handle = supervisor.handle();
        let other = supervisor.handle();
        let sender = thread::spawn(move || {
            let second = thread::spawn(move || block_on(other.queue("b")).unwrap());
            assert!(block_on(handle.send_confirmed("a")).unwrap().is_written());
            second.join().unwrap();
            handle.abort();
        });
        drive(supervisor);
        sender.join().unwrap();
    });
}

/// A message of a session whose supervisor is dropped has one fate, and its sender does not wait. Fails
/// if the drop of a supervisor does not end its session.
#[test]
fn a_message_has_its_fate_when_the_supervisor_is_dropped() {
    explore(2, || {
        let supervisor = open(OutboxSettings::new());
        let handle = supervisor.handle();
        let sender = thread::spawn(move || match block_on(handle.send_confirmed("a")) {
            Ok(fate) => assert!(!fate.is_written(), "{fate:?}"),
            Err(refused) => assert!(matches!(refused, QueueError::Closed(_)), "{refused:?}"),
        });
        drop(supervisor);
        sender.join().unwrap();
    });
}
