//! Supervisor, inbox and handle under the combinators of `futures`.

use std::{future::ready, pin::pin};

use futures::{FutureExt, SinkExt, StreamExt, stream};
use websocket_heartbeat::{Event, Handle, Inbox, Message, SessionClosed};
use websocket_heartbeat_mock::Script;

use crate::{
    stage::{Counter, Stage, millis, secs, texts, words},
    two_tasks::rest,
};

fn message(event: Event) -> Option<Message> {
    if let Event::Message(message) = event { Some(message) } else { None }
}

fn numbered(count: u32) -> impl stream::Stream<Item = Result<Message, SessionClosed>> {
    stream::iter((0..count).map(|number| Ok(Message::text(number.to_string()))))
}

#[test]
fn filter_map_take_while_and_chunks() {
    let (mut stage, settings) = Stage::new(|dial| {
        Script::accept().chatter(secs(1), dial.to_string()).end_after(millis(3_500))
    });
    let session = settings.build().unwrap();
    let chunks = session
        .take_while(|event| ready(!matches!(event, Event::Open(open) if open.connection == 3)))
        .filter_map(|event| ready(message(event)))
        .chunks(4)
        .collect::<Vec<_>>();
    let chunks = stage.runner.run_until(chunks);
    let chunks: Vec<_> = chunks.iter().map(texts).collect();
    assert_eq!(chunks, [vec!["1", "1", "1", "2"], vec!["2", "2"]]);
}

#[test]
fn select_of_two_sessions_ends_with_both() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().greet("one").echo());
    let (other, more) = Stage::new(|_| Script::accept().greet("two").echo());
    // Both sessions on one clock: the other stage's timer never moves, nor does it need to.
    let (one, two) = (settings.build().unwrap(), more.build().unwrap());
    let handles = [one.handle(), two.handle()];
    let mut merged = stream::select(one, two);
    stage.runner.run_until(async {
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
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    session.handle().close();
    let events = stage.runner.run_until(async {
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
    let (mut stage, settings) = Stage::new(|_| Script::accept().greet("hello"));
    let mut session = settings.build().unwrap();
    stage.runner.run_until(async {
        numbered(500).forward(&mut session).await.unwrap();
        let rest = session.collect::<Vec<_>>().await;
        assert_eq!(words(&rest), ["connecting 1", "open 1", "message hello", "closed user"]);
    });
    assert_eq!(stage.remote.last_peer().unwrap().received_messages().len(), 500);
}

#[test]
fn forward_into_the_supervisor_keeps_the_heart_beating_between_messages() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().latency(millis(10)));
    let timer = stage.clock.timer();
    let slow = stream::unfold(0, move |number| {
        let timer = timer.clone();
        async move {
            rest(&timer, secs(100)).await;
            (number < 3).then(|| (Ok(Message::text(number.to_string())), number + 1))
        }
    });
    stage.runner.run_until(slow.forward(settings.build().unwrap())).unwrap();
    assert_eq!(stage.remote.dials().len(), 1);
    assert!(stage.remote.trace().times("-> ping").len() >= 20);
}

#[test]
fn forward_into_a_handle_ends_it_for_nobody_else() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let session = settings.build().unwrap();
    let mut handle = session.handle();
    let other = handle.clone();
    let log = stage.read(session);
    stage.runner.run_until(async {
        numbered(500).forward(&mut handle).await.unwrap();
        // That handle's sink is closed, its commands are not, and the session goes on.
        assert!(handle.feed(Message::text("no")).await.is_err());
        handle.queue("by itself").await.unwrap();
        other.send_confirmed("yes").await.unwrap();
    });
    stage.runner.run_for(secs(60));
    log.assert(&[(0, "connecting 1"), (0, "open 1")]);
    let received = stage.remote.last_peer().unwrap().received_messages();
    assert_eq!(texts(&received[500..]), ["by itself", "yes"]);
}

#[test]
fn forward_of_an_inbox_into_a_handle_is_an_echo() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let (driver, inbox) = settings.build().unwrap().into_driver(Inbox::new(4)).unwrap();
    let handle = driver.handle();
    stage.runner.spawn(driver).detach();
    let echo = inbox.filter_map(|event| ready(message(event))).map(Ok);
    let echoing = stage.runner.spawn(echo.forward(handle.clone()));
    stage.runner.settle();
    let peer = stage.remote.last_peer().unwrap();
    (0..100).for_each(|number| peer.send(number.to_string()));
    stage.runner.run_for(secs(1));
    assert_eq!(peer.received_messages().len(), 100);
    handle.close();
    stage.runner.run_until(echoing).unwrap();
}

#[test]
fn fanout_and_with_keep_the_two_steps_of_a_sink() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let session = settings.build().unwrap();
    let both = session.handle().fanout(session.handle());
    let mut shouting =
        both.with(|text: &str| ready(Ok::<_, SessionClosed>(Message::text(text.to_uppercase()))));
    stage.read(session);
    stage.runner.run_until(async {
        for text in ["a", "b", "c", "d"] {
            shouting.feed(text).await.unwrap();
        }
        shouting.close().await.unwrap();
    });
    let received = texts(&stage.remote.last_peer().unwrap().received_messages());
    assert_eq!(received, ["A", "A", "B", "B", "C", "C", "D", "D"]);
}

#[test]
fn a_supervisor_can_be_read_by_reference_and_put_down() {
    let (stage, settings) = Stage::new(|_| Script::accept().greet("hello"));
    let mut session = settings.build().unwrap();
    let counter = Counter::new();
    {
        let mut first = pin!(session.by_ref().take(2));
        assert_eq!(words(&counter.drain(&mut first)), ["connecting 1", "open 1"]);
    }
    assert_eq!(words(&counter.drain(&mut session)), ["message hello"]);
    assert!(session.next().now_or_never().is_none());
    assert_eq!(stage.remote.live(), 1);
}
