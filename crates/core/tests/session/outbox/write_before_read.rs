//! Queued messages are written before more is read, so that a frame that ends the connection does
//! not prevent answers to earlier messages.

use std::task::Poll;

use futures::{FutureExt, SinkExt};
use websocket_heartbeat::{ErrorKind, Event, Fate, TransportError};
use websocket_heartbeat_mock::{Peer, Script};

use crate::harness::{Fixture, WakeCounter, words};

/// The reported events and the number of written answers. The server sends `count` messages and
/// then does `then`; each message is answered when it is read.
fn answering(count: usize, then: impl Fn(&Peer)) -> (Vec<Event>, usize) {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    let (handle, counter) = (session.handle(), WakeCounter::new());
    counter.drain(&mut session);
    let peer = fixture.remote.last_peer().unwrap();
    (0..count).for_each(|number| peer.send(number.to_string()));
    then(&peer);
    let mut events = Vec::new();
    while let Poll::Ready(Some(event)) = counter.next(&mut session) {
        if let Event::Message(message) = &event {
            handle.try_queue(message.clone()).unwrap();
        }
        events.push(event);
        if matches!(events.last(), Some(Event::Lost(_))) {
            break;
        }
    }
    let left = (0..count)
        .map(|number| fixture.remote.trace().times(&format!("#1 -> text \"{number}\"")).len());
    (events, left.sum())
}

#[test]
fn answers_are_written_before_an_invalid_frame_is_read() {
    for count in [0, 1, 2, 255, 256, 257, 1_000] {
        let (events, left) = answering(count, Peer::garbage);
        assert_eq!(left, count);
        let Some(Event::Lost(lost)) = events.last() else { panic!("{:?}", words(&events)) };
        assert_eq!((lost.unknown, lost.unsent.len(), lost.cause.name()), (0, 0, "broken"));
    }
}

#[test]
fn answers_are_written_before_a_close_or_an_end_is_read() {
    let endings: [fn(&Peer); 2] = [|peer| peer.close(1_000, ""), Peer::end];
    for then in endings {
        for count in [1, 300] {
            let (events, left) = answering(count, then);
            assert_eq!(left, count);
            let Some(Event::Lost(lost)) = events.last() else { panic!("{:?}", words(&events)) };
            assert_eq!((lost.unknown, lost.unsent.len()), (0, 0), "{count}");
        }
    }
}

#[test]
fn queued_messages_are_written_before_an_invalid_frame_is_read() {
    // Answered by a handle or by the sink.
    for by_sink in [false, true] {
        let (fixture, builder) = Fixture::new(|_| Script::accept());
        let mut session = builder.build().unwrap();
        let counter = WakeCounter::new();
        counter.drain(&mut session);
        let peer = fixture.remote.last_peer().unwrap();
        peer.garbage();
        let mut fate = None;
        if by_sink {
            assert!(counter.poll(|cx| session.feed("x".into()).poll_unpin(cx)).is_ready());
        } else {
            let handle = session.handle();
            fate = handle.queue_with_receipt("x").now_or_never().and_then(Result::ok);
        }
        let events = counter.drain(&mut session);
        assert_eq!(words(&events[..1]), ["lost 1 broken"]);
        assert_eq!(fixture.remote.trace().times("#1 -> text \"x\"").len(), 1);
        if let Some(mut receipt) = fate {
            let fate = counter.poll(|cx| receipt.poll_unpin(cx));
            assert_eq!(fate, Poll::Ready(Fate::Written { connection: 1 }));
        }
    }
}

#[test]
fn a_connection_broken_in_both_directions_writes_no_answers() {
    let broken = |peer: &Peer| peer.fail(TransportError::new(ErrorKind::Reset, "reset"));
    let (events, left) = answering(3, broken);
    assert_eq!((words(&events[3..]), left), (vec!["lost 1 broken".to_owned()], 0));
}
