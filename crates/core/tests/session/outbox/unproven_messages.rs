//! `OutboxSettings::keep_unproven`: written messages without proof come back with the loss.

use std::collections::BTreeSet;

use websocket_heartbeat::{Event, Heartbeat, Lost, Message, OutboxSettings};
use websocket_heartbeat_mock::Script;

use crate::harness::{EventLog, Fixture, ms, secs};

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.as_text().unwrap()).collect()
}

fn first_loss(log: &EventLog) -> Box<Lost> {
    let loss = log.events().into_iter().find_map(|event| match event {
        Event::Lost(lost) => Some(lost),
        _ => None,
    });
    loss.expect("a connection was lost")
}

/// Writes a and b, is pinged after 15 s of silence, writes c, d and e, and loses the connection.
fn loss(outbox: OutboxSettings, script: fn() -> Script) -> Box<Lost> {
    let (mut fixture, builder) = Fixture::new(move |_| script());
    let session = builder.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    handle.replay("subscription", "subscribe").unwrap();
    fixture.runner.settle();
    for text in ["a", "b"] {
        handle.try_queue(text).unwrap();
    }
    fixture.runner.run_for(secs(20));
    for text in ["c", "d", "e"] {
        handle.try_queue(text).unwrap();
    }
    fixture.runner.settle();
    fixture.remote.last_peer().unwrap().end();
    fixture.runner.settle();
    first_loss(&log)
}

#[test]
fn unproven_messages_come_back_in_order() {
    let keeps = OutboxSettings::new().keep_unproven(10, 1_000);
    for outbox in [keeps, keeps.give_back(false)] {
        let lost = loss(outbox, Script::accept);
        assert_eq!((texts(&lost.unproven_messages), lost.unproven), (vec!["c", "d", "e"], 3));
        assert_eq!((lost.unproven_discarded, lost.unsent.len()), (0, 0));
    }
    // The server answers no ping. The replay is counted, and is not among the messages.
    let lost = loss(keeps, || Script::accept().without_pongs().chatter(secs(5), "x"));
    assert_eq!(texts(&lost.unproven_messages), ["a", "b", "c", "d", "e"]);
    assert_eq!(lost.unproven, 6);
}

#[test]
fn no_message_is_kept_by_default() {
    let lost = loss(OutboxSettings::new(), Script::accept);
    assert_eq!((lost.unproven, lost.unproven_messages.len(), lost.unproven_discarded), (3, 0, 0));
}

#[test]
fn the_oldest_unproven_messages_fall_out_and_are_counted() {
    let outbox = |count, bytes| OutboxSettings::new().keep_unproven(count, bytes);
    for bound in [outbox(2, 1_000), outbox(10, 2)] {
        let lost = loss(bound, Script::accept);
        assert_eq!((texts(&lost.unproven_messages), lost.unproven_discarded), (vec!["d", "e"], 1));
    }
}

#[test]
fn the_last_messages_come_back_with_closed() {
    for answers in [false, true] {
        let (mut fixture, builder) =
            Fixture::new(
                move |_| {
                    if answers { Script::accept() } else { Script::accept().ignore_close() }
                },
            );
        let outbox = OutboxSettings::new().keep_unproven(10, 1_000);
        let session = builder.outbox(outbox).build().unwrap();
        let handle = session.handle();
        let log = fixture.read(session);
        fixture.runner.settle();
        handle.try_queue("a").unwrap();
        handle.close();
        fixture.runner.run_for(secs(10));
        let events = log.events();
        let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
        let expected: &[&str] = if answers { &[] } else { &["a"] };
        assert_eq!(texts(&closed.unproven_messages), expected);
        assert_eq!(closed.unproven, expected.len() as u64);
    }
}

#[test]
fn a_message_of_unknown_fate_is_not_unproven() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let outbox = OutboxSettings::new().keep_unproven(10, 1_000);
    let session = builder.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    fixture.runner.settle();
    handle.try_queue("written").unwrap();
    fixture.runner.settle();
    fixture.remote.last_peer().unwrap().write_quota(1);
    handle.try_queue("unknown").unwrap();
    fixture.runner.settle();
    fixture.remote.last_peer().unwrap().end();
    fixture.runner.settle();
    let lost = first_loss(&log);
    assert_eq!((texts(&lost.unproven_messages), lost.unknown), (vec!["written"], 1));
}

#[test]
fn messages_that_are_sent_again_all_arrive() {
    // Links are cut at times that are not known to the client, and messages are sent all the time.
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1..=6 => Script::accept().latency(ms(30)).half_open_after(ms(3_000 + dial * 1_700)),
        _ => Script::accept().latency(ms(30)),
    });
    let heartbeat = Heartbeat::idle(secs(2)).timeout(secs(1)).ping();
    let outbox = OutboxSettings::new().keep_unproven(1_000, 1 << 20);
    let session = builder.heartbeat(heartbeat).outbox(outbox).build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    let (mut read, mut losses) = (0, 0);
    for number in 0..900 {
        handle.try_queue(format!("message {number}")).unwrap();
        fixture.runner.run_for(ms(100));
        for event in &log.events()[read..] {
            read += 1;
            if let Event::Lost(lost) = event {
                losses += 1;
                assert_eq!(lost.unproven, lost.unproven_messages.len() as u64);
                for message in &lost.unproven_messages {
                    handle.try_queue(message.clone()).unwrap();
                }
            }
        }
    }
    fixture.runner.run_for(secs(10));
    assert_eq!(losses, 6);
    let received: BTreeSet<String> = fixture
        .remote
        .peers()
        .iter()
        .flat_map(|peer| peer.received_messages())
        .map(|message| message.as_text().unwrap().to_owned())
        .collect();
    let missing: Vec<_> = (0..900)
        .map(|number| format!("message {number}"))
        .filter(|m| !received.contains(m))
        .collect();
    assert_eq!(missing, [""; 0]);
}
