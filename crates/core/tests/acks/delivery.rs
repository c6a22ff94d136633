//! Acknowledgements, reconnects, order.

use websocket_heartbeat::{Message, Offline};
use websocket_heartbeat_mock::at_every_cancellation;

use super::*;

#[test]
fn messages_are_acknowledged_one_by_one_and_acknowledgements_hidden() {
    let mut stage = Stage::new(
        |_| Script::accept().latency(SECOND).reply_with(ack_each).send_after(SECOND, "news"),
        |acks| acks,
    );
    stage.post(1);
    stage.post(2);
    stage.run(500);
    stage.post(3);
    stage.run(4_000);
    stage.assert_outcomes(&[(2_000, "1 ok"), (2_000, "2 ok"), (2_500, "3 ok")]);
    stage.assert_events(&[(0, "open 1"), (2_000, "news")]);
    assert_eq!(stage.received(1), ["1", "2", "3"]);
    assert_eq!(stage.sender.unacknowledged(), 0);
}

#[test]
fn one_acknowledgement_serves_all_before_it() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks);
    for id in [10, 7, 8, 3] {
        stage.post(id);
    }
    stage.run(1_000);
    stage.remote.last_peer().unwrap().send("upto 8");
    stage.run(1_000);
    stage.assert_outcomes(&[(1_000, "10 ok"), (1_000, "7 ok"), (1_000, "8 ok")]);
    assert_eq!(stage.sender.unacknowledged(), 1);
}

/// What was acknowledged, or given up, on its own before: all before it are not.
#[test]
fn all_before_a_message_that_is_done_with_are_acknowledged_through_it() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks);
    for id in [10, 7, 8, 3] {
        stage.post(id);
    }
    stage.run(1_000);
    let peer = stage.remote.last_peer().unwrap();
    peer.send("ack 8");
    stage.run(1_000);
    peer.send("upto 8");
    stage.run(1_000);
    stage.assert_outcomes(&[(1_000, "8 ok"), (2_000, "10 ok"), (2_000, "7 ok")]);
    assert_eq!(stage.sender.unacknowledged(), 1);
    // Nothing older than 8 is left.
    peer.send("upto 8");
    stage.run(1_000);
    assert_eq!(stage.sender.unacknowledged(), 1);
    stage.post(8);
    stage.run(1_000);
    peer.send("upto 8");
    stage.run(1_000);
    assert_eq!(stage.sender.unacknowledged(), 0);
}

#[test]
fn one_message_may_acknowledge_several_and_may_be_shown() {
    let mut stage = Stage::new(|_| Script::accept(), |acks| acks.show_acknowledgements());
    for id in 1..=4 {
        stage.post(id);
    }
    stage.run(1_000);
    stage.remote.last_peer().unwrap().send("acks 4 9 2");
    stage.run(0);
    stage.assert_outcomes(&[(1_000, "4 ok"), (1_000, "2 ok")]);
    stage.assert_events(&[(0, "open 1"), (1_000, "acks 4 9 2")]);
}

#[test]
fn what_is_lost_with_a_connection_is_sent_again_in_order_before_what_is_newer() {
    let mut stage = Stage::new(
        |dial| match dial {
            1 => Script::accept(),
            2 => Script::refuse_connection(),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    for id in 1..=5 {
        stage.post(id);
    }
    stage.run(1_000);
    let peer = stage.remote.last_peer().unwrap();
    peer.send("ack 1");
    peer.send("ack 3");
    peer.half_open();
    stage.run(500);
    stage.post(6);
    stage.run(500);
    stage.handle.reconnect_now();
    stage.run(500);
    stage.post(7);
    stage.run(5_000);
    assert_eq!(stage.received(1), ["1", "2", "3", "4", "5"], "the cable swallowed 6");
    assert_eq!(stage.received(2), ["2", "4", "5", "6", "7"]);
    let reopened = stage.events.borrow()[2].0;
    assert_eq!(reopened, 3_000, "{:?}", stage.events);
    stage.assert_outcomes(&[
        (1_000, "1 ok"),
        (1_000, "3 ok"),
        (3_000, "2 ok"),
        (3_000, "4 ok"),
        (3_000, "5 ok"),
        (3_000, "6 ok"),
        (3_000, "7 ok"),
    ]);
}

#[test]
fn a_flush_that_is_cut_in_the_middle_sends_everything_again_in_order() {
    let mut stage = Stage::new(
        |dial| match dial {
            1 => Script::accept(),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    stage.run(0);
    let peer = stage.remote.last_peer().unwrap();
    // A text frame of one byte takes seven on the wire.
    peer.write_quota(10);
    for id in 1..=3 {
        stage.post(id);
    }
    stage.run(100);
    stage.post(4);
    stage.run(100);
    peer.end();
    stage.run(5_000);
    assert_eq!(stage.received(1), ["1"]);
    assert_eq!(stage.received(2), ["1", "2", "3", "4"]);
    let lost = stage.handle.status();
    assert_eq!(lost.counters.dropped, 0, "copies have no fate");
}

#[test]
fn an_acknowledgement_counts_on_whichever_connection_it_comes() {
    let mut stage = Stage::new(
        |dial| match dial {
            1 => Script::accept().end_after(SECOND),
            // What the first connection brought, said before anything is read here.
            _ => Script::accept().latency(SECOND).greet("upto 2"),
        },
        |acks| acks,
    );
    for id in 1..=3 {
        stage.post(id);
    }
    stage.run(2_500);
    assert_eq!(stage.sender.unacknowledged(), 3);
    stage.run(1_000);
    stage.assert_outcomes(&[(3_000, "1 ok"), (3_000, "2 ok")]);
    stage.run(2_000);
    assert_eq!(stage.received(2), ["1", "2", "3"], "they were on their way already");
}

#[test]
fn a_lost_acknowledgement_means_that_the_server_sees_the_message_twice() {
    let mut stage = Stage::new(
        |dial| match dial {
            // It takes everything and dies before it answers.
            1 => Script::accept().end_after(SECOND),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    stage.post(1);
    stage.post(2);
    stage.run(5_000);
    assert_eq!(stage.arrivals(1), [(0, "1".to_owned()), (0, "2".to_owned())]);
    assert_eq!(stage.arrivals(2), [(2_000, "1".to_owned()), (2_000, "2".to_owned())]);
    stage.assert_outcomes(&[(2_000, "1 ok"), (2_000, "2 ok")]);
}

#[test]
fn acknowledgements_of_what_was_never_sent_or_is_unknown_are_ignored() {
    let mut stage = Stage::new(
        |dial| match dial {
            1 => Script::accept().end_after(SECOND),
            2 => Script::refuse_connection().after(SECOND * 3),
            _ => Script::accept().greet("ack 9").reply_with(ack_each),
        },
        |acks| acks,
    );
    stage.run(500);
    let peer = stage.remote.last_peer().unwrap();
    for ack in ["ack 1", "upto 1", "acks 1 2 3"] {
        peer.send(ack);
    }
    stage.run(1_000);
    stage.post(1);
    stage.run(500);
    assert_eq!(stage.sender.unacknowledged(), 1);
    stage.run(10_000);
    stage.assert_outcomes(&[(6_000, "1 ok")]);
}

#[test]
fn a_server_cannot_acknowledge_what_it_cannot_have() {
    let mut stage = Stage::new(|_| Script::accept().ignore_close(), |acks| acks);
    stage.run(0);
    stage.handle.close();
    stage.post(1);
    stage.run(1_000);
    for ack in ["ack 1", "upto 1"] {
        stage.remote.last_peer().unwrap().send(ack);
    }
    stage.run(10_000);
    stage.assert_outcomes(&[(5_000, "1 session_ended after 0 sends")]);
}

#[test]
fn an_outbox_that_keeps_nothing_while_offline_loses_nothing_of_the_layer() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| match dial {
        1 => Script::accept(),
        2 => Script::refuse_connection(),
        _ => Script::accept().reply_with(ack_each),
    });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new().offline(Offline::Refuse).give_back(false))
        .build()
        .unwrap();
    let handle = supervisor.handle();
    let mut stage = Stage::over(supervisor, handle, clock, remote, AckSettings::new(find));
    stage.post(1);
    stage.run(0);
    stage.remote.last_peer().unwrap().end();
    stage.post(2);
    stage.run(1_000);
    stage.post(3);
    stage.run(4_000);
    assert_eq!(stage.received(2), ["1", "2", "3"]);
    stage.assert_outcomes(&[(4_000, "1 ok"), (4_000, "2 ok"), (4_000, "3 ok")]);
}

#[test]
fn what_answers_an_open_goes_out_before_what_is_sent_again() {
    let (clock, remote, supervisor) = session(|_| Script::accept().end_after(SECOND));
    let handle = supervisor.handle();
    let acks = AckSettings::new(find);
    let mut layer = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
    let _receipt = layer.sender().try_queue(1, "1").unwrap();
    Runner::new(&clock).run_until(async {
        let mut lost = 0;
        while lost < 2 {
            match layer.next().await.unwrap() {
                Event::Open(_) => layer.handle().try_queue("login").unwrap(),
                Event::Lost(_) => lost += 1,
                _ => {}
            }
        }
    });
    for peer in remote.peers() {
        assert_eq!(peer.received_messages(), [Message::text("login"), Message::text("1")]);
    }
}

#[test]
fn behind_an_inbox_nothing_is_sent_on_a_connection_that_the_layer_has_not_seen_open() {
    let (clock, remote, supervisor) = session(|dial| match dial {
        1 => Script::accept().end_after(SECOND),
        _ => Script::accept().reply_with(ack_each),
    });
    let handle = supervisor.handle();
    let (driver, inbox) = supervisor.into_driver(Inbox::new(16)).unwrap();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    let mut layer =
        Acknowledged::new(inbox, handle, clock.timer(), AckSettings::new(find)).unwrap();
    let sender = layer.sender();
    let first = sender.try_queue(1, "1").unwrap();
    runner.run_until(async {
        while !matches!(layer.next().await, Some(Event::Open(_))) {}
        assert!(futures::poll!(layer.next()).is_pending(), "1 is sent");
    });
    // The connection is lost and replaced while the layer does not look.
    runner.run_for(SECOND * 10);
    assert_eq!(remote.peers().len(), 2);
    let second = sender.try_queue(2, "2").unwrap();
    runner.run_until(async {
        let events = async { while layer.next().await.is_some() {} };
        let receipts = async { (first.await.unwrap(), second.await.unwrap()) };
        futures::future::select(Box::pin(receipts), Box::pin(events)).await;
    });
    assert_eq!(remote.peers()[1].received_messages(), [Message::text("1"), Message::text("2")]);
}

#[test]
fn a_driver_of_its_own_makes_no_difference() {
    let script = |dial| match dial {
        1 => Script::accept(),
        _ => Script::accept().reply_with(ack_each),
    };
    for inbox in [Inbox::new(1), Inbox::new(64)] {
        let mut stage = Stage::with_driver(inbox, script, |acks| acks.window(2));
        stage.post(1);
        stage.post(2);
        stage.run(1_000);
        stage.remote.last_peer().unwrap().send("ack 1");
        stage.run(0);
        stage.post(3);
        stage.run(1_000);
        stage.remote.last_peer().unwrap().end();
        stage.run(3_000);
        assert_eq!(stage.received(1), ["1", "2", "3"]);
        assert_eq!(stage.received(2), ["2", "3"]);
        stage.assert_outcomes(&[(1_000, "1 ok"), (3_000, "2 ok"), (3_000, "3 ok")]);
    }
}

#[test]
fn no_future_of_the_layer_loses_anything_when_it_is_dropped() {
    let scenario = |which: usize| {
        at_every_cancellation(|cancellation| {
            let (clock, remote, supervisor) = session(|dial| match dial {
                1 => Script::accept().end_after(SECOND),
                _ => Script::accept().reply_with(ack_each).send_after(SECOND, "news"),
            });
            let handle = supervisor.handle();
            let acks = AckSettings::new(find).window(1);
            let mut layer = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
            let sender = layer.sender();
            Runner::new(&clock).run_until(async {
                let queue = async {
                    let first = sender.try_queue(1, "1").unwrap();
                    let queued = sender.queue(2, "2");
                    let second = match which {
                        0 => cancellation.wrap(queued).await,
                        _ => Some(queued.await),
                    };
                    let second = match second {
                        Some(second) => second,
                        None => sender.queue(2, "2").await,
                    };
                    first.await.unwrap();
                    let second = second.unwrap();
                    match which {
                        2 => drop(cancellation.wrap(second).await.map(Result::unwrap)),
                        _ => second.await.unwrap(),
                    }
                };
                let events = async {
                    let mut news = 0;
                    while news < 1 || sender.unacknowledged() > 0 {
                        let event = match which {
                            1 => cancellation.wrap(layer.next()).await.flatten(),
                            _ => layer.next().await,
                        };
                        news += usize::from(matches!(event, Some(Event::Message(_))));
                    }
                };
                futures::join!(queue, events)
            });
            let last = remote.last_peer().unwrap();
            assert_eq!(last.received_messages(), [Message::text("1"), Message::text("2")]);
        })
    };
    assert!(scenario(0) > 0);
    assert!(scenario(1) > 2);
    assert!(scenario(2) > 0);
}
