//! Nothing is written after a failed write, and a later flush proves nothing.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use websocket_heartbeat::{ErrorKind, Event, Lost, Preset, Supervisor, TransportError};
use websocket_heartbeat_mock::{Clock, MockConnection, Script, mock};

use crate::harness::{Behaviour, Flush, Method, Read, Session, wrap_connections};

/// The flush of the first message fails, and each later one succeeds.
#[derive(Clone, Default)]
struct FailsOnce {
    messages: Rc<Cell<u32>>,
    calls_after_the_failure: Rc<Cell<u32>>,
    has_failed: Rc<Cell<bool>>,
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
        if method == Method::Send {
            self.messages.update(|messages| messages + 1);
        }
    }

    fn poll_flush(&mut self, _: Pin<&mut MockConnection>, _: &mut Context<'_>) -> Flush {
        if self.messages.get() > 0 && !self.has_failed.replace(true) {
            return Poll::Ready(Err(TransportError::new(ErrorKind::Reset, "reset")));
        }
        Poll::Ready(Ok(()))
    }
}

/// The loss of a connection whose first write fails, and the number of calls for writing after that.
fn failed(is_closed_by_peer: bool) -> (Lost, u32) {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| if dial == 1 { Script::accept() } else { Script::hang() });
    let behaviour = FailsOnce::default();
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
    let (lost, calls) = failed(false);
    assert_eq!((lost.unknown, calls), (2, 0));
}

#[test]
fn a_flush_after_a_failed_write_does_not_settle_messages() {
    let (lost, _) = failed(true);
    assert_eq!((lost.unknown, lost.cause.name()), (2, "closed_by_peer"));
}
