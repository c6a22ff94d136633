//! [`MockConnection`]: the client's end of a link.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use websocket_heartbeat::{Connection, ErrorKind, Frame, TransportError};

use super::{
    gauge::Gauge,
    link::Link,
    link_state::{Incoming, LinkState, Reading},
};
use crate::trace::Step;

/// The largest payload of a control frame, RFC 6455 section 5.5.
const CONTROL_LIMIT: usize = 125;

/// The client's end of a scripted connection, from a [`MockTransport`](crate::MockTransport).
///
/// It guarantees no more than the contract of [`Connection`]. It wakes only the waker of the last
/// poll, and only for changes that a poll has waited for. It answers a ping at the next poll after
/// the poll that returned the ping. It writes bytes in `poll_flush`, and in `poll_ready` when the
/// write buffer is full.
///
/// # Panics
///
/// These mistakes of the client panic: `start_send` without a `poll_ready` that returned ready, a
/// control frame of more than 125 bytes, a ping on a transport that cannot ping, and `poll_close`.
pub struct MockConnection {
    link: Arc<Link>,
    gauge: Gauge,
    can_ping: bool,
}

impl MockConnection {
    pub(crate) fn new(link: Arc<Link>, gauge: Gauge, can_ping: bool) -> Self {
        gauge.change(|counts| counts.live += 1);
        Self { link, gauge, can_ping }
    }

    fn read(&self, cx: &Context<'_>) -> Poll<Option<Result<Frame, TransportError>>> {
        let mut taken = Vec::new();
        let mut state = self.link.lock();
        state.client_waker.register(cx.waker());
        state.write_buffer.buffer_reply();
        if state.write_buffer.holds_reply() {
            // A failed write does not end reading: the next flush reports it.
            let _ = self.link.write_out(&mut state, &mut taken);
        }
        let has_something = !state.incoming.is_empty() || state.reading != Reading::Open;
        let hesitates = state.options.hesitant && !state.hesitated_read;
        let read = if has_something && (self.is_out_of_budget(&mut state) || hesitates) {
            state.hesitated_read = true;
            drop(state);
            cx.waker().wake_by_ref();
            Poll::Pending
        } else {
            state.hesitated_read = false;
            let read = loop {
                if state.reading == Reading::Over {
                    break Poll::Ready(None);
                }
                if state.reading == Reading::CloseSeen && !state.options.lingers {
                    state.reading = Reading::Over;
                    self.link.record(Step::End);
                    break Poll::Ready(None);
                }
                match state.incoming.pop_front() {
                    None => break Poll::Pending,
                    Some(Incoming::Frame(_)) if state.reading == Reading::CloseSeen => {}
                    Some(Incoming::Frame(frame)) => {
                        match &frame {
                            Frame::Ping(payload) if !state.write_buffer.closing => {
                                state.write_buffer.reply = Some(Frame::Pong(payload.clone()));
                            }
                            Frame::Close(body) => {
                                state.reading = Reading::CloseSeen;
                                if !state.write_buffer.closing {
                                    state.write_buffer.closing = true;
                                    state.write_buffer.reply = Some(Frame::Close(body.clone()));
                                }
                            }
                            _ => {}
                        }
                        if state.options.records {
                            self.link.record(Step::Read(frame.clone()));
                        }
                        break Poll::Ready(Some(Ok(frame)));
                    }
                    Some(Incoming::Error { error, .. }) => {
                        state.reading = Reading::Over;
                        self.link.record(Step::ReadError(error.clone()));
                        break Poll::Ready(Some(Err(error)));
                    }
                    Some(Incoming::End) => {
                        state.reading = Reading::Over;
                        self.link.record(Step::End);
                        break Poll::Ready(None);
                    }
                }
            };
            state.client_waker.read = read.is_pending();
            // A client that only reads must poll again to write the pending reply.
            state.client_waker.write |= read.is_pending() && state.write_buffer.holds_reply();
            drop(state);
            read
        };
        self.link.carry_to_server(taken);
        read
    }

    /// Counts one more read. Returns whether the current poll of a task has used its budget before.
    fn is_out_of_budget(&self, state: &mut LinkState) -> bool {
        let Some(budget) = state.options.cooperative else { return false };
        let turn = self.link.clock.turn();
        let read = if state.turn.0 == turn { state.turn.1 } else { 0 };
        state.turn = (turn, read + 1);
        read >= budget
    }

    fn ready(&self, cx: &Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut taken = Vec::new();
        let mut state = self.link.lock();
        state.client_waker.register(cx.waker());
        if state.options.hesitant && !state.hesitated_ready && !state.write_buffer.stalled {
            state.hesitated_ready = true;
            drop(state);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let full = state.write_buffer.buffered_bytes() >= state.options.write_buffer;
        let result = if full || state.write_buffer.error.is_some() {
            self.link.write_out(&mut state, &mut taken).map(drop)
        } else {
            Ok(())
        };
        let room = state.write_buffer.buffered_bytes() < state.options.write_buffer
            && !state.write_buffer.stalled;
        let ready = match result {
            Ok(()) if !room => Poll::Pending,
            result => Poll::Ready(result),
        };
        state.write_buffer.ready = matches!(ready, Poll::Ready(Ok(())));
        state.client_waker.write = ready.is_pending();
        drop(state);
        self.link.carry_to_server(taken);
        ready
    }

    fn flush(&self, cx: &Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut taken = Vec::new();
        let mut state = self.link.lock();
        state.client_waker.register(cx.waker());
        state.write_buffer.buffer_reply();
        if state.options.hesitant
            && !state.hesitated_flush
            && state.write_buffer.buffered_bytes() > 0
        {
            state.hesitated_flush = true;
            drop(state);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let flushed = match self.link.write_out(&mut state, &mut taken) {
            // On a stalled link a flush is pending even with nothing to write.
            Ok(all) if !all || state.write_buffer.stalled => Poll::Pending,
            result => Poll::Ready(result.map(drop)),
        };
        state.hesitated_flush &= flushed.is_pending();
        state.client_waker.write = flushed.is_pending();
        drop(state);
        self.link.carry_to_server(taken);
        flushed
    }

    fn send(&self, frame: Frame) -> Result<(), TransportError> {
        let mut state = self.link.lock();
        let was_ready = std::mem::take(&mut state.write_buffer.ready);
        assert!(was_ready, "start_send without a poll_ready that was ready");
        state.hesitated_ready = false;
        match &frame {
            Frame::Ping(payload) | Frame::Pong(payload) => {
                assert!(
                    payload.len() <= CONTROL_LIMIT,
                    "a control frame of {} bytes, more than {CONTROL_LIMIT}",
                    payload.len()
                );
                assert!(
                    self.can_ping || matches!(frame, Frame::Pong(_)),
                    "a ping on a transport that cannot ping"
                );
            }
            Frame::Close(_) if state.write_buffer.closing => return Ok(()),
            Frame::Close(body) => {
                let reason = body.as_ref().map_or(0, |close| close.reason.len());
                assert!(reason + 2 <= CONTROL_LIMIT, "a close reason of {reason} bytes");
                state.write_buffer.closing = true;
            }
            Frame::Message(message) if message.len() > state.options.message_limit => {
                let words = format!("a message of {} bytes", message.len());
                return Err(TransportError::new(ErrorKind::TooLarge, words));
            }
            Frame::Message(_) => {}
        }
        if state.write_buffer.closing && !matches!(frame, Frame::Close(_)) {
            return Err(TransportError::new(ErrorKind::Other, "nothing follows a close frame"));
        }
        state.write_buffer.push(frame);
        Ok(())
    }
}

impl Stream for MockConnection {
    type Item = Result<Frame, TransportError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.read(cx)
    }
}

impl Sink<Frame> for MockConnection {
    type Error = TransportError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        self.send(frame)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        panic!("poll_close of a connection, which is closed by sending a close frame");
    }
}

impl Connection for MockConnection {
    fn bytes_written(&self) -> Option<u64> {
        let state = self.link.lock();
        state.options.reports_bytes_written.then_some(state.write_buffer.bytes_written())
    }
}

impl Drop for MockConnection {
    fn drop(&mut self) {
        self.gauge.change(|counts| counts.live -= 1);
        self.link.record(Step::Dropped);
        self.link.drop_client();
    }
}

impl fmt::Debug for MockConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockConnection").field("number", &self.link.number).finish_non_exhaustive()
    }
}
