//! Connections by the browser's `WebSocket`: [`WebConnection`].

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use futures_sink::Sink;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, Event, WebSocket};
use websocket_heartbeat::{
    CloseFrame, Connection, ErrorKind, Established, Frame, Message, TransportError,
};

use crate::{
    Request,
    alarm::Alarm,
    listener::Listener,
    socket_event::{SocketEvent, exception},
    waker_slot::WakerSlot,
};

/// A connection of [`WebTransport`](crate::WebTransport).
///
/// A message counts as written when the browser has passed its last byte to the network
/// (`bufferedAmount` is 0). The browser has no event for that, so it is checked every 4 ms while
/// something is buffered: the shortest time of repeated timers (HTML section 8.7).
///
/// # Drop behaviour
///
/// A browser cannot abort a connection. Dropping it asks for its end, by a close frame without a
/// code, and ignores all its events. The browser sends buffered messages first.
#[derive(Debug)]
pub struct WebConnection {
    socket: WebSocket,
    incoming: Rc<Incoming>,
    /// The bytes of all messages that were passed to the browser.
    sent: u64,
    /// Wakes the task to look at `bufferedAmount` again.
    check: Option<Alarm>,
    _listeners: [Listener; 3],
}

/// The events that were not read yet.
#[derive(Debug, Default)]
struct Incoming {
    events: RefCell<VecDeque<SocketEvent>>,
    slot: WakerSlot,
}

/// How many bytes the browser may buffer before it gets no more: one window of the outbox.
const BUFFERED: u32 = 64 * 1024;
const CHECK_EVERY: Duration = Duration::from_millis(4);

impl WebConnection {
    /// Makes one attempt.
    pub(crate) async fn open(request: &Request) -> Result<Established<Self>, TransportError> {
        let connection = Self::new(request).map_err(exception)?;
        match poll_fn(|cx| connection.poll_event(cx)).await {
            SocketEvent::Opened => {
                let subprotocol = connection.socket.protocol();
                let subprotocol = (!subprotocol.is_empty()).then(|| subprotocol.into());
                Ok(Established::new(connection).subprotocol(subprotocol))
            }
            _ => {
                let text = "no connection; the browser reports no reason";
                Err(TransportError::new(ErrorKind::Other, text))
            }
        }
    }

    fn new(request: &Request) -> Result<Self, JsValue> {
        let subprotocols = request.subprotocols.iter().map(|name| JsValue::from_str(name));
        let subprotocols = subprotocols.collect::<Array>();
        let socket = WebSocket::new_with_str_sequence(&request.url, &subprotocols)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let incoming = Rc::new(Incoming::default());
        let listen = |name, convert: fn(Event, &mut VecDeque<SocketEvent>)| {
            let incoming = Rc::clone(&incoming);
            Listener::new(&socket, name, move |event| {
                convert(event, &mut incoming.events.borrow_mut());
                incoming.slot.wake();
            })
        };
        let listeners = [
            listen("open", |_, events| events.push_back(SocketEvent::Opened)),
            listen("message", |event, events| {
                events.push_back(SocketEvent::message(event.unchecked_ref()));
            }),
            listen("close", |event, events| {
                events.extend([SocketEvent::close(event.unchecked_ref()), SocketEvent::Ended]);
            }),
        ];
        Ok(Self { socket, incoming, sent: 0, check: None, _listeners: listeners })
    }

    fn poll_event(&self, cx: &Context<'_>) -> Poll<SocketEvent> {
        let mut events = self.incoming.events.borrow_mut();
        match events.front() {
            Some(SocketEvent::Ended) => return Poll::Ready(SocketEvent::Ended),
            Some(_) => {}
            None => self.incoming.slot.register(cx.waker()),
        }
        events.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    /// Waits until the browser buffers at most this number of bytes.
    fn poll_buffered(&mut self, limit: u32, cx: &Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.socket.buffered_amount() <= limit {
            self.check = None;
            return Poll::Ready(Ok(()));
        }
        // The number stays as it is after the end.
        if self.socket.ready_state() == WebSocket::CLOSED {
            return Poll::Ready(Err(ended()));
        }
        self.incoming.slot.register(cx.waker());
        self.check = Some(Alarm::new(CHECK_EVERY, &self.incoming.slot));
        Poll::Pending
    }

    fn send(&mut self, message: &Message) -> Result<(), TransportError> {
        // In other states the browser discards the message without an exception.
        if self.socket.ready_state() != WebSocket::OPEN {
            return Err(ended());
        }
        let sent = match message {
            Message::Text(text) => self.socket.send_with_str(text),
            Message::Binary(bytes) => self.socket.send_with_u8_array(bytes),
        };
        sent.map_err(exception)?;
        self.sent += message.len() as u64;
        Ok(())
    }

    fn close(&self, frame: Option<&CloseFrame>) -> Result<(), JsValue> {
        match frame {
            Some(CloseFrame { code: code @ (1000 | 3000..=4999), reason, .. }) => {
                self.socket.close_with_code_and_reason(*code, reason)
            }
            // A script cannot send another code.
            _ => self.socket.close(),
        }
    }
}

impl Stream for WebConnection {
    type Item = Result<Frame, TransportError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx).map(|event| match event {
            SocketEvent::Frame(frame) => Some(Ok(frame)),
            SocketEvent::Failed(error) => Some(Err(error)),
            SocketEvent::Opened | SocketEvent::Ended => None,
        })
    }
}

impl Sink<Frame> for WebConnection {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.poll_buffered(BUFFERED, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        match frame {
            Frame::Message(message) => self.send(&message),
            Frame::Close(frame) => self.close(frame.as_ref()).map_err(exception),
            // The browser answers pings, and the supervisor sends none.
            Frame::Ping(_) | Frame::Pong(_) => Ok(()),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.poll_buffered(0, cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
}

impl Connection for WebConnection {
    fn bytes_written(&self) -> Option<u64> {
        Some(self.sent.saturating_sub(self.socket.buffered_amount().into()))
    }
}

impl Drop for WebConnection {
    fn drop(&mut self) {
        let _ = self.socket.close();
    }
}

fn ended() -> TransportError {
    TransportError::new(ErrorKind::Ended, "the connection has ended")
}
