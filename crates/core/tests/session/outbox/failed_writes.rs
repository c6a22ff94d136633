//! Nothing is written after a failed write, and a later flush proves nothing.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::Sink;
use websocket_heartbeat::{ErrorKind, Event, Lost, Preset, Supervisor, TransportError};
use websocket_heartbeat_mock::{Clock, MockConnection, Script, mock};

use crate::harness::{Behaviour, Flush, Method, Read, Session, wrap_connections};

/// The first call of one method fails, and each later one succeeds.
#[derive(Clone)]
struct FailsOnce {
    method: Method,
    calls_after_the_failure: Rc<Cell<u32>>,
    has_failed: Rc<Cell<bool>>,
}

impl FailsOnce {
    fn fails(&self, method: Method) -> bool {
        method == self.method && !self.has_failed.replace(true)
    }
}

impl Behaviour for FailsOnce {
    /// Frames of the peer arrive only after the failure, so that they do not prevent it.
    fn poll_next(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Read {
        if self.has_failed.get() {
            futures::Stream::poll_next(connection, cx)
        } else {
            Poll::Pending
        }
    }

    fn before(&self, method: Method) {
        let counted = [Method::Ready, Method::Send, Method::Flush].contains(&method);
        if counted && self.has_failed.get() {
            self.calls_after_the_failure.update(|calls| calls + 1);
        }
    }

    fn poll_ready(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Flush {
        if self.fails(Method::Ready) { reset() } else { connection.poll_ready(cx) }
    }

    fn poll_flush(&mut self, _: Pin<&mut MockConnection>, _: &mut Context<'_>) -> Flush {
        if self.fails(Method::Flush) { reset() } else { Poll::Ready(Ok(())) }
    }
}

fn reset() -> Flush {
    Poll::Ready(Err(TransportError::new(ErrorKind::Reset, "reset")))
}

/// The loss of a connection on which the first call of `method` fails, and the number of calls for
/// writing after that.
fn failed(method: Method, is_closed_by_peer: bool) -> (Lost, u32) {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| if dial == 1 { Script::accept() } else { Script::hang() });
    let behaviour =
        FailsOnce { method, calls_after_the_failure: Rc::default(), has_failed: Rc::default() };
    let given = behaviour.clone();
    let transport = wrap_connections(transport, move || given.clone());
    let builder = Supervisor::builder(transport, clock.timer()).preset(Preset::Resilient);
    let mut session = Session::over(&clock, remote, builder.build().unwrap());
    session.run_to(1_000);
    for text in ["a", "b"] {
        session.handle.try_queue(text).unwrap();
    }
    if is_closed_by_peer {
        session.peer().close(1001, "");
    }
    session.run_to(2_000);
    let events = session.timed_events().into_iter();
    let mut losses = events.filter_map(|(_, event)| match event {
        Event::Lost(lost) => Some(*lost),
        _ => None,
    });
    let lost = losses.next();
    (lost.expect("a connection was lost"), behaviour.calls_after_the_failure.get())
}

#[test]
fn nothing_is_written_after_a_failed_write() {
    // After a failed flush, the connection has both messages. If it never was ready, it has none.
    for (method, unknown) in [(Method::Flush, 2), (Method::Ready, 0)] {
        let (lost, calls) = failed(method, false);
        assert_eq!((lost.unknown, calls), (unknown, 0), "{method:?}");
    }
}

#[test]
fn a_flush_after_a_failed_write_does_not_settle_messages() {
    let (lost, _) = failed(Method::Flush, true);
    assert_eq!((lost.unknown, lost.cause.name()), (2, "closed_by_peer"));
}
