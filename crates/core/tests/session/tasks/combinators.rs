//! Supervisor, inbox and handle with the combinators of `futures`.

use std::{future::ready, pin::pin};

use futures::{FutureExt, SinkExt, StreamExt, stream};
use websocket_heartbeat::{Event, Handle, Message, SessionClosed};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, WakeCounter, ms, secs, sleep, texts, words};

fn message(event: Event) -> Option<Message> {
    if let Event::Message(message) = event { Some(message) } else { None }
}

fn numbered(count: u32) -> impl stream::Stream<Item = Result<Message, SessionClosed>> {
    stream::iter((0..count).map(|number| Ok(Message::text(number.to_string()))))
}

#[test]
fn filter_map_take_while_and_chunks_work() {
    let (mut fixture, builder) = Fixture::new(|dial| {
        Script::accept().chatter(secs(1), dial.to_string()).end_after(ms(3_500))
    });
    let session = builder.build().unwrap();
    let chunks = session
        .take_while(|event| ready(!matches!(event, Event::Open(open) if open.connection == 3)))
        .filter_map(|event| ready(message(event)))
        .chunks(4)
        .collect::<Vec<_>>();
    let chunks = fixture.runner.run_until(chunks);
    let chunks: Vec<_> = chunks.iter().map(texts).collect();
    assert_eq!(chunks, [vec!["1", "1", "1", "2"], vec!["2", "2"]]);
}

#[test]
fn select_of_two_sessions_ends_after_both() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().greet("one").echo());
    let (other, more) = Fixture::new(|_| Script::accept().greet("two").echo());
    // Both sessions run on one clock. The clock of the second fixture does not move, and this test
    // does not need it.
    let (one, two) = (builder.build().unwrap(), more.build().unwrap());
    let handles = [one.handle(), two.handle()];
    let mut merged = stream::select(one, two);
    fixture.runner.run_until(async {
        let mut greetings = Vec::new();
        while greetings.len() < 2 {
            greetings.extend(message(merged.next().await.unwrap()));
        }
        greetings.sort_by_key(|message| message.as_text().map(str::to_owned));
        assert_eq!(texts(&greetings), ["one", "two"]);
        handles.iter().for_each(Handle::close);
        let rest = merged.collect::<Vec<_>>().await;
        assert_eq!(words(&rest), ["closed user", "closed user"]);
    });
    drop(other);
}

#[test]
fn select_biased_and_fuse_stop_at_the_end() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    session.handle().close();
    let events = fixture.runner.run_until(async {
        let mut events = 0;
        loop {
            futures::select_biased! {
                event = session.select_next_some() => { let _ = event; events += 1; }
                complete => break events,
            }
        }
    });
    assert_eq!(events, 1);
}

#[test]
fn forward_into_the_supervisor_writes_all_and_closes_the_session() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().greet("hello"));
    let mut session = builder.build().unwrap();
    fixture.runner.run_until(async {
        numbered(500).forward(&mut session).await.unwrap();
        let rest = session.collect::<Vec<_>>().await;
        assert_eq!(
            words(&rest),
            ["connecting 1 attempt 0", "open 1", "message hello", "closed user"]
        );
    });
    assert_eq!(fixture.remote.last_peer().unwrap().received_messages().len(), 500);
}

#[test]
fn forward_into_the_supervisor_keeps_heartbeats_going() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().latency(ms(10)));
    let timer = fixture.clock.timer();
    let slow = stream::unfold(0, move |number| {
        let timer = timer.clone();
        async move {
            sleep(&timer, secs(100)).await;
            (number < 3).then(|| (Ok(Message::text(number.to_string())), number + 1))
        }
    });
    fixture.runner.run_until(slow.forward(builder.build().unwrap())).unwrap();
    assert_eq!(fixture.remote.dials().len(), 1);
    assert!(fixture.remote.trace().times("-> ping").len() >= 20);
}

#[test]
fn forward_into_a_handle_ends_only_that_handle() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let mut handle = session.handle();
    let other = handle.clone();
    let log = fixture.read(session);
    fixture.runner.run_until(async {
        numbered(500).forward(&mut handle).await.unwrap();
        // The sink of that handle is closed, but its commands work and the session continues.
        assert!(handle.feed(Message::text("no")).await.is_err());
        handle.queue("by itself").await.unwrap();
        assert!(other.send_confirmed("yes").await.unwrap().is_written());
    });
    fixture.runner.run_for(secs(60));
    log.assert(&[(0, "connecting 1 attempt 0"), (0, "open 1")]);
    let received = fixture.remote.last_peer().unwrap().received_messages();
    assert_eq!(texts(&received[500..]), ["by itself", "yes"]);
}

#[test]
fn forward_of_an_inbox_into_a_handle_is_an_echo() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let (driver, inbox) = builder.build().unwrap().into_driver(4).unwrap();
    let handle = driver.handle();
    fixture.runner.spawn(driver).detach();
    let echo = inbox.filter_map(|event| ready(message(event))).map(Ok);
    let echoing = fixture.runner.spawn(echo.forward(handle.clone()));
    fixture.runner.settle();
    let peer = fixture.remote.last_peer().unwrap();
    (0..100).for_each(|number| peer.send(number.to_string()));
    fixture.runner.run_for(secs(1));
    assert_eq!(peer.received_messages().len(), 100);
    handle.close();
    fixture.runner.run_until(echoing).unwrap();
}

#[test]
fn fanout_and_with_keep_the_two_steps_of_a_sink() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let both = session.handle().fanout(session.handle());
    let mut shouting =
        both.with(|text: &str| ready(Ok::<_, SessionClosed>(Message::text(text.to_uppercase()))));
    fixture.read(session);
    fixture.runner.run_until(async {
        for text in ["a", "b", "c", "d"] {
            shouting.feed(text).await.unwrap();
        }
        shouting.close().await.unwrap();
    });
    let received = texts(&fixture.remote.last_peer().unwrap().received_messages());
    assert_eq!(received, ["A", "A", "B", "B", "C", "C", "D", "D"]);
}

#[test]
fn a_supervisor_can_be_read_by_reference() {
    let (fixture, builder) = Fixture::new(|_| Script::accept().greet("hello"));
    let mut session = builder.build().unwrap();
    let counter = WakeCounter::new();
    {
        let mut first = pin!(session.by_ref().take(2));
        assert_eq!(words(&counter.drain(&mut first)), ["connecting 1 attempt 0", "open 1"]);
    }
    assert_eq!(words(&counter.drain(&mut session)), ["message hello"]);
    assert!(session.next().now_or_never().is_none());
    assert_eq!(fixture.remote.live(), 1);
}
