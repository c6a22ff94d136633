//! The line between a connection and its peer: what both halves share.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use websocket_heartbeat::{CloseFrame, ErrorKind, Frame, Message, Timestamp, TransportError};

use crate::{
    Clock, Step, Trace,
    script::{Act, LineOptions},
    waiters::Waiters,
};

/// How many bytes a frame of a client takes on the line (RFC 6455 section 5.2): header, mask and
/// payload.
pub fn wire_len(frame: &Frame) -> u64 {
    let payload = match frame {
        Frame::Message(message) => message.len(),
        Frame::Ping(bytes) | Frame::Pong(bytes) => bytes.len(),
        Frame::Close(None) => 0,
        Frame::Close(Some(close)) => 2 + close.reason.len(),
    };
    let length_field = match payload {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    };
    2 + length_field + 4 + payload as u64
}

/// One line. The connection and the peers hold it; what is under way in the clock does not.
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) clock: Clock,
    pub(crate) trace: Trace,
    state: Mutex<State>,
}

/// What the server has said so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Open,
    CloseSent,
    Gone,
}

/// Whether what is sent arrives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    Up,
    Held,
    Cut,
}

/// How far the client's reading has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Open,
    CloseSeen,
    Over,
}

/// What the client can read.
pub(crate) enum Incoming {
    Frame(Frame),
    /// The stream fails; writes too, if the line broke.
    Error {
        error: TransportError,
        line_broke: bool,
    },
    End,
}

enum Packet {
    ToClient(Incoming),
    ToServer(Frame),
}

/// The packets under way in one direction, which never overtake each other.
#[derive(Default)]
struct Lane {
    last: Timestamp,
    in_flight: usize,
}

/// A frame that the client has handed over and the line has not wholly taken.
struct Handed {
    frame: Frame,
    left: u64,
}

pub(crate) struct State {
    pub(crate) options: LineOptions,

    pub(crate) incoming: VecDeque<Incoming>,
    pub(crate) reading: Reading,

    handed: VecDeque<Handed>,
    handed_bytes: u64,
    /// The answer to the last ping or close frame, not yet handed over. A newer one replaces it
    /// (RFC 6455 section 5.5.3), so that a flood of pings needs no memory.
    pub(crate) reply: Option<Frame>,
    /// An answer is among the handed frames, so that reading writes, too.
    owes_reply: bool,
    /// The last `poll_ready` was ready.
    pub(crate) ready: bool,
    /// The client has sent its close frame, or owes one.
    pub(crate) closing: bool,
    pub(crate) stalled: bool,
    /// How many more bytes the line takes, `None` for any number.
    pub(crate) quota: Option<u64>,
    refill_due: bool,
    pub(crate) write_error: Option<TransportError>,
    write_error_told: bool,
    pub(crate) progress: u64,
    pub(crate) written: Vec<(Timestamp, Frame)>,

    waker: Option<Waker>,
    pub(crate) wants_read: bool,
    pub(crate) wants_write: bool,
    pub(crate) hesitated_read: bool,
    pub(crate) hesitated_ready: bool,
    pub(crate) hesitated_flush: bool,

    path: Path,
    held: VecDeque<Packet>,
    to_client: Lane,
    to_server: Lane,

    server: Server,
    pub(crate) received: Vec<(Timestamp, Frame)>,
    pub(crate) received_count: u64,
    /// How many of the received frames were taken one by one.
    pub(crate) taken: usize,
    pub(crate) waiters: Waiters,
    pub(crate) dropped_at: Option<Timestamp>,
    pub(crate) ignored: u64,
}

impl Line {
    pub(crate) fn new(
        number: u64,
        clock: &Clock,
        trace: &Trace,
        options: LineOptions,
    ) -> Arc<Self> {
        let state = State {
            incoming: VecDeque::new(),
            reading: Reading::Open,
            handed: VecDeque::new(),
            handed_bytes: 0,
            reply: None,
            owes_reply: false,
            ready: false,
            closing: false,
            stalled: false,
            quota: options.rate.map(|(bytes, _)| bytes),
            refill_due: false,
            write_error: None,
            write_error_told: false,
            progress: 0,
            written: Vec::new(),
            waker: None,
            wants_read: false,
            wants_write: false,
            hesitated_read: false,
            hesitated_ready: false,
            hesitated_flush: false,
            path: Path::Up,
            held: VecDeque::new(),
            to_client: Lane::default(),
            to_server: Lane::default(),
            server: Server::Open,
            received: Vec::new(),
            received_count: 0,
            taken: 0,
            waiters: Waiters::default(),
            dropped_at: None,
            ignored: 0,
            options,
        };
        let (clock, trace) = (clock.clone(), trace.clone());
        Arc::new(Self { number, clock, trace, state: Mutex::new(state) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, step: Step) {
        self.trace.add(self.number, step);
    }

    /// The server sends something, unless it has already said its last.
    pub(crate) fn say(self: &Arc<Self>, incoming: Incoming) {
        let mut state = self.lock();
        let goes_on = match (&incoming, state.server) {
            (_, Server::Gone) | (Incoming::Frame(_), Server::CloseSent) => {
                state.ignored += 1;
                return;
            }
            (Incoming::Frame(Frame::Close(_)), _) => Server::CloseSent,
            (Incoming::Frame(_), _) => Server::Open,
            (Incoming::Error { .. } | Incoming::End, _) => Server::Gone,
        };
        state.server = goes_on;
        drop(state);
        self.carry(Packet::ToClient(incoming));
    }

    /// Does what a script has the server do.
    pub(crate) fn act(self: &Arc<Self>, act: Act) {
        match act {
            Act::Send(message) => self.say(Incoming::Frame(Frame::Message(message))),
            Act::Close(code, reason) => {
                self.say(Incoming::Frame(Frame::Close(Some(CloseFrame::new(code, reason)))));
            }
            Act::End => self.say(Incoming::End),
            Act::Fail(error) => self.say(Incoming::Error { error, line_broke: true }),
            Act::Garbage => {
                let error = TransportError::new(ErrorKind::Protocol, "a frame that makes no sense");
                self.say(Incoming::Error { error, line_broke: false });
            }
            Act::HalfOpen => self.set_path(Path::Cut),
            Act::StallWrites => self.lock().stalled = true,
        }
    }

    /// Has the server do something later, if anybody still looks then.
    pub(crate) fn act_after(self: &Arc<Self>, delay: Duration, act: Act) {
        self.later(delay, |line| line.act(act));
    }

    /// Sends a message again and again, as long as it can arrive.
    pub(crate) fn chatter(self: &Arc<Self>, period: Duration, message: Message) {
        self.later(period, move |line| {
            let state = line.lock();
            let can_arrive = state.dropped_at.is_none()
                && state.server == Server::Open
                && state.path != Path::Cut;
            drop(state);
            if can_arrive {
                line.act(Act::Send(message.clone()));
                line.chatter(period, message);
            }
        });
    }

    pub(crate) fn set_path(self: &Arc<Self>, path: Path) {
        let held = {
            let mut state = self.lock();
            // A cut cable stays cut: what was lost cannot be told from what was not.
            if state.path == Path::Cut {
                return;
            }
            state.path = path;
            if path == Path::Held { VecDeque::new() } else { std::mem::take(&mut state.held) }
        };
        held.into_iter().for_each(|packet| self.arrive(packet));
    }

    /// Hands what the line took from the client to the other end.
    pub(crate) fn carry_to_server(self: &Arc<Self>, frames: Vec<Frame>) {
        frames.into_iter().for_each(|frame| self.carry(Packet::ToServer(frame)));
    }

    /// Whether everything that the client has written has arrived or was lost.
    pub(crate) fn nothing_under_way(state: &State) -> bool {
        state.to_server.in_flight == 0
    }

    /// The client is gone.
    pub(crate) fn drop_client(&self) {
        let (waker, waiters) = {
            let mut state = self.lock();
            if state.dropped_at.is_some() {
                return;
            }
            state.dropped_at = Some(self.clock.now());
            state.incoming.clear();
            (state.waker.take(), state.waiters.take())
        };
        drop(waker);
        waiters.into_iter().for_each(Waker::wake);
    }

    fn later(self: &Arc<Self>, delay: Duration, then: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let line = Arc::downgrade(self);
        self.clock.schedule(delay, move || {
            if let Some(line) = line.upgrade() {
                then(&line);
            }
        });
    }

    fn carry(self: &Arc<Self>, packet: Packet) {
        let now = self.clock.servers_now();
        let mut state = self.lock();
        let latency = state.options.latency;
        let lane = state.lane(&packet);
        let at = now.checked_add(latency).unwrap_or(lane.last).max(lane.last);
        lane.last = at;
        if at <= now && lane.in_flight == 0 {
            drop(state);
            self.arrive(packet);
            return;
        }
        lane.in_flight += 1;
        drop(state);
        self.later(at.saturating_since(now), move |line| {
            line.lock().lane(&packet).in_flight -= 1;
            line.arrive(packet);
        });
    }

    fn arrive(self: &Arc<Self>, packet: Packet) {
        let mut state = self.lock();
        match state.path {
            Path::Up => {}
            Path::Cut => {
                // Who waits for the last frame of a client that is gone must learn of it.
                let waiters = state.waiters.take();
                drop(state);
                waiters.into_iter().for_each(Waker::wake);
                return;
            }
            Path::Held => {
                state.held.push_back(packet);
                return;
            }
        }
        match packet {
            Packet::ToClient(incoming) => {
                if state.dropped_at.is_some() {
                    state.ignored += 1;
                    return;
                }
                let broke = match &incoming {
                    Incoming::Error { error, line_broke: true } => Some(error.clone()),
                    _ => None,
                };
                state.incoming.push_back(incoming);
                let waker = match broke {
                    Some(error) => {
                        state.write_error.get_or_insert(error);
                        state.wake_for_any()
                    }
                    None => state.wake_for_read(),
                };
                drop(state);
                waker.into_iter().for_each(Waker::wake);
            }
            Packet::ToServer(frame) => {
                let waiters = state.waiters.take();
                let there = state.server != Server::Gone;
                if there {
                    state.received_count += 1;
                }
                if there && state.options.records {
                    state.received.push((self.clock.now(), frame.clone()));
                }
                drop(state);
                waiters.into_iter().for_each(Waker::wake);
                if there {
                    self.answer(frame);
                }
            }
        }
    }

    /// What the server does by itself when a frame arrives.
    fn answer(self: &Arc<Self>, frame: Frame) {
        let mut state = self.lock();
        if state.server != Server::Open {
            return;
        }
        match frame {
            Frame::Ping(payload) => {
                let delay = state.options.pong;
                drop(state);
                match delay {
                    None => {}
                    Some(Duration::ZERO) => self.say(Incoming::Frame(Frame::Pong(payload))),
                    Some(delay) => self.later(delay, |line| {
                        line.say(Incoming::Frame(Frame::Pong(payload)));
                    }),
                }
            }
            Frame::Pong(_) => {}
            Frame::Close(body) => {
                let answers = state.options.answers_close;
                drop(state);
                if answers {
                    self.say(Incoming::Frame(Frame::Close(body)));
                }
            }
            Frame::Message(message) => {
                // Out of the lock: it is the test's own code.
                let Some(mut responder) = state.options.responder.take() else { return };
                drop(state);
                let reply = responder(message);
                self.lock().options.responder.get_or_insert(responder);
                if let Some(reply) = reply {
                    self.act(Act::Send(reply));
                }
            }
        }
    }

    /// Lets the line take what it can of the handed frames. Returns whether all is taken, and
    /// adds the whole frames to `taken`.
    pub(crate) fn write_out(
        self: &Arc<Self>,
        state: &mut State,
        taken: &mut Vec<Frame>,
    ) -> Result<bool, TransportError> {
        if let Some(error) = state.write_error.clone() {
            if !state.write_error_told {
                state.write_error_told = true;
                self.record(Step::WriteError(error.clone()));
            }
            return Err(error);
        }
        if state.stalled {
            return Ok(state.handed.is_empty());
        }
        let before = state.progress;
        while let Some(front) = state.handed.front_mut() {
            let bytes = state.quota.map_or(front.left, |quota| quota.min(front.left));
            front.left -= bytes;
            let whole = front.left == 0;
            state.progress += bytes;
            state.handed_bytes -= bytes;
            if let Some(quota) = &mut state.quota {
                *quota -= bytes;
            }
            if !whole {
                break;
            }
            if let Some(Handed { frame, .. }) = state.handed.pop_front() {
                if state.options.records {
                    self.record(Step::Sent(frame.clone()));
                    state.written.push((self.clock.now(), frame.clone()));
                }
                taken.push(frame);
            }
        }
        if let Some((bytes, period)) = state.options.rate
            && state.progress > before
            && !state.refill_due
        {
            state.refill_due = true;
            self.later(period, move |line| line.refill(bytes));
        }
        if !state.handed.is_empty() {
            return Ok(false);
        }
        state.owes_reply = false;
        state.hand_reply();
        if state.owes_reply { self.write_out(state, taken) } else { Ok(true) }
    }

    fn refill(&self, bytes: u64) {
        let mut state = self.lock();
        state.refill_due = false;
        if state.options.rate.is_none() {
            return;
        }
        state.quota = Some(bytes);
        let waker = state.wake_for_write();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn lane(&mut self, packet: &Packet) -> &mut Lane {
        match packet {
            Packet::ToClient(_) => &mut self.to_client,
            Packet::ToServer(_) => &mut self.to_server,
        }
    }

    /// Only the waker of the last poll counts, whichever it was.
    pub(crate) fn register(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(crate) fn hand(&mut self, frame: Frame) {
        let left = wire_len(&frame);
        self.handed_bytes += left;
        self.handed.push_back(Handed { frame, left });
    }

    /// Puts the answer to the last ping or close frame among the handed frames, unless one is
    /// there already.
    pub(crate) fn hand_reply(&mut self) {
        if !self.owes_reply
            && self.write_error.is_none()
            && let Some(reply) = self.reply.take()
        {
            self.owes_reply = true;
            self.hand(reply);
        }
    }

    pub(crate) fn owes_reply(&self) -> bool {
        self.owes_reply
    }

    pub(crate) fn handed_bytes(&self) -> u64 {
        self.handed_bytes
    }

    pub(crate) fn handed_frames(&self) -> impl Iterator<Item = &Frame> {
        self.handed.iter().map(|handed| &handed.frame)
    }

    /// Something can be read: the waker, if the client waits for that.
    fn wake_for_read(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.wants_read).then(|| self.waker.clone()).flatten()
    }

    /// Something can be written: the waker, if the client waits for that.
    pub(crate) fn wake_for_write(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.wants_write).then(|| self.waker.clone()).flatten()
    }

    fn wake_for_any(&mut self) -> Option<Waker> {
        let write = self.wake_for_write();
        self.wake_for_read().or(write)
    }

    /// The waker, whatever the client waits for.
    pub(crate) fn wake_for_no_reason(&self) -> Option<Waker> {
        self.waker.clone()
    }
}
