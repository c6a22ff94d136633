//! Models of the queue between a driver and its inbox, see [`models`](crate::models).

use std::{collections::VecDeque, future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use futures_core::Stream;
use loom::{future::block_on, thread};

use super::{backlog::Backlog, channel::Channel, inbox::Inbox};
use crate::{
    config::{InboxSettings, OutboxSettings},
    event::Event,
    handle::Handle,
    message::Message,
    models::{Trace, explore, online},
    outbox::Load,
    shared::{Shared, Side},
};

/// A session whose inbox has room for one message.
fn channel() -> (Arc<Shared>, Arc<Channel>, Inbox) {
    let (shared, handle): (_, Handle) = online(OutboxSettings::new());
    let load = Load { count: 1, bytes: 100 };
    let backlog = Backlog::new(load, None);
    let channel = Arc::new(Channel::new(InboxSettings::new(1), backlog, handle));
    let inbox = Inbox::new(Arc::clone(&channel));
    (shared, channel, inbox)
}

/// Delivers a message as the driver does.
fn deliver(channel: &Channel, message: Message) {
    let load = Load { count: 1, bytes: message.len() };
    let mut batch = VecDeque::from([Event::Message(message)]);
    channel.deliver(&mut batch, load);
}

/// Waits for room as the driver does: it registers its task first, and then looks.
fn wait_for_room(shared: &Shared, channel: &Channel) {
    block_on(poll_fn(|cx| {
        shared.tasks.set(Side::Stream, cx.waker());
        let room = channel.room().is_none_or(|room| room.has_room());
        if room { Poll::Ready(()) } else { Poll::Pending }
    }));
}

async fn next(inbox: &mut Inbox) -> Option<Event> {
    poll_fn(|cx| Pin::new(&mut *inbox).poll_next(cx)).await
}

/// Fails if `Channel::deliver` takes the waker of the reader before it puts the events back.
#[test]
fn the_reader_gets_an_event_that_comes_while_it_looks() {
    explore(2, || {
        let (_shared, channel, mut inbox) = channel();
        let driver = thread::spawn(move || deliver(&channel, "a".into()));
        assert!(matches!(block_on(next(&mut inbox)), Some(Event::Message(_))));
        driver.join().unwrap();
    });
}

/// Fails if `Channel::finish` wakes no reader.
#[test]
fn the_reader_gets_the_end_after_every_event() {
    explore(2, || {
        let (_shared, channel, mut inbox) = channel();
        deliver(&channel, "a".into());
        let driver = thread::spawn(move || channel.finish());
        assert!(matches!(block_on(next(&mut inbox)), Some(Event::Message(_))));
        assert!(block_on(next(&mut inbox)).is_none());
        driver.join().unwrap();
    });
}

/// Fails if `Channel::poll_take` does not wake the driver.
#[test]
fn the_driver_gets_the_room_that_the_reader_makes() {
    explore(2, || {
        let (shared, channel, mut inbox) = channel();
        let driver = thread::spawn(move || {
            for text in ["a", "b"] {
                wait_for_room(&shared, &channel);
                deliver(&channel, text.into());
            }
            channel.finish();
            shared.tasks.clear();
        });
        block_on(async {
            for text in ["a", "b"] {
                let event = next(&mut inbox).await;
                assert!(matches!(event, Some(Event::Message(message)) if message == text));
            }
            assert!(next(&mut inbox).await.is_none());
        });
        driver.join().unwrap();
    });
}

/// Fails if `Channel::drop_inbox` does not record that nothing is read any more.
#[test]
fn a_dropped_inbox_releases_the_driver_and_its_events() {
    explore(2, || {
        let trace = Trace::default();
        let (shared, channel, mut inbox) = channel();
        assert!(trace.poll(&mut Box::pin(next(&mut inbox))).is_pending());
        let message = trace.message();
        let driver = thread::spawn({
            let (shared, channel) = (Arc::clone(&shared), Arc::clone(&channel));
            move || {
                deliver(&channel, message);
                wait_for_room(&shared, &channel);
                deliver(&channel, "b".into());
            }
        });
        drop(inbox);
        driver.join().unwrap();
        channel.finish();
        shared.tasks.clear();
        drop(channel);
        trace.assert_none();
    });
}
