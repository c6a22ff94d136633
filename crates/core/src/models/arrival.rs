//! Models of wakes that come from outside: of the connection and of the sleep, while the driver rests.

use std::{
    collections::VecDeque,
    future::{Pending, Ready, pending, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use futures_sink::Sink;
use loom::{future::block_on, thread};

use super::{explore, session::Still, timer::Manual};
use crate::{
    error::TransportError,
    event::{CloseReason, Event},
    message::Frame,
    supervisor::Supervisor,
    sync::Guarded,
    transport::{Attempt, Connection, Established, Transport},
};

/// A server whose frames the model sends. It accepts every frame.
#[derive(Clone, Default)]
struct Server(Arc<Guarded<Wire>>);

#[derive(Default)]
struct Wire {
    frames: VecDeque<Frame>,
    reader: Option<Waker>,
}

impl Server {
    fn send(&self, text: &'static str) {
        self.0.with(|wire, deferred| {
            wire.frames.push_back(Frame::Message(text.into()));
            wire.reader.take().into_iter().for_each(|reader| deferred.wake(reader));
        });
    }
}

impl Transport for Server {
    type Connection = Self;
    type Connect = Ready<Result<Established<Self>, TransportError>>;

    fn connect(&mut self, _: Attempt) -> Self::Connect {
        ready(Ok(Established::new(self.clone())))
    }
}

impl Connection for Server {}

impl Stream for Server {
    type Item = Result<Frame, TransportError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let waker = cx.waker().clone();
        self.0.with(|wire, deferred| {
            if let Some(frame) = wire.frames.pop_front() {
                deferred.drop_later(waker);
                return Poll::Ready(Some(Ok(frame)));
            }
            deferred.drop_waker(wire.reader.replace(waker));
            Poll::Pending
        })
    }
}

impl Sink<Frame> for Server {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, _: Frame) -> Result<(), TransportError> {
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
}

/// A server that never answers.
struct Unreachable;

impl Transport for Unreachable {
    type Connection = Server;
    type Connect = Pending<Result<Established<Server>, TransportError>>;

    fn connect(&mut self, _: Attempt) -> Self::Connect {
        pending()
    }
}

/// Fails if the waker of the connection calls the task before it sets `io_woken`.
#[test]
fn a_message_that_arrives_is_read_while_the_driver_rests() {
    explore(2, || {
        let server = Server::default();
        let mut supervisor = Supervisor::builder(server.clone(), Still).build().unwrap();
        block_on(supervisor.opened()).unwrap();
        let sender = thread::spawn(move || server.send("a"));
        block_on(async { while !matches!(supervisor.next().await, Some(Event::Message(_))) {} });
        sender.join().unwrap();
    });
}

/// Fails if the waker of the sleep calls the task before it sets `timer_woken`.
#[test]
fn a_deadline_is_seen_while_the_driver_rests() {
    explore(2, || {
        let timer = Manual::default();
        let builder = Supervisor::builder(Unreachable, timer.clone()).attempts(0);
        let mut supervisor = builder.build().unwrap();
        // The deadline of the attempt is that of its begin.
        assert!(matches!(block_on(supervisor.next()), Some(Event::Connecting(_))));
        let clock = thread::spawn(move || timer.advance_to(3_600));
        block_on(async {
            loop {
                if let Some(Event::Closed(closed)) = supervisor.next().await {
                    let exhausted = matches!(closed.reason, CloseReason::AttemptsExhausted(_));
                    return assert!(exhausted, "{closed:?}");
                }
            }
        });
        clock.join().unwrap();
    });
}
