//! The number of messages that a server may not have read: `Lost::unproven`.

use std::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll},
};

use futures::Stream;
use websocket_heartbeat::{CloseFrame, Event, Frame, Heartbeat, ProofOfLife, Supervisor};
use websocket_heartbeat_mock::{Clock, MockConnection, Script, mock};

use crate::harness::{Behaviour, Fixture, Method, Read, Session, secs, wrap_connections};

/// Writes 5 messages, runs for 30 s, writes 3 messages and loses the connection. Returns `unproven`
/// of the loss.
fn unproven(heartbeat: Heartbeat, script: fn() -> Script) -> u64 {
    let (mut fixture, builder) = Fixture::new(move |_| script());
    let session = builder.heartbeat(heartbeat).build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    fixture.runner.settle();
    for text in ["a", "b", "c", "d", "e"] {
        handle.try_queue(text).unwrap();
    }
    fixture.runner.run_for(secs(30));
    for text in ["f", "g", "h"] {
        handle.try_queue(text).unwrap();
    }
    fixture.runner.settle();
    fixture.remote.last_peer().unwrap().end();
    fixture.runner.settle();
    let lost = log.events().into_iter().find_map(|event| match event {
        Event::Lost(lost) => Some(lost.unproven),
        _ => None,
    });
    lost.unwrap()
}

#[test]
fn only_an_answered_ping_proves_earlier_messages() {
    let ping = || Heartbeat::idle(secs(10)).ping();
    assert_eq!(unproven(ping(), || Script::accept().silent().pong_after(secs(1))), 3);
    assert_eq!(unproven(ping(), || Script::accept().without_pongs().chatter(secs(4), "x")), 8);
    assert_eq!(unproven(Heartbeat::off(), || Script::accept().echo()), 8, "echoes prove little");
}

#[test]
fn an_answer_by_message_proves_nothing() {
    let heartbeat = Heartbeat::idle(secs(10)).message("beat").proof_of_life(ProofOfLife::Reply);
    let heartbeat = heartbeat.reply(|message| message.as_text() == Some("beat"));
    assert_eq!(unproven(heartbeat, || Script::accept().echo()), 8);
}

#[test]
fn only_a_reply_to_our_close_frame_proves_all_messages() {
    for (reply, expected) in [(true, 0), (false, 5)] {
        let (mut fixture, builder) =
            Fixture::new(
                move |_| if reply { Script::accept() } else { Script::accept().ignore_close() },
            );
        let session = builder.build().unwrap();
        let handle = session.handle();
        let log = fixture.read(session);
        fixture.runner.settle();
        for text in ["a", "b", "c", "d", "e"] {
            handle.try_queue(text).unwrap();
        }
        handle.close();
        fixture.runner.run_for(secs(10));
        let events = log.events();
        let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
        assert_eq!(closed.unproven, expected);
    }
}

#[test]
fn a_close_frame_is_no_reply_to_one_that_is_not_written() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    fixture.runner.settle();
    handle.try_queue("a").unwrap();
    fixture.runner.settle();
    let peer = fixture.remote.last_peer().unwrap();
    peer.stall_writes();
    handle.close();
    fixture.runner.settle();
    peer.close(1000, "");
    fixture.runner.run_for(secs(10));
    let events = log.events();
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    assert_eq!(closed.unproven, 1);
}

/// A connection that writes a frame at once, to a server that answers our close frame at once.
#[derive(Default)]
struct QuickServer {
    sent: Cell<u32>,
}

impl Behaviour for QuickServer {
    fn before(&self, method: Method) {
        if method == Method::Send {
            self.sent.set(self.sent.get() + 1);
        }
    }

    fn poll_next(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Read {
        // The first frame is a message, and the second is the close frame.
        if self.sent.get() == 2 {
            return Poll::Ready(Some(Ok(Frame::Close(Some(CloseFrame::new(1000, ""))))));
        }
        connection.poll_next(cx)
    }
}

#[test]
fn a_reply_in_the_poll_that_sends_our_close_frame_proves_all_messages() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let transport = wrap_connections(transport, QuickServer::default);
    let supervisor = Supervisor::builder(transport, clock.timer()).build().unwrap();
    let mut session = Session::over(&clock, remote, supervisor);
    session.run_to(0);
    session.handle.try_queue("a").unwrap();
    session.run_to(1);
    // There is something to read when the close frame is sent.
    session.peer().send("x");
    session.handle.close();
    session.run_to(10_000);
    let events = session.timed_events();
    let Some((1, Event::Closed(closed))) = events.last() else { panic!("{events:?}") };
    assert_eq!(closed.unproven, 0);
}
