//! Acknowledgements, reconnects and order.

use websocket_heartbeat::{
    Event, Heartbeat, Message, Offline, OutboxSettings, Preset, Supervisor,
    acks::{AckSettings, Acknowledged},
};
use websocket_heartbeat_mock::{Clock, Runner, Script, at_every_cancellation, mock};

use super::fixture::{AckFixture, ack_each, find, session};
use crate::harness::secs;

#[test]
fn messages_are_acknowledged_and_acknowledgements_are_hidden() {
    let mut fixture = AckFixture::new(
        |_| Script::accept().latency(secs(1)).reply_with(ack_each).send_after(secs(1), "data"),
        |acks| acks,
    );
    fixture.post(1);
    fixture.post(2);
    fixture.run(500);
    fixture.post(3);
    fixture.run(4_000);
    fixture.assert_outcomes(&[(2_000, "1 ok"), (2_000, "2 ok"), (2_500, "3 ok")]);
    fixture.assert_events(&[(0, "open 1"), (2_000, "data")]);
    assert_eq!(fixture.received(1), ["1", "2", "3"]);
    assert_eq!(fixture.sender.unacknowledged(), 0);
}

#[test]
fn one_acknowledgement_can_cover_all_earlier_messages() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks);
    for id in [10, 7, 8, 3] {
        fixture.post(id);
    }
    fixture.run(1_000);
    fixture.remote.last_peer().unwrap().send("upto 8");
    fixture.run(1_000);
    fixture.assert_outcomes(&[(1_000, "10 ok"), (1_000, "7 ok"), (1_000, "8 ok")]);
    assert_eq!(fixture.sender.unacknowledged(), 1);
}

/// An id that was acknowledged or given up alone does not acknowledge the messages before it.
#[test]
fn a_finished_id_can_acknowledge_all_earlier_messages() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks);
    for id in [10, 7, 8, 3] {
        fixture.post(id);
    }
    fixture.run(1_000);
    let peer = fixture.remote.last_peer().unwrap();
    peer.send("ack 8");
    fixture.run(1_000);
    peer.send("upto 8");
    fixture.run(1_000);
    fixture.assert_outcomes(&[(1_000, "8 ok"), (2_000, "10 ok"), (2_000, "7 ok")]);
    assert_eq!(fixture.sender.unacknowledged(), 1);
    // No message older than 8 is left.
    peer.send("upto 8");
    fixture.run(1_000);
    assert_eq!(fixture.sender.unacknowledged(), 1);
    fixture.post(8);
    fixture.run(1_000);
    peer.send("upto 8");
    fixture.run(1_000);
    assert_eq!(fixture.sender.unacknowledged(), 0);
}

#[test]
fn one_message_may_acknowledge_several_and_stay_visible() {
    let mut fixture = AckFixture::new(|_| Script::accept(), |acks| acks.show_acknowledgements());
    for id in 1..=4 {
        fixture.post(id);
    }
    fixture.run(1_000);
    fixture.remote.last_peer().unwrap().send("acks 4 9 2");
    fixture.run(0);
    fixture.assert_outcomes(&[(1_000, "4 ok"), (1_000, "2 ok")]);
    fixture.assert_events(&[(0, "open 1"), (1_000, "acks 4 9 2")]);
}

#[test]
fn lost_messages_are_sent_again_in_order_before_new_ones() {
    let mut fixture = AckFixture::new(
        |dial| match dial {
            1 => Script::accept(),
            2 => Script::refuse_connection(),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    for id in 1..=5 {
        fixture.post(id);
    }
    fixture.run(1_000);
    let peer = fixture.remote.last_peer().unwrap();
    peer.send("ack 1");
    peer.send("ack 3");
    peer.half_open();
    fixture.run(500);
    fixture.post(6);
    fixture.run(500);
    fixture.handle.reconnect_now();
    fixture.run(500);
    fixture.post(7);
    fixture.run(5_000);
    assert_eq!(fixture.received(1), ["1", "2", "3", "4", "5"], "6 was lost on the cut link");
    assert_eq!(fixture.received(2), ["2", "4", "5", "6", "7"]);
    let reopened = fixture.events.borrow()[2].0;
    assert_eq!(reopened, 3_000, "{:?}", fixture.events);
    fixture.assert_outcomes(&[
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
fn after_a_cut_flush_all_messages_are_sent_again_in_order() {
    let mut fixture = AckFixture::new(
        |dial| match dial {
            1 => Script::accept(),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    fixture.run(0);
    let peer = fixture.remote.last_peer().unwrap();
    // A text frame of one byte takes seven on the wire.
    peer.write_quota(10);
    for id in 1..=3 {
        fixture.post(id);
    }
    fixture.run(100);
    fixture.post(4);
    fixture.run(100);
    peer.end();
    fixture.run(5_000);
    assert_eq!(fixture.received(1), ["1"]);
    assert_eq!(fixture.received(2), ["1", "2", "3", "4"]);
    let lost = fixture.handle.status();
    assert_eq!(lost.counters.dropped, 0, "repeated messages have no fate");
}

#[test]
fn an_acknowledgement_counts_on_any_connection() {
    let mut fixture = AckFixture::new(
        |dial| match dial {
            1 => Script::accept().end_after(secs(1)),
            // The acknowledgement of a message of the first connection, sent before a message is
            // read here.
            _ => Script::accept().latency(secs(1)).greet("upto 2"),
        },
        |acks| acks,
    );
    for id in 1..=3 {
        fixture.post(id);
    }
    fixture.run(2_500);
    assert_eq!(fixture.sender.unacknowledged(), 3);
    fixture.run(1_000);
    fixture.assert_outcomes(&[(3_000, "1 ok"), (3_000, "2 ok")]);
    fixture.run(2_000);
    assert_eq!(fixture.received(2), ["1", "2", "3"], "they were already in flight");
}

#[test]
fn after_a_lost_acknowledgement_the_message_arrives_twice() {
    let mut fixture = AckFixture::new(
        |dial| match dial {
            // The server accepts all bytes and ends before it answers.
            1 => Script::accept().end_after(secs(1)),
            _ => Script::accept().reply_with(ack_each),
        },
        |acks| acks,
    );
    fixture.post(1);
    fixture.post(2);
    fixture.run(5_000);
    assert_eq!(fixture.arrivals(1), [(0, "1".to_owned()), (0, "2".to_owned())]);
    assert_eq!(fixture.arrivals(2), [(2_000, "1".to_owned()), (2_000, "2".to_owned())]);
    fixture.assert_outcomes(&[(2_000, "1 ok"), (2_000, "2 ok")]);
}

#[test]
fn acknowledgements_of_unknown_ids_are_ignored() {
    let mut fixture = AckFixture::new(
        |dial| match dial {
            1 => Script::accept().end_after(secs(1)),
            2 => Script::refuse_connection().after(secs(3)),
            _ => Script::accept().greet("ack 9").reply_with(ack_each),
        },
        |acks| acks,
    );
    fixture.run(500);
    let peer = fixture.remote.last_peer().unwrap();
    for ack in ["ack 1", "upto 1", "acks 1 2 3"] {
        peer.send(ack);
    }
    fixture.run(1_000);
    fixture.post(1);
    fixture.run(500);
    assert_eq!(fixture.sender.unacknowledged(), 1);
    fixture.run(10_000);
    fixture.assert_outcomes(&[(6_000, "1 ok")]);
}

#[test]
fn a_server_cannot_acknowledge_an_unwritten_message() {
    let mut fixture = AckFixture::new(|_| Script::accept().ignore_close(), |acks| acks);
    fixture.run(0);
    fixture.handle.close();
    fixture.post(1);
    fixture.run(1_000);
    for ack in ["ack 1", "upto 1"] {
        fixture.remote.last_peer().unwrap().send(ack);
    }
    fixture.run(10_000);
    fixture.assert_outcomes(&[(5_000, "1 session_ended after 0 sends")]);
}

#[test]
fn an_outbox_that_refuses_offline_loses_no_acked_message() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| match dial {
        1 => Script::accept(),
        2 => Script::refuse_connection(),
        _ => Script::accept().reply_with(ack_each),
    });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .preset(Preset::Original)
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new().offline(Offline::Refuse).give_back(false))
        .build()
        .unwrap();
    let handle = supervisor.handle();
    let mut fixture = AckFixture::over(supervisor, handle, clock, remote, AckSettings::new(find));
    fixture.post(1);
    fixture.run(0);
    fixture.remote.last_peer().unwrap().end();
    fixture.post(2);
    fixture.run(1_000);
    fixture.post(3);
    fixture.run(4_000);
    assert_eq!(fixture.received(2), ["1", "2", "3"]);
    fixture.assert_outcomes(&[(4_000, "1 ok"), (4_000, "2 ok"), (4_000, "3 ok")]);
}

#[test]
fn a_message_queued_at_open_precedes_repeated_messages() {
    let (clock, remote, supervisor) = session(|_| Script::accept().end_after(secs(1)));
    let handle = supervisor.handle();
    let acks = AckSettings::new(find);
    let mut layer = Acknowledged::new(supervisor, handle.clone(), clock.timer(), acks).unwrap();
    let _receipt = layer.sender().try_queue(1, "1").unwrap();
    Runner::new(&clock).run_until(async {
        let mut lost = 0;
        while lost < 2 {
            match layer.next().await.unwrap() {
                Event::Open(_) => handle.try_queue("login").unwrap(),
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
fn behind_an_inbox_the_layer_sends_only_after_it_has_read_open() {
    let (clock, remote, supervisor) = session(|dial| match dial {
        1 => Script::accept().end_after(secs(1)),
        _ => Script::accept().reply_with(ack_each),
    });
    let handle = supervisor.handle();
    let (driver, inbox) = supervisor.into_driver(16).unwrap();
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
    // The connection is lost and replaced while the layer is not polled.
    runner.run_for(secs(10));
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
fn the_layer_works_the_same_over_an_inbox() {
    let script = |dial| match dial {
        1 => Script::accept(),
        _ => Script::accept().reply_with(ack_each),
    };
    for inbox in [1, 64] {
        let mut fixture = AckFixture::with_driver(inbox, script, |acks| acks.window(2));
        fixture.post(1);
        fixture.post(2);
        fixture.run(1_000);
        fixture.remote.last_peer().unwrap().send("ack 1");
        fixture.run(0);
        fixture.post(3);
        fixture.run(1_000);
        fixture.remote.last_peer().unwrap().end();
        fixture.run(3_000);
        assert_eq!(fixture.received(1), ["1", "2", "3"]);
        assert_eq!(fixture.received(2), ["2", "3"]);
        fixture.assert_outcomes(&[(1_000, "1 ok"), (3_000, "2 ok"), (3_000, "3 ok")]);
    }
}

#[test]
fn futures_of_the_layer_are_cancel_safe() {
    let scenario = |which: usize| {
        at_every_cancellation(|cancellation| {
            let (clock, remote, supervisor) = session(|dial| match dial {
                1 => Script::accept().end_after(secs(1)),
                _ => Script::accept().reply_with(ack_each).send_after(secs(1), "data"),
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
                    let mut messages = 0;
                    while messages < 1 || sender.unacknowledged() > 0 {
                        let event = match which {
                            1 => cancellation.wrap(layer.next()).await.flatten(),
                            _ => layer.next().await,
                        };
                        messages += usize::from(matches!(event, Some(Event::Message(_))));
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
