//! The current connection: the reports of JavaScript on it, and the core's side of it.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use futures_sink::Sink;
use websocket_heartbeat::{CloseFrame, Connection, ErrorKind, Frame, TransportError};

use crate::{
    entry::{Entry, HEARTBEAT, received},
    imports,
};

/// The reports of JavaScript on the current attempt or connection.
#[derive(Default)]
pub(crate) struct Reported {
    pub(crate) number: u32,
    pub(crate) opened: bool,
    /// How many messages arrived and are not read.
    unread: u32,
    /// How many messages were read. It is the number of the message that the core reports next.
    pub(crate) read: u32,
    /// The close code, or one of those that stand for its absence (RFC 6455 section 7.4.1).
    pub(crate) end: Option<u32>,
    flush: Flush,
    waker: Option<Waker>,
}

/// A report of JavaScript on a connection.
#[derive(Clone, Copy)]
pub(crate) enum Report {
    Opened,
    /// A message arrived.
    Received,
    /// All frames before the flush are passed to the socket.
    Written,
    /// The connection has ended, or the attempt has failed: with this code, see [`Reported::end`].
    Ended(u32),
}

/// How far JavaScript is with the frames that it was given.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Flush {
    /// All are passed to the socket.
    #[default]
    Done,
    /// Some are not, and no flush was asked for.
    Due,
    /// A flush was asked for.
    Asked,
}

/// A close frame without a code.
const NO_CODE: u32 = 1005;

impl Reported {
    /// Nothing is reported yet of the attempt with this number.
    pub(crate) fn nothing_of(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// Records a report, and wakes the core, which then polls the connection.
    pub(crate) fn record(&mut self, report: Report) {
        match report {
            Report::Opened => self.opened = true,
            Report::Received => self.unread += 1,
            Report::Written => self.flush = Flush::Done,
            // The first report of the end counts.
            Report::Ended(code) => _ = self.end.get_or_insert(code),
        }
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }
}

/// The state that a session and its connections share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) reported: RefCell<Reported>,
    /// The bytes of payload that the outbox holds: accepted, without a fate.
    pub(crate) held: Cell<f64>,
}

impl Shared {
    /// An entry has its fate.
    pub(crate) fn release(&self, bytes: f64) {
        self.held.set(self.held.get() - bytes);
    }
}

/// A connection. Dropping it abandons it, whether it was open or not.
pub(crate) struct BorderConnection {
    session: u32,
    number: u32,
    shared: Rc<Shared>,
    /// The bytes of payload that were given to the connection since its last flush.
    unflushed: f64,
    closing: bool,
    ended: bool,
}

impl BorderConnection {
    pub(crate) fn new(session: u32, number: u32, shared: Rc<Shared>) -> Self {
        Self { session, number, shared, unflushed: 0.0, closing: false, ended: false }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Connection for BorderConnection {}

impl Stream for BorderConnection {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { shared, ended, .. } = &mut *self;
        let mut reported = shared.reported.borrow_mut();
        if reported.unread > 0 {
            reported.unread -= 1;
            reported.read += 1;
            return Poll::Ready(Some(Ok(Frame::Message(received()))));
        }
        if *ended {
            return Poll::Ready(None);
        }
        let Some(code) = reported.end else {
            reported.register(cx);
            return Poll::Pending;
        };
        *ended = true;
        Poll::Ready(Some(match code {
            NO_CODE => Ok(Frame::Close(None)),
            // The codes of RFC 6455 section 7.4.1 that a server may send, and those above.
            1000..=1003 | 1007..=1014 | 3000..=4999 => {
                Ok(Frame::Close(Some(CloseFrame::new(code as u16, ""))))
            }
            _ => Err(TransportError::new(ErrorKind::Ended, "")),
        }))
    }
}

impl Sink<Frame> for BorderConnection {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        match frame {
            Frame::Message(_) if self.closing => Err(TransportError::new(ErrorKind::Other, "")),
            Frame::Message(message) => {
                let entry = Entry::of(&message);
                self.unflushed += entry.map_or(0.0, |entry| entry.size.into());
                self.shared.reported.borrow_mut().flush = Flush::Due;
                let number = entry.map_or(HEARTBEAT, |entry| entry.number);
                imports::write(self.session, self.number, number);
                Ok(())
            }
            Frame::Close(frame) => {
                self.closing = true;
                let code = frame.map_or(NO_CODE, |frame| frame.code.into());
                imports::close(self.session, self.number, code);
                Ok(())
            }
            // There are no pings: see `Transport::can_ping`.
            Frame::Ping(_) | Frame::Pong(_) => Ok(()),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        let Self { session, number, shared, unflushed, .. } = &mut *self;
        let mut reported = shared.reported.borrow_mut();
        if reported.flush == Flush::Done {
            shared.release(std::mem::take(unflushed));
            return Poll::Ready(Ok(()));
        }
        if reported.end.is_some() {
            return Poll::Ready(Err(TransportError::new(ErrorKind::Ended, "")));
        }
        if reported.flush == Flush::Due {
            reported.flush = Flush::Asked;
            imports::flush(*session, *number);
        }
        reported.register(cx);
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for BorderConnection {
    fn drop(&mut self) {
        imports::abandon(self.session, self.number);
    }
}
