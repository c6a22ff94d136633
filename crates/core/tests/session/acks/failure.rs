//! Timeouts, messages that are given up, and the end of the session.

use std::{rc::Rc, time::Duration};

use websocket_heartbeat::{
    CloseReason, ConfigError, Event, Status, Timer, Timestamp,
    acks::{AckFailure, AckQueueError, AckSettings, Acknowledged},
};
use websocket_heartbeat_mock::{MockTimer, Runner, Script};

use super::fixture::{AckFixture, ack_each, find, now, session};
use crate::harness::secs;

fn texts(arrivals: &[(u64, String)]) -> Vec<(u64, &str)> {
    arrivals.iter().map(|(at, text)| (*at, text.as_str())).collect()
}

#[test]
fn an_unanswered_message_is_resent_and_then_given_up() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks);
    fixture.run(1_000);
    fixture.post(1);
    fixture.run(5_000);
    fixture.post(2);
    fixture.run(10_000);
    fixture.remote.last_peer().unwrap().send("ack 2");
    fixture.run(60_000);
    assert_eq!(
        texts(&fixture.arrivals(1)),
        [(1_000, "1"), (6_000, "2"), (11_000, "1"), (16_000, "2"), (21_000, "1"), (31_000, "1")]
    );
    fixture.assert_outcomes(&[(16_000, "2 ok"), (41_000, "1 timeout after 4 sends")]);
    fixture.assert_events(&[(0, "open 1")]);
    assert_eq!(fixture.sender.unacknowledged(), 0);
}

#[test]
fn reconnects_do_not_change_the_count_of_resends() {
    let mut fixture =
        AckFixture::new(|_| Script::accept().end_after(secs(15)), |acks| acks.resends(2));
    fixture.post(1);
    fixture.run(100_000);
    // Each connection lasts 15 s and each outage 1 s: one timeout on each connection.
    let arrivals: Vec<_> = (1..=3).map(|connection| fixture.arrivals(connection)).collect();
    let expected = [vec![0, 10_000], vec![16_000, 26_000], vec![32_000]];
    for (arrivals, expected) in arrivals.iter().zip(expected) {
        assert_eq!(arrivals.iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected);
    }
    fixture.assert_outcomes(&[(42_000, "1 timeout after 5 sends")]);
}

#[test]
fn outages_and_reconnects_lose_no_message() {
    let mut fixture = AckFixture::new(
        |dial| match dial {
            1..=50 => Script::flap(secs(1)),
            51..=500 => Script::refuse_connection(),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    fixture.post(1);
    fixture.run(3_600_000);
    fixture.assert_outcomes(&[(550_000, "1 ok")]);
    assert_eq!(fixture.remote.peers().len(), 51);
}

#[test]
fn a_message_that_kills_connections_can_be_given_up_alone() {
    let mut fixture = AckFixture::new(
        |_| {
            let mut dead = false;
            Script::accept().latency(secs(1) / 10).reply_with(move |message| {
                dead |= message.as_text() == Some("2");
                if dead { Some("poison".into()) } else { ack_each(message) }
            })
        },
        |acks| acks.max_connection_losses(3),
    );
    for id in 1..=4 {
        fixture.post(id);
    }
    // The application ends each connection on which the bad message arrives.
    let (events, handle, clock) =
        (Rc::clone(&fixture.events), fixture.handle.clone(), fixture.clock.clone());
    fixture
        .runner
        .spawn(async move {
            let mut seen = 0;
            loop {
                let at = clock.now().checked_add(secs(1)).unwrap();
                clock.timer().sleep_until(at).await;
                let poisoned = events.borrow()[seen..].iter().any(|(_, words)| words == "poison");
                seen = events.borrow().len();
                if poisoned {
                    handle.reconnect_now();
                }
            }
        })
        .detach();
    fixture.run(30_000);
    let outcomes: Vec<_> = fixture.outcomes.borrow().iter().map(|(_, o)| o.clone()).collect();
    assert_eq!(outcomes, ["1 ok", "2 losses after 4 sends", "3 ok", "4 ok"]);
    assert_eq!(fixture.received(5), ["3", "4"]);
}

#[test]
fn losses_before_a_message_was_sent_do_not_count_for_it() {
    let (clock, remote, supervisor) = session(|dial| match dial {
        1..=9 => Script::flap(secs(1)),
        _ => Script::accept().reply_with(ack_each),
    });
    let handle = supervisor.handle();
    let (driver, inbox) = supervisor.into_driver(16).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    let acks = AckSettings::new(find).max_connection_losses(0);
    let mut layer = Acknowledged::new(inbox, handle, clock.timer(), acks).unwrap();
    let receipt = layer.sender().try_queue(1, "1").unwrap();
    // Nine opens and losses happen while the layer is not polled.
    runner.run_for(secs(30));
    assert_eq!(remote.peers().len(), 10);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    assert_eq!(runner.run_until(receipt), Ok(()));
}

#[test]
fn an_unwritten_message_is_not_sent_twice() {
    let mut fixture = AckFixture::new(|_| Script::accept().without_bytes_written(), |acks| acks);
    fixture.run(0);
    let peer = fixture.remote.last_peer().unwrap();
    peer.stall_writes();
    fixture.post(1);
    fixture.run(35_000);
    assert_eq!(fixture.handle.status().counters.dials, 1, "the stall was not a timeout");
    peer.resume_writes();
    fixture.run(4_000);
    assert_eq!(fixture.received(1), ["1"]);
    fixture.run(12_000);
    // Its timeout restarted at 30 s, when it was last found unwritten.
    assert_eq!(texts(&fixture.arrivals(1)), [(35_000, "1"), (40_000, "1"), (50_000, "1")]);
}

#[test]
fn a_deadline_seen_late_is_moved_once() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.resends(0));
    fixture.post(1);
    fixture.run(5_000);
    fixture.clock.jump(secs(60));
    fixture.run(9_000);
    fixture.assert_outcomes(&[]);
    fixture.run(1_000);
    fixture.assert_outcomes(&[(75_000, "1 timeout after 1 sends")]);
    // A second late deadline is not extended.
    fixture.post(2);
    fixture.run(5_000);
    fixture.clock.jump(secs(60));
    fixture.run(0);
    assert_eq!(fixture.sender.unacknowledged(), 1);
    fixture.clock.jump(secs(60));
    fixture.run(0);
    assert_eq!(fixture.sender.unacknowledged(), 0);
}

#[test]
fn an_unread_acknowledgement_is_in_time() {
    let (clock, remote, supervisor) =
        session(|_| Script::accept().latency(secs(1)).reply_with(ack_each));
    let handle = supervisor.handle();
    let acks = AckSettings::new(find).timeout(secs(5)).resends(0);
    let mut layer = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
    let sender = layer.sender();
    let mut runner = Runner::new(&clock);
    let receipt = sender.try_queue(1, "1").unwrap();
    runner.run_until(async {
        while !matches!(layer.next().await, Some(Event::Open(_))) {}
        assert!(futures::poll!(layer.next()).is_pending());
    });
    runner.run_for(secs(6));
    runner.run_until(async {
        assert!(futures::poll!(layer.next()).is_pending());
        assert_eq!(receipt.await, Ok(()));
    });
    assert_eq!(remote.last_peer().unwrap().received_count(), 1);
}

#[test]
fn early_sleeps_change_no_timeout() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.resends(1));
    fixture.clock.set_timer_early(true);
    fixture.post(1);
    fixture.run(60_000);
    assert_eq!(texts(&fixture.arrivals(1)), [(0, "1"), (10_000, "1")]);
    fixture.assert_outcomes(&[(20_000, "1 timeout after 2 sends")]);
}

/// A timer of which each second sleep ends at once.
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
fn a_sleep_that_ends_at_once_is_repeated() {
    let (clock, remote, supervisor) = session(|_| Script::accept());
    let handle = supervisor.handle();
    let timer = Hasty { timer: clock.timer(), made: Default::default() };
    let acks = AckSettings::new(find).resends(1);
    let mut layer = Acknowledged::new(supervisor, handle, timer, acks).unwrap();
    let sender = layer.sender();
    let first = sender.try_queue(1, "1").unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    runner.run_for(secs(5));
    let second = sender.try_queue(2, "2").unwrap();
    remote.last_peer().unwrap().send("ack 1");
    assert_eq!(runner.run_until(first), Ok(()));
    // The first sleep is not repeated. The second sleep, at 10 s, ends at once.
    assert_eq!(runner.run_until(second).unwrap_err().reason, AckFailure::Timeout);
    assert_eq!(now(&clock), 25_000);
    assert_eq!(remote.last_peer().unwrap().received_count(), 3);
}

#[test]
fn ten_thousand_acknowledged_messages_need_few_sleeps() {
    let mut fixture = AckFixture::new(
        |_| Script::accept().latency(secs(1) / 100).reply_with(ack_each).unrecorded(),
        |acks| acks,
    );
    for id in 0..10_000 {
        drop(fixture.sender.try_queue(id, id.to_string()).unwrap());
        fixture.run(10);
    }
    fixture.run(1_000);
    assert_eq!(fixture.sender.unacknowledged(), 0);
    // In 101 s about one sleep per timeout, and two of the dial.
    let sleeps = fixture.clock.sleeps().created;
    assert!(sleeps <= 14, "{sleeps} sleeps");
}

#[test]
fn the_end_resolves_all_receipts_before_it_is_reported() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.window(3));
    fixture.post(1);
    fixture.run(1_000);
    // Accepted but not sent, since the session is closing.
    fixture.handle.close();
    fixture.post(2);
    fixture.post(3);
    let sender = fixture.sender.clone();
    let waiting = fixture.runner.spawn(async move { sender.queue(4, "4").await.map(drop) });
    fixture.run(0);
    fixture.assert_events(&[(0, "open 1"), (1_000, "closed")]);
    let outcomes = fixture.outcomes.borrow().clone();
    assert_eq!(outcomes.len(), 3);
    for (id, sends) in [(1, 1), (2, 0), (3, 0)] {
        let words = format!("{id} session_ended after {sends} sends");
        assert!(outcomes.contains(&(1_000, words)), "{outcomes:?}");
    }
    let mut waiting = waiting;
    assert_eq!(waiting.take_output(), Some(Err(AckQueueError::Closed("4".into()))));
    assert_eq!(fixture.sender.try_queue(5, "5").map(drop), Err(AckQueueError::Closed("5".into())));
    assert_eq!(fixture.sender.unacknowledged(), 0);
    let Status { close_reason, .. } = fixture.handle.status();
    assert_eq!(close_reason, Some(CloseReason::User));
}

#[test]
fn dropping_the_layer_resolves_all_receipts() {
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
        assert_eq!(failed.to_string(), "not acknowledged, sent 1 time: the session has ended");
        assert_eq!(waiting.await.map(drop), Err(AckQueueError::Closed("2".into())));
    });
}

#[test]
fn invalid_settings_are_refused_by_name() {
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
