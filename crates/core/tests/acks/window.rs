//! The window: back-pressure, fairness, refusals.

use websocket_heartbeat::AckQueueError;
use websocket_heartbeat_mock::Task;

use super::*;

/// Queues from a task of its own, and notes when it was accepted.
fn queue(stage: &mut Stage, id: u64) -> Task<()> {
    let (sender, log, clock) =
        (stage.sender.clone(), Rc::clone(&stage.outcomes), stage.clock.clone());
    stage.runner.spawn(async move {
        let receipt = sender.queue(id, id.to_string()).await.unwrap();
        log.borrow_mut().push((millis(&clock), format!("{id} accepted")));
        drop(receipt);
    })
}

#[test]
fn beyond_the_window_senders_wait_in_order_of_arrival() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.window(2));
    for id in 1..=5 {
        queue(&mut stage, id).detach();
    }
    stage.run(1_000);
    stage.assert_outcomes(&[(0, "1 accepted"), (0, "2 accepted")]);
    assert_eq!(
        stage.sender.try_queue(6, "6").map(drop),
        Err(AckQueueError::Full("6".into())),
        "others wait"
    );
    let peer = stage.remote.last_peer().unwrap();
    peer.send("ack 2");
    stage.run(1_000);
    peer.send("upto 3");
    stage.run(1_000);
    stage.assert_outcomes(&[
        (0, "1 accepted"),
        (0, "2 accepted"),
        (1_000, "3 accepted"),
        (2_000, "4 accepted"),
        (2_000, "5 accepted"),
    ]);
    assert_eq!(stage.received(1), ["1", "2", "3", "4", "5"]);
    peer.send("acks 4 5");
    stage.run(0);
    assert_eq!(stage.sender.try_queue(6, "6").map(drop), Ok(()));
}

#[test]
fn one_who_waits_no_longer_passes_the_place_on() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.window(1));
    stage.post(1);
    let second = queue(&mut stage, 2);
    queue(&mut stage, 3).detach();
    stage.run(1_000);
    // In the same instant: the place is free, its waiter is called, and is dropped before it runs.
    let peer = stage.remote.last_peer().unwrap();
    let (sender, clock) = (stage.sender.clone(), stage.clock.clone());
    let cancel = stage.runner.spawn(async move {
        let timer = clock.timer();
        while sender.unacknowledged() > 0 {
            let at = clock.now().checked_add(SECOND / 10).unwrap();
            websocket_heartbeat::Timer::sleep_until(&timer, at).await;
        }
    });
    cancel.detach();
    peer.send("ack 1");
    second.cancel();
    stage.run(1_000);
    stage.assert_outcomes(&[(1_000, "1 ok"), (1_000, "3 accepted")]);
}

#[test]
fn one_who_is_called_and_dropped_before_it_runs_passes_the_call_on() {
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
        // The second has been called, and nobody slips in before it.
        assert_eq!(sender.try_queue(4, "4").map(drop), Err(AckQueueError::Full("4".into())));
        drop(second);
        drop(third.await.unwrap());
    });
}

#[test]
fn an_id_that_is_unacknowledged_is_refused_until_it_is_acknowledged() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.window(2));
    let duplicate = Err(AckQueueError::Duplicate("again".into()));
    stage.post(1);
    assert_eq!(stage.sender.try_queue(1, "again").map(drop), duplicate);
    stage.run(1_000);
    assert_eq!(stage.sender.try_queue(1, "again").map(drop), duplicate);
    // Also for one who stood in line when it was accepted.
    stage.post(2);
    queue(&mut stage, 3).detach();
    let sender = stage.sender.clone();
    let mut second = stage.runner.spawn(async move { sender.queue(3, "again").await.map(drop) });
    stage.run(0);
    stage.remote.last_peer().unwrap().send("upto 2");
    stage.run(0);
    assert_eq!(second.take_output(), Some(duplicate));
    assert_eq!(stage.sender.try_queue(1, "again").map(drop), Ok(()));
    stage.run(0);
    assert_eq!(stage.received(1), ["1", "2", "3", "again"]);
}

#[test]
fn bytes_are_bounded_as_well() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.bytes(10));
    let refused = stage.sender.try_queue(1, "eleven byte").unwrap_err();
    assert_eq!(refused, AckQueueError::TooLarge("eleven byte".into()));
    assert_eq!(refused.into_message(), "eleven byte".into());
    let _first = stage.sender.try_queue(1, "1234567").unwrap();
    let full = stage.sender.try_queue(2, "1234").map(drop);
    assert_eq!(full, Err(AckQueueError::Full("1234".into())));
    let _second = stage.sender.try_queue(2, "123").unwrap();
    stage.run(0);
    stage.remote.last_peer().unwrap().send("ack 1");
    stage.run(0);
    assert_eq!(stage.sender.try_queue(3, "1234567").map(drop), Ok(()));
}

#[test]
fn the_window_holds_while_offline() {
    let mut stage = Stage::new(
        |_| Script::accept().after(SECOND * 5).reply_with(ack_each),
        |acks| acks.window(3),
    );
    for id in 1..=9 {
        queue(&mut stage, id).detach();
    }
    stage.run(4_000);
    assert_eq!(stage.sender.unacknowledged(), 3);
    stage.run(2_000);
    assert_eq!(stage.sender.unacknowledged(), 0);
    let sent: Vec<_> = (1..=9).map(|id| id.to_string()).collect();
    assert_eq!(stage.received(1), sent);
}
