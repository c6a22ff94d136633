//! [`Peer`]: the server's end of a connection, controlled by a test.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use websocket_heartbeat::{Bytes, CloseFrame, Frame, Message, Text, Timestamp, TransportError};

use crate::network::{Action, Incoming, Limit, Link, Path};

/// The server's end of a connection. Clones control the same end, and dropping them does not close
/// it.
///
/// Sending has no effect after [`close`](Self::close), [`end`](Self::end) or [`fail`](Self::fail),
/// and after the client has dropped the connection; [`ignored`](Self::ignored) counts it.
#[derive(Clone)]
pub struct Peer {
    link: Arc<Link>,
}

impl Peer {
    pub(crate) fn new(link: &Arc<Link>) -> Self {
        Self { link: link.clone() }
    }

    /// The connection's number, as in the [`Attempt`](websocket_heartbeat::Attempt) that made it.
    pub fn number(&self) -> u64 {
        self.link.number
    }

    /// Sends a message.
    pub fn send(&self, message: impl Into<Message>) {
        self.send_frame(Frame::Message(message.into()));
    }

    /// Sends any frame.
    pub fn send_frame(&self, frame: Frame) {
        self.link.say(Incoming::Frame(frame));
    }

    /// Sends a ping.
    pub fn ping(&self, payload: impl Into<Bytes>) {
        self.send_frame(Frame::Ping(payload.into()));
    }

    /// Sends a pong, solicited or unsolicited.
    pub fn pong(&self, payload: impl Into<Bytes>) {
        self.send_frame(Frame::Pong(payload.into()));
    }

    /// Starts the close handshake. The stream ends directly after the close frame, unless the script
    /// has [`linger`](crate::Script::linger).
    pub fn close(&self, code: u16, reason: impl Into<Text>) {
        self.send_frame(Frame::Close(Some(CloseFrame::new(code, reason))));
    }

    /// Ends the stream without a close frame. Later writes of the client are lost.
    pub fn end(&self) {
        self.link.act(Action::End);
    }

    /// Fails the connection. When this arrives, the client's writes fail with `error`. Its reads
    /// return all items that were sent before, and then fail with `error`.
    pub fn fail(&self, error: TransportError) {
        self.link.act(Action::Fail(error));
    }

    /// Sends an invalid frame: the client reads all items that were sent before, and then an error.
    pub fn garbage(&self) {
        self.link.act(Action::Garbage);
    }

    /// Cuts the link without an error: no more frames arrive in either direction, also none of
    /// those in flight. The client can write as before. The cut is permanent.
    pub fn half_open(&self) {
        self.link.set_path(Path::Cut);
    }

    /// Holds back all frames in both directions until [`release`](Self::release), like a network
    /// that stalls and recovers. The client can write during that time.
    pub fn hold(&self) {
        self.link.set_path(Path::Held);
    }

    /// Delivers all frames that [`hold`](Self::hold) held back, in order and at once.
    pub fn release(&self) {
        self.link.set_path(Path::Up);
    }

    /// Sets the latency of each direction for all later frames. The order of frames does not
    /// change.
    pub fn set_latency(&self, one_way: Duration) {
        self.link.lock().options.latency = one_way;
    }

    /// Sets the delay of pongs. With `None`, pings are not answered.
    pub fn set_pong(&self, delay: Option<Duration>) {
        self.link.lock().options.pong = delay;
    }

    /// Accepts no more bytes: the client's `poll_ready` and `poll_flush` are pending until
    /// [`resume_writes`](Self::resume_writes).
    pub fn stall_writes(&self) {
        self.link.lock().write_buffer.stalled = true;
    }

    /// Accepts this many more bytes, and then no more, also in the middle of a frame. Bytes are
    /// counted by [`wire_len`](crate::wire_len).
    pub fn write_quota(&self, bytes: u64) {
        let waker = {
            let mut state = self.link.lock();
            state.write_buffer.set_limit(Limit::Quota { left: bytes });
            (bytes > 0).then(|| state.client_waker.for_write()).flatten()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Accepts any number of bytes again: removes stalls, quotas and rates.
    pub fn resume_writes(&self) {
        let waker = {
            let mut state = self.link.lock();
            state.write_buffer.stalled = false;
            state.write_buffer.set_limit(Limit::None);
            state.client_waker.for_write()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Makes every write of the client fail with this error. The client can still read what was sent
    /// to it.
    pub fn fail_writes(&self, error: TransportError) {
        let waker = {
            let mut state = self.link.lock();
            state.write_buffer.error.get_or_insert(error);
            state.client_waker.for_write()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Wakes the client spuriously, which the contract of a connection allows.
    pub fn wake_spuriously(&self) {
        let waker = self.link.lock().client_waker.spurious();
        waker.into_iter().for_each(Waker::wake);
    }

    /// All frames that have arrived so far, with their times.
    pub fn received(&self) -> Vec<(Timestamp, Frame)> {
        self.link.lock().received.clone()
    }

    /// The number of frames that have arrived so far, [recorded](crate::Script::unrecorded) or not.
    pub fn received_count(&self) -> u64 {
        self.link.lock().received_count
    }

    /// All messages that have arrived so far.
    pub fn received_messages(&self) -> Vec<Message> {
        let state = self.link.lock();
        let messages = state.received.iter().filter_map(|(_, frame)| match frame {
            Frame::Message(message) => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    /// Takes the next frame that has arrived and was not taken before.
    pub fn try_next_received(&self) -> Option<Frame> {
        let mut state = self.link.lock();
        let frame = state.received.get(state.taken)?.1.clone();
        state.taken += 1;
        Some(frame)
    }

    /// Waits for the next frame that was not taken before. Returns `None` when the client has dropped
    /// the connection and no frame is in flight.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no frame.
    pub async fn next_received(&self) -> Option<Frame> {
        poll_fn(|cx| {
            if let Some(frame) = self.try_next_received() {
                return Poll::Ready(Some(frame));
            }
            let mut state = self.link.lock();
            if state.dropped_at.is_some() && Link::nothing_under_way(&state) {
                return Poll::Ready(None);
            }
            state.waiters.register(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// All frames that the client has completely written so far, with their times, whether they
    /// arrived or not.
    pub fn written(&self) -> Vec<(Timestamp, Frame)> {
        self.link.lock().written.clone()
    }

    /// The frames in the client's write buffer that are not completely written.
    pub fn unflushed(&self) -> Vec<Frame> {
        self.link.lock().write_buffer.buffered_frames().cloned().collect()
    }

    /// The number of bytes that the client has written so far.
    pub fn bytes_written(&self) -> u64 {
        self.link.lock().write_buffer.bytes_written()
    }

    /// The number of items that have arrived at the client and were not read: frames, and the end of
    /// the stream.
    pub fn unread(&self) -> usize {
        self.link.lock().incoming.len()
    }

    /// Whether the client has not dropped the connection.
    pub fn alive(&self) -> bool {
        self.dropped_at().is_none()
    }

    /// The time at which the client dropped the connection.
    pub fn dropped_at(&self) -> Option<Timestamp> {
        self.link.lock().dropped_at
    }

    /// Waits until the client has dropped the connection.
    pub async fn dropped(&self) {
        poll_fn(|cx| {
            let mut state = self.link.lock();
            if state.dropped_at.is_some() {
                return Poll::Ready(());
            }
            state.waiters.register(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// The number of frames and ends that had no effect, because this end had ended or the client had
    /// dropped the connection.
    pub fn ignored(&self) -> u64 {
        self.link.lock().ignored
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.link.lock();
        f.debug_struct("Peer")
            .field("number", &self.link.number)
            .field("received", &state.received.len())
            .field("dropped_at", &state.dropped_at)
            .finish_non_exhaustive()
    }
}
