//! [`Peer`]: the server's end of a line, in the hands of a test.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use websocket_heartbeat::{Bytes, CloseFrame, Frame, Message, Text, Timestamp, TransportError};

use crate::{
    line::{Incoming, Line, Path},
    script::Act,
    writing::Limit,
};

/// The server's end of a connection. Clones control the same end; dropping them changes nothing.
///
/// What it does after it said its last ([`close`](Self::close), [`end`](Self::end),
/// [`fail`](Self::fail)) or after the client dropped the connection is harmless, and counted by
/// [`ignored`](Self::ignored).
#[derive(Clone)]
pub struct Peer {
    line: Arc<Line>,
}

impl Peer {
    pub(crate) fn new(line: &Arc<Line>) -> Self {
        Self { line: line.clone() }
    }

    /// The connection's number, as in the [`Attempt`](websocket_heartbeat::Attempt) that made it.
    pub fn number(&self) -> u64 {
        self.line.number
    }

    /// Sends a message.
    pub fn send(&self, message: impl Into<Message>) {
        self.send_frame(Frame::Message(message.into()));
    }

    /// Sends any frame.
    pub fn send_frame(&self, frame: Frame) {
        self.line.say(Incoming::Frame(frame));
    }

    /// Sends a ping.
    pub fn ping(&self, payload: impl Into<Bytes>) {
        self.send_frame(Frame::Ping(payload.into()));
    }

    /// Sends a pong, asked for or not.
    pub fn pong(&self, payload: impl Into<Bytes>) {
        self.send_frame(Frame::Pong(payload.into()));
    }

    /// Begins the close handshake. The stream ends right after the close frame, unless the script
    /// said [`linger`](crate::Script::linger).
    pub fn close(&self, code: u16, reason: impl Into<Text>) {
        self.send_frame(Frame::Close(Some(CloseFrame::new(code, reason))));
    }

    /// Ends the stream without a close frame. Later writes of the client go nowhere.
    pub fn end(&self) {
        self.line.act(Act::End);
    }

    /// Breaks the line: once this arrives, the client's writes fail with `error`, and so does its
    /// reading after what was sent before.
    pub fn fail(&self, error: TransportError) {
        self.line.act(Act::Fail(error));
    }

    /// Breaks the protocol: the client's reading fails after what was sent before.
    pub fn garbage(&self) {
        self.line.act(Act::Garbage);
    }

    /// Cuts the cable: nothing arrives any more in either direction, also of what is under way,
    /// and nobody learns of it. The client can write as before. There is no way back.
    pub fn half_open(&self) {
        self.line.set_path(Path::Cut);
    }

    /// Holds back everything in both directions until [`release`](Self::release): a network that
    /// stalls and recovers. The client can write meanwhile.
    pub fn hold(&self) {
        self.line.set_path(Path::Held);
    }

    /// Delivers what [`hold`](Self::hold) held back, in order and at once.
    pub fn release(&self) {
        self.line.set_path(Path::Up);
    }

    /// Sets how long anything travels from now on, each way. Nothing overtakes what was sent
    /// before.
    pub fn set_latency(&self, one_way: Duration) {
        self.line.lock().options.latency = one_way;
    }

    /// Answers pings after this long, or with `None` not at all.
    pub fn set_pong(&self, delay: Option<Duration>) {
        self.line.lock().options.pong = delay;
    }

    /// Takes no more bytes: the client's `poll_ready` and `poll_flush` stay pending until
    /// [`resume_writes`](Self::resume_writes).
    pub fn stall_writes(&self) {
        self.line.lock().writing.stalled = true;
    }

    /// Takes this many bytes from now on and no more, also in the middle of a frame. What counts
    /// is [`wire_len`](crate::wire_len).
    pub fn write_quota(&self, bytes: u64) {
        let waker = {
            let mut state = self.line.lock();
            state.writing.set_limit(Limit::Quota { left: bytes });
            (bytes > 0).then(|| state.wakes.for_write()).flatten()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Takes any number of bytes again: lifts stalls, quotas and rates.
    pub fn resume_writes(&self) {
        let waker = {
            let mut state = self.line.lock();
            state.writing.stalled = false;
            state.writing.set_limit(Limit::None);
            state.wakes.for_write()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Makes every write of the client fail with this error. What was sent to it stays readable.
    pub fn fail_writes(&self, error: TransportError) {
        let waker = {
            let mut state = self.line.lock();
            state.writing.error.get_or_insert(error);
            state.wakes.for_write()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Wakes the client for no reason, as the contract of a connection allows.
    pub fn wake_for_no_reason(&self) {
        let waker = self.line.lock().wakes.for_no_reason();
        waker.into_iter().for_each(Waker::wake);
    }

    /// All frames that have arrived here so far, with the moment of each.
    pub fn received(&self) -> Vec<(Timestamp, Frame)> {
        self.line.lock().received.clone()
    }

    /// How many frames have arrived here so far, [recorded](crate::Script::unrecorded) or not.
    pub fn received_count(&self) -> u64 {
        self.line.lock().received_count
    }

    /// The messages among the frames that have arrived here so far.
    pub fn received_messages(&self) -> Vec<Message> {
        let state = self.line.lock();
        let messages = state.received.iter().filter_map(|(_, frame)| match frame {
            Frame::Message(message) => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    /// The next frame that has arrived here and was not taken before.
    pub fn try_next_received(&self) -> Option<Frame> {
        let mut state = self.line.lock();
        let frame = state.received.get(state.taken)?.1.clone();
        state.taken += 1;
        Some(frame)
    }

    /// Waits for the next frame to arrive; `None` when the client has dropped the connection and
    /// nothing is under way.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next_received(&self) -> Option<Frame> {
        poll_fn(|cx| {
            if let Some(frame) = self.try_next_received() {
                return Poll::Ready(Some(frame));
            }
            let mut state = self.line.lock();
            if state.dropped_at.is_some() && Line::nothing_under_way(&state) {
                return Poll::Ready(None);
            }
            state.waiters.register(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// All frames that the line has wholly taken from the client so far, with the moment of each,
    /// whether they arrived or not.
    pub fn written(&self) -> Vec<(Timestamp, Frame)> {
        self.line.lock().written.clone()
    }

    /// The frames that the client has handed over and the line has not wholly taken.
    pub fn unflushed(&self) -> Vec<Frame> {
        self.line.lock().writing.handed_frames().cloned().collect()
    }

    /// How many bytes the line has taken from the client so far.
    pub fn bytes_written(&self) -> u64 {
        self.line.lock().writing.bytes_written()
    }

    /// How many things are on the client's side and were not read: frames, and the end.
    pub fn unread(&self) -> usize {
        self.line.lock().incoming.len()
    }

    /// Whether the client still holds the connection.
    pub fn alive(&self) -> bool {
        self.dropped_at().is_none()
    }

    /// When the client dropped the connection.
    pub fn dropped_at(&self) -> Option<Timestamp> {
        self.line.lock().dropped_at
    }

    /// Waits until the client has dropped the connection.
    pub async fn dropped(&self) {
        poll_fn(|cx| {
            let mut state = self.line.lock();
            if state.dropped_at.is_some() {
                return Poll::Ready(());
            }
            state.waiters.register(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// How many things this end tried to send when it had said its last, or that came to a client
    /// who had dropped the connection.
    pub fn ignored(&self) -> u64 {
        self.line.lock().ignored
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.line.lock();
        f.debug_struct("Peer")
            .field("number", &self.line.number)
            .field("received", &state.received.len())
            .field("dropped_at", &state.dropped_at)
            .finish_non_exhaustive()
    }
}
