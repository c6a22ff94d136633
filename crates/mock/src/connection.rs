//! [`MockConnection`]: the client's half of a line.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use websocket_heartbeat::{Connection, ErrorKind, Frame, TransportError};

use crate::{
    Step,
    line::{Incoming, Line, Reading, State},
};

/// The largest payload of a control frame, RFC 6455 section 5.5.
const CONTROL_LIMIT: usize = 125;

/// The client's half of a scripted line, as a [`MockTransport`](crate::MockTransport) makes it.
///
/// It keeps the contract of [`Connection`] to the letter: the waker of the last poll is the one
/// that is woken, and only for news that a poll has waited for; pings are answered at the next
/// poll after the one that reported them; bytes reach the line in `poll_flush`, or in `poll_ready`
/// once the write buffer is full.
///
/// # Panics
///
/// It is strict towards the client: `start_send` without a `poll_ready` that was ready, a control
/// frame of more than 125 bytes, a ping on a transport that cannot ping, and `poll_close` panic.
pub struct MockConnection {
    line: Arc<Line>,
    gauge: Gauge,
    can_ping: bool,
}

impl MockConnection {
    pub(crate) fn new(line: Arc<Line>, gauge: Gauge, can_ping: bool) -> Self {
        gauge.change(|counts| counts.live += 1);
        Self { line, gauge, can_ping }
    }

    fn read(&self, cx: &Context<'_>) -> Poll<Option<Result<Frame, TransportError>>> {
        let mut taken = Vec::new();
        let mut state = self.line.lock();
        state.wakes.register(cx.waker());
        state.writing.hand_reply();
        if state.writing.owes_reply() {
            // A failed write does not end reading: the next flush reports it.
            let _ = self.line.write_out(&mut state, &mut taken);
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
                    self.line.record(Step::End);
                    break Poll::Ready(None);
                }
                match state.incoming.pop_front() {
                    None => break Poll::Pending,
                    Some(Incoming::Frame(_)) if state.reading == Reading::CloseSeen => {}
                    Some(Incoming::Frame(frame)) => {
                        match &frame {
                            Frame::Ping(payload) if !state.writing.closing => {
                                state.writing.reply = Some(Frame::Pong(payload.clone()));
                            }
                            Frame::Close(body) => {
                                state.reading = Reading::CloseSeen;
                                if !state.writing.closing {
                                    state.writing.closing = true;
                                    state.writing.reply = Some(Frame::Close(body.clone()));
                                }
                            }
                            _ => {}
                        }
                        if state.options.records {
                            self.line.record(Step::Read(frame.clone()));
                        }
                        break Poll::Ready(Some(Ok(frame)));
                    }
                    Some(Incoming::Error { error, .. }) => {
                        state.reading = Reading::Over;
                        self.line.record(Step::ReadError(error.clone()));
                        break Poll::Ready(Some(Err(error)));
                    }
                    Some(Incoming::End) => {
                        state.reading = Reading::Over;
                        self.line.record(Step::End);
                        break Poll::Ready(None);
                    }
                }
            };
            state.wakes.read = read.is_pending();
            // Who only reads must come back to write the answer that it owes.
            state.wakes.write |= read.is_pending() && state.writing.owes_reply();
            drop(state);
            read
        };
        self.line.carry_to_server(taken);
        read
    }

    /// Whether the current poll of a task has read as much as it may; counts one more read.
    fn is_out_of_budget(&self, state: &mut State) -> bool {
        let Some(budget) = state.options.cooperative else { return false };
        let turn = self.line.clock.turn();
        let read = if state.turn.0 == turn { state.turn.1 } else { 0 };
        state.turn = (turn, read + 1);
        read >= budget
    }

    fn ready(&self, cx: &Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut taken = Vec::new();
        let mut state = self.line.lock();
        state.wakes.register(cx.waker());
        if state.options.hesitant && !state.hesitated_ready && !state.writing.stalled {
            state.hesitated_ready = true;
            drop(state);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let full = state.writing.handed_bytes() >= state.options.write_buffer;
        let result = if full || state.writing.error.is_some() {
            self.line.write_out(&mut state, &mut taken).map(drop)
        } else {
            Ok(())
        };
        let room =
            state.writing.handed_bytes() < state.options.write_buffer && !state.writing.stalled;
        let ready = match result {
            Ok(()) if !room => Poll::Pending,
            result => Poll::Ready(result),
        };
        state.writing.ready = matches!(ready, Poll::Ready(Ok(())));
        state.wakes.write = ready.is_pending();
        drop(state);
        self.line.carry_to_server(taken);
        ready
    }

    fn flush(&self, cx: &Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut taken = Vec::new();
        let mut state = self.line.lock();
        state.wakes.register(cx.waker());
        state.writing.hand_reply();
        if state.options.hesitant && !state.hesitated_flush && state.writing.handed_bytes() > 0 {
            state.hesitated_flush = true;
            drop(state);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let flushed = match self.line.write_out(&mut state, &mut taken) {
            // A stalled line is stuck even for those who have nothing to write.
            Ok(all) if !all || state.writing.stalled => Poll::Pending,
            result => Poll::Ready(result.map(drop)),
        };
        state.hesitated_flush &= flushed.is_pending();
        state.wakes.write = flushed.is_pending();
        drop(state);
        self.line.carry_to_server(taken);
        flushed
    }

    fn send(&self, frame: Frame) -> Result<(), TransportError> {
        let mut state = self.line.lock();
        let was_ready = std::mem::take(&mut state.writing.ready);
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
            Frame::Close(_) if state.writing.closing => return Ok(()),
            Frame::Close(body) => {
                let reason = body.as_ref().map_or(0, |close| close.reason.len());
                assert!(reason + 2 <= CONTROL_LIMIT, "a close reason of {reason} bytes");
                state.writing.closing = true;
            }
            Frame::Message(message) if message.len() > state.options.message_limit => {
                let words = format!("a message of {} bytes", message.len());
                return Err(TransportError::new(ErrorKind::TooLarge, words));
            }
            Frame::Message(_) => {}
        }
        if state.writing.closing && !matches!(frame, Frame::Close(_)) {
            return Err(TransportError::new(ErrorKind::Other, "nothing follows a close frame"));
        }
        state.writing.hand(frame);
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
        let state = self.line.lock();
        state.options.tells_progress.then_some(state.writing.bytes_written())
    }
}

impl Drop for MockConnection {
    fn drop(&mut self) {
        self.gauge.change(|counts| counts.live -= 1);
        self.line.record(Step::Dropped);
        self.line.drop_client();
    }
}

impl fmt::Debug for MockConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockConnection").field("number", &self.line.number).finish_non_exhaustive()
    }
}

/// How many attempts and connections a client has at once.
#[derive(Clone, Default)]
pub(crate) struct Gauge {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) dialing: usize,
    pub(crate) live: usize,
    /// The most of both together that there ever were.
    pub(crate) most: usize,
}

impl Gauge {
    pub(crate) fn change(&self, by: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        by(&mut counts);
        counts.most = counts.most.max(counts.dialing + counts.live);
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
