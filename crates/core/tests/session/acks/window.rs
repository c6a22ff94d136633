//! The window: back-pressure, order of waiting senders, and refusals.

use std::rc::Rc;

use websocket_heartbeat::{
    Event,
    acks::{AckQueueError, AckSettings, Acknowledged},
};
use websocket_heartbeat_mock::{Runner, Script, Task};

use super::fixture::{AckFixture, ack_each, find, now, session};
use crate::harness::secs;

/// Queues from a task of its own, and records the time of acceptance.
fn queue(fixture: &mut AckFixture, id: u64) -> Task<()> {
    let (sender, log, clock) =
        (fixture.sender.clone(), Rc::clone(&fixture.outcomes), fixture.clock.clone());
    fixture.runner.spawn(async move {
        let receipt = sender.queue(id, id.to_string()).await.unwrap();
        log.borrow_mut().push((now(&clock), format!("{id} accepted")));
        drop(receipt);
    })
}

#[test]
fn senders_beyond_the_window_wait_in_order() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.window(2));
    for id in 1..=5 {
        queue(&mut fixture, id).detach();
    }
    fixture.run(1_000);
    fixture.assert_outcomes(&[(0, "1 accepted"), (0, "2 accepted")]);
    assert_eq!(
        fixture.sender.try_queue(6, "6").map(drop),
        Err(AckQueueError::Full("6".into())),
        "others wait"
    );
    let peer = fixture.remote.last_peer().unwrap();
    peer.send("ack 2");
    fixture.run(1_000);
    peer.send("upto 3");
    fixture.run(1_000);
    fixture.assert_outcomes(&[
        (0, "1 accepted"),
        (0, "2 accepted"),
        (1_000, "3 accepted"),
        (2_000, "4 accepted"),
        (2_000, "5 accepted"),
    ]);
    assert_eq!(fixture.received(1), ["1", "2", "3", "4", "5"]);
    peer.send("acks 4 5");
    fixture.run(0);
    assert_eq!(fixture.sender.try_queue(6, "6").map(drop), Ok(()));
}

#[test]
fn a_sender_that_stops_waiting_passes_its_place_on() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.window(1));
    fixture.post(1);
    let second = queue(&mut fixture, 2);
    queue(&mut fixture, 3).detach();
    fixture.run(1_000);
    // In the same instant a place becomes free, and the woken sender is dropped before it runs.
    let peer = fixture.remote.last_peer().unwrap();
    let (sender, clock) = (fixture.sender.clone(), fixture.clock.clone());
    let cancel = fixture.runner.spawn(async move {
        let timer = clock.timer();
        while sender.unacknowledged() > 0 {
            let at = clock.now().checked_add(secs(1) / 10).unwrap();
            websocket_heartbeat::Timer::sleep_until(&timer, at).await;
        }
    });
    cancel.detach();
    peer.send("ack 1");
    second.cancel();
    fixture.run(1_000);
    fixture.assert_outcomes(&[(1_000, "1 ok"), (1_000, "3 accepted")]);
}

#[test]
fn a_dropped_sender_passes_its_wake_on() {
    let (clock, remote, supervisor) = session(|_| Script::accept());
    let handle = supervisor.handle();
    let acks = AckSettings::new(find).window(1);
    let mut layer = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
    let sender = layer.sender();
    Runner::new(&clock).run_until(async {
        let first = sender.try_queue(1, "1").unwrap();
        let mut second = sender.queue(2, "2");
        let third = sender.queue(3, "3");
        assert!(futures::poll!(&mut second).is_pending());
        let mut third = Box::pin(third);
        assert!(futures::poll!(&mut third).is_pending());
        while !matches!(layer.next().await, Some(Event::Open(_))) {}
        assert!(futures::poll!(layer.next()).is_pending());
        remote.last_peer().unwrap().send("ack 1");
        assert!(futures::poll!(layer.next()).is_pending());
        assert_eq!(first.await, Ok(()));
        // The second sender was woken, and no other sender overtakes it.
        assert_eq!(sender.try_queue(4, "4").map(drop), Err(AckQueueError::Full("4".into())));
        drop(second);
        drop(third.await.unwrap());
    });
}

#[test]
fn a_pending_id_is_refused_until_it_is_acknowledged() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.window(2));
    let duplicate = Err(AckQueueError::Duplicate("again".into()));
    fixture.post(1);
    assert_eq!(fixture.sender.try_queue(1, "again").map(drop), duplicate);
    fixture.run(1_000);
    assert_eq!(fixture.sender.try_queue(1, "again").map(drop), duplicate);
    // This also holds for an id that waited when the first one was accepted.
    fixture.post(2);
    queue(&mut fixture, 3).detach();
    let sender = fixture.sender.clone();
    let mut second = fixture.runner.spawn(async move { sender.queue(3, "again").await.map(drop) });
    fixture.run(0);
    fixture.remote.last_peer().unwrap().send("upto 2");
    fixture.run(0);
    assert_eq!(second.take_output(), Some(duplicate));
    assert_eq!(fixture.sender.try_queue(1, "again").map(drop), Ok(()));
    fixture.run(0);
    assert_eq!(fixture.received(1), ["1", "2", "3", "again"]);
}

#[test]
fn the_window_is_bounded_in_bytes() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.bytes(10));
    let refused = fixture.sender.try_queue(1, "eleven byte").unwrap_err();
    assert_eq!(refused, AckQueueError::TooLarge("eleven byte".into()));
    assert_eq!(refused.into_message(), "eleven byte");
    let _first = fixture.sender.try_queue(1, "1234567").unwrap();
    let full = fixture.sender.try_queue(2, "1234").map(drop);
    assert_eq!(full, Err(AckQueueError::Full("1234".into())));
    let _second = fixture.sender.try_queue(2, "123").unwrap();
    fixture.run(0);
    fixture.remote.last_peer().unwrap().send("ack 1");
    fixture.run(0);
    assert_eq!(fixture.sender.try_queue(3, "1234567").map(drop), Ok(()));
}

#[test]
fn the_window_holds_while_offline() {
    let mut fixture = AckFixture::new(
        |_| Script::accept().after(secs(5)).reply_with(ack_each),
        |acks| acks.window(3),
    );
    for id in 1..=9 {
        queue(&mut fixture, id).detach();
    }
    fixture.run(4_000);
    assert_eq!(fixture.sender.unacknowledged(), 3);
    fixture.run(2_000);
    assert_eq!(fixture.sender.unacknowledged(), 0);
    let sent: Vec<_> = (1..=9).map(|id| id.to_string()).collect();
    assert_eq!(fixture.received(1), sent);
}
