//! Timeouts, giving up, the end.

use websocket_heartbeat::{
    AckFailure, AckQueueError, CloseReason, ConfigError, Event, Status, Timer, Timestamp,
};

use super::*;

fn texts(arrivals: &[(u64, String)]) -> Vec<(u64, &str)> {
    arrivals.iter().map(|(at, text)| (*at, text.as_str())).collect()
}

#[test]
fn without_an_answer_a_message_is_sent_again_on_the_same_connection_then_given_up() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks);
    stage.run(1_000);
    stage.post(1);
    stage.run(5_000);
    stage.post(2);
    stage.run(10_000);
    stage.remote.last_peer().unwrap().send("ack 2");
    stage.run(60_000);
    assert_eq!(
        texts(&stage.arrivals(1)),
        [(1_000, "1"), (6_000, "2"), (11_000, "1"), (16_000, "2"), (21_000, "1"), (31_000, "1")]
    );
    stage.assert_outcomes(&[(16_000, "2 ok"), (41_000, "1 timeout after 4 sends")]);
    stage.assert_events(&[(0, "open 1")]);
    assert_eq!(stage.sender.unacknowledged(), 0);
}

#[test]
fn reconnects_are_not_counted_as_resends_and_do_not_forgive_those_that_were() {
    let mut stage = Stage::new(|_| Script::accept().end_after(SECOND * 15), |acks| acks.resends(2));
    stage.post(1);
    stage.run(100_000);
    // 15 s of connection, 1 s of outage: one timeout on each.
    let arrivals: Vec<_> = (1..=3).map(|connection| stage.arrivals(connection)).collect();
    let expected = [vec![0, 10_000], vec![16_000, 26_000], vec![32_000]];
    for (arrivals, expected) in arrivals.iter().zip(expected) {
        assert_eq!(arrivals.iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected);
    }
    stage.assert_outcomes(&[(42_000, "1 timeout after 5 sends")]);
}

#[test]
fn no_outage_and_no_number_of_reconnects_costs_a_message() {
    let mut stage = Stage::new(
        |dial| match dial {
            1..=50 => Script::flap(SECOND),
            51..=500 => Script::refuse_connection(),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    stage.post(1);
    stage.run(3_600_000);
    stage.assert_outcomes(&[(550_000, "1 ok")]);
    assert_eq!(stage.remote.peers().len(), 51);
}

#[test]
fn a_message_that_kills_each_connection_is_given_up_if_so_wished_and_no_other() {
    let mut stage = Stage::new(
        |_| {
            let mut dead = false;
            Script::accept().latency(SECOND / 10).reply_with(move |message| {
                dead |= message.as_text() == Some("2");
                if dead { Some("poison".into()) } else { ack_each(message) }
            })
        },
        |acks| acks.max_connection_losses(3),
    );
    for id in 1..=4 {
        stage.post(id);
    }
    // The application plays the server's part: a poisoned connection is replaced.
    let (events, handle, clock) =
        (Rc::clone(&stage.events), stage.handle.clone(), stage.clock.clone());
    stage
        .runner
        .spawn(async move {
            let mut seen = 0;
            loop {
                let at = clock.now().checked_add(SECOND).unwrap();
                clock.timer().sleep_until(at).await;
                let poisoned = events.borrow()[seen..].iter().any(|(_, words)| words == "poison");
                seen = events.borrow().len();
                if poisoned {
                    handle.reconnect_now();
                }
            }
        })
        .detach();
    stage.run(30_000);
    let outcomes: Vec<_> = stage.outcomes.borrow().iter().map(|(_, o)| o.clone()).collect();
    assert_eq!(outcomes, ["1 ok", "2 losses after 4 sends", "3 ok", "4 ok"]);
    assert_eq!(stage.received(5), ["3", "4"]);
}

#[test]
fn connections_that_never_got_a_message_are_not_lost_over_it() {
    let (clock, remote, supervisor) = session(|dial| match dial {
        1..=9 => Script::flap(SECOND),
        _ => Script::accept().reply_with(ack_each),
    });
    let handle = supervisor.handle();
    let (driver, inbox) = supervisor.into_driver(Inbox::new(16)).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    let acks = AckSettings::new(find).max_connection_losses(0);
    let mut layer = Acknowledged::new(inbox, handle, clock.timer(), acks).unwrap();
    let receipt = layer.sender().try_queue(1, "1").unwrap();
    // Nine opens and losses go by while the layer does not look.
    runner.run_for(SECOND * 30);
    assert_eq!(remote.peers().len(), 10);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    assert_eq!(runner.run_until(receipt), Ok(()));
}

#[test]
fn what_the_line_has_not_taken_yet_is_not_sent_twice() {
    let mut stage = Stage::new(|_| Script::accept().without_progress(), |acks| acks);
    stage.run(0);
    let peer = stage.remote.last_peer().unwrap();
    peer.stall_writes();
    stage.post(1);
    stage.run(35_000);
    assert_eq!(stage.handle.status().counters.dials, 1, "the stall was not judged");
    peer.resume_writes();
    stage.run(4_000);
    assert_eq!(stage.received(1), ["1"]);
    stage.run(12_000);
    // Its time began anew at 30 s, when it was seen to be unwritten for the last time.
    assert_eq!(texts(&stage.arrivals(1)), [(35_000, "1"), (40_000, "1"), (50_000, "1")]);
}

#[test]
fn a_deadline_seen_late_is_moved_once() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.resends(0));
    stage.post(1);
    stage.run(5_000);
    stage.clock.jump(SECOND * 60);
    stage.run(9_000);
    stage.assert_outcomes(&[]);
    stage.run(1_000);
    stage.assert_outcomes(&[(75_000, "1 timeout after 1 sends")]);
    // Late again and again is no excuse.
    stage.post(2);
    stage.run(5_000);
    stage.clock.jump(SECOND * 60);
    stage.run(0);
    assert_eq!(stage.sender.unacknowledged(), 1);
    stage.clock.jump(SECOND * 60);
    stage.run(0);
    assert_eq!(stage.sender.unacknowledged(), 0);
}

#[test]
fn an_acknowledgement_that_waits_unread_is_in_time() {
    let (clock, remote, supervisor) =
        session(|_| Script::accept().latency(SECOND).reply_with(ack_each));
    let handle = supervisor.handle();
    let acks = AckSettings::new(find).timeout(SECOND * 5).resends(0);
    let mut layer = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
    let sender = layer.sender();
    let mut runner = Runner::new(&clock);
    let receipt = sender.try_queue(1, "1").unwrap();
    runner.run_until(async {
        while !matches!(layer.next().await, Some(Event::Open(_))) {}
        assert!(futures::poll!(layer.next()).is_pending());
    });
    runner.run_for(SECOND * 6);
    runner.run_until(async {
        assert!(futures::poll!(layer.next()).is_pending());
        assert_eq!(receipt.await, Ok(()));
    });
    assert_eq!(remote.last_peer().unwrap().received_count(), 1);
}

#[test]
fn sleeps_that_end_early_change_nothing() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.resends(1));
    stage.clock.set_timer_early(true);
    stage.post(1);
    stage.run(60_000);
    assert_eq!(texts(&stage.arrivals(1)), [(0, "1"), (10_000, "1")]);
    stage.assert_outcomes(&[(20_000, "1 timeout after 2 sends")]);
}

/// A timer each second of whose sleeps is over at once.
struct Hasty {
    timer: MockTimer,
    made: std::cell::Cell<u64>,
}

impl Timer for Hasty {
    type Sleep = futures::future::Either<std::future::Ready<()>, <MockTimer as Timer>::Sleep>;

    fn now(&self) -> Timestamp {
        self.timer.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        self.made.set(self.made.get() + 1);
        match self.made.get() % 2 {
            0 => futures::future::Either::Left(std::future::ready(())),
            _ => futures::future::Either::Right(self.timer.sleep_until(deadline)),
        }
    }
}

#[test]
fn a_sleep_that_is_over_at_once_is_made_again() {
    let (clock, remote, supervisor) = session(|_| Script::accept());
    let handle = supervisor.handle();
    let timer = Hasty { timer: clock.timer(), made: Default::default() };
    let acks = AckSettings::new(find).resends(1);
    let mut layer = Acknowledged::new(supervisor, handle, timer, acks).unwrap();
    let sender = layer.sender();
    let first = sender.try_queue(1, "1").unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    runner.run_for(SECOND * 5);
    let second = sender.try_queue(2, "2").unwrap();
    remote.last_peer().unwrap().send("ack 1");
    assert_eq!(runner.run_until(first), Ok(()));
    // The sleep of the first is not made anew; that of the second, at 10 s, is over at once.
    assert_eq!(runner.run_until(second).unwrap_err().reason, AckFailure::Timeout);
    assert_eq!(millis(&clock), 25_000);
    assert_eq!(remote.last_peer().unwrap().received_count(), 3);
}

#[test]
fn ten_thousand_acknowledged_messages_need_a_handful_of_sleeps() {
    let mut stage = Stage::new(
        |_| Script::accept().latency(SECOND / 100).reply_with(ack_each).unrecorded(),
        |acks| acks,
    );
    for id in 0..10_000 {
        drop(stage.sender.try_queue(id, id.to_string()).unwrap());
        stage.run(10);
    }
    stage.run(1_000);
    assert_eq!(stage.sender.unacknowledged(), 0);
    // 101 s: one about every timeout, besides the two of the dial.
    let sleeps = stage.clock.sleeps().created;
    assert!(sleeps <= 14, "{sleeps} sleeps");
}

#[test]
fn the_end_of_the_session_resolves_everything_before_it_is_told() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.window(3));
    stage.post(1);
    stage.run(1_000);
    // Accepted, not sent: the session is being closed already.
    stage.handle.close();
    stage.post(2);
    stage.post(3);
    let sender = stage.sender.clone();
    let waiting = stage.runner.spawn(async move { sender.queue(4, "4").await.map(drop) });
    stage.run(0);
    stage.assert_events(&[(0, "open 1"), (1_000, "closed")]);
    let outcomes = stage.outcomes.borrow().clone();
    assert_eq!(outcomes.len(), 3);
    for (id, sends) in [(1, 1), (2, 0), (3, 0)] {
        let words = format!("{id} session_ended after {sends} sends");
        assert!(outcomes.contains(&(1_000, words)), "{outcomes:?}");
    }
    let mut waiting = waiting;
    assert_eq!(waiting.take_output(), Some(Err(AckQueueError::Closed("4".into()))));
    assert_eq!(stage.sender.try_queue(5, "5").map(drop), Err(AckQueueError::Closed("5".into())));
    assert_eq!(stage.sender.unacknowledged(), 0);
    let Status { close_reason, .. } = stage.handle.status();
    assert_eq!(close_reason, Some(CloseReason::User));
}

#[test]
fn dropping_the_layer_resolves_everything() {
    let (clock, _remote, supervisor) = session(|_| Script::accept());
    let handle = supervisor.handle();
    let acks = AckSettings::new(find).window(1);
    let mut layer = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
    let sender = layer.sender();
    let receipt = sender.try_queue(1, "1").unwrap();
    Runner::new(&clock).run_until(async {
        let mut waiting = sender.queue(2, "2");
        assert!(futures::poll!(&mut waiting).is_pending());
        while !matches!(layer.next().await, Some(Event::Open(_))) {}
        assert!(futures::poll!(layer.next()).is_pending());
        drop(layer);
        let failed = receipt.await.unwrap_err();
        assert_eq!((failed.reason, failed.sends), (AckFailure::SessionEnded, 1));
        assert_eq!(failed.to_string(), "not acknowledged, sent 1 time: the session ended");
        assert_eq!(waiting.await.map(drop), Err(AckQueueError::Closed("2".into())));
    });
}

#[test]
fn nonsense_is_refused_by_name() {
    let refused = |acks: AckSettings<u64>| {
        let (clock, _remote, supervisor) = session(|_| Script::accept());
        let handle = supervisor.handle();
        let layer = Acknowledged::new(supervisor, handle, clock.timer(), acks);
        layer.map(drop).map_err(|error: ConfigError| error.setting())
    };
    assert_eq!(refused(AckSettings::new(find).window(0)), Err("ack window"));
    assert_eq!(refused(AckSettings::new(find).bytes(0)), Err("ack bytes"));
    assert_eq!(refused(AckSettings::new(find).timeout(Duration::ZERO)), Err("ack timeout"));
    assert_eq!(refused(AckSettings::new(find).timeout(Duration::MAX).resends(0)), Ok(()));
}
