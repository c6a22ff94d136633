//! The tests of the contract find connections that break it.
#![cfg(feature = "conformance")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use async_net::TcpStream;
use futures::{Sink, SinkExt, Stream, StreamExt, executor::block_on};
use websocket_heartbeat::{Connection, ErrorKind, Frame, Message, TransportError};
use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, conformance, upgrade};

/// The rule that a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    HidesPings,
    HidesPongs,
    SkipsEmptyMessages,
    RefusesASecondClose,
    SendsAfterTheClose,
    HasAnotherError,
    ReportsAfterTheEnd,
    CountsNoWrittenBytes,
    CountsNoReadBytes,
    AcknowledgesNothing,
    EndsWhenItShrinks,
}

struct Faulty {
    socket: Socket<TcpStream>,
    fault: Fault,
    closed: bool,
    ended: bool,
}

impl Faulty {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

impl Stream for Faulty {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended && self.is(Fault::ReportsAfterTheEnd) {
            return Poll::Ready(Some(Ok(Frame::Close(None))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            let next = match ready!(self.socket.poll_next_unpin(cx)) {
                Some(Ok(Frame::Ping(_))) if self.is(Fault::HidesPings) => continue,
                Some(Ok(Frame::Pong(_))) if self.is(Fault::HidesPongs) => {
                    Some(Ok(Frame::Close(None)))
                }
                Some(Ok(Frame::Message(message)))
                    if self.is(Fault::SkipsEmptyMessages) && message.is_empty() =>
                {
                    Some(Ok(Message::text("filled").into()))
                }
                Some(Err(_)) if self.is(Fault::HasAnotherError) => {
                    Some(Err(TransportError::new(ErrorKind::Other, "something")))
                }
                next => next,
            };
            self.ended = !matches!(next, Some(Ok(_)));
            return Poll::Ready(next);
        }
    }
}

impl Sink<Frame> for Faulty {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.socket.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        if self.closed && self.is(Fault::SendsAfterTheClose) {
            return Ok(());
        }
        let close = matches!(frame, Frame::Close(_));
        if self.closed && close && self.is(Fault::RefusesASecondClose) {
            return Err(TransportError::new(ErrorKind::Protocol, "closed twice"));
        }
        self.closed |= close;
        self.socket.start_send_unpin(frame)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.socket.poll_flush_unpin(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.socket.poll_close_unpin(cx)
    }
}

impl Connection for Faulty {
    fn bytes_written(&self) -> Option<u64> {
        if self.is(Fault::CountsNoWrittenBytes) { Some(7) } else { self.socket.bytes_written() }
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.is(Fault::AcknowledgesNothing).then_some(7)
    }

    fn bytes_read(&self) -> Option<u64> {
        if self.is(Fault::CountsNoReadBytes) { Some(7) } else { self.socket.bytes_read() }
    }

    fn shrink(mut self: Pin<&mut Self>) {
        self.ended |= self.is(Fault::EndsWhenItShrinks);
    }
}

/// Whether the contract holds for connections with this fault.
fn holds(fault: Fault) -> bool {
    catch_unwind(AssertUnwindSafe(|| {
        block_on(conformance::contract(async |url: String| {
            let request = Request::new(&url)?;
            let stream = TcpStream::connect((request.host(), request.port())).await.unwrap();
            let established = upgrade(stream, &request, Tuning::new()).await?;
            let wrap = |socket| Faulty { socket, fault, closed: false, ended: false };
            Ok(established.map(wrap))
        }));
    }))
    .is_ok()
}

#[test]
fn each_broken_rule_is_found() {
    assert!(holds(Fault::None));
    for fault in [
        Fault::HidesPings,
        Fault::HidesPongs,
        Fault::SkipsEmptyMessages,
        Fault::RefusesASecondClose,
        Fault::SendsAfterTheClose,
        Fault::HasAnotherError,
        Fault::ReportsAfterTheEnd,
        Fault::CountsNoWrittenBytes,
        Fault::CountsNoReadBytes,
        Fault::AcknowledgesNothing,
        Fault::EndsWhenItShrinks,
    ] {
        assert!(!holds(fault), "{fault:?} is not found");
    }
}
