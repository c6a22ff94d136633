//! [`Link`]: carries frames between a connection and its peer.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use websocket_heartbeat::{CloseFrame, ErrorKind, Frame, Message, Timestamp, TransportError};

use super::{
    action::Action,
    link_state::{Incoming, LinkState, Packet, Path, Server},
    options::LinkOptions,
};
use crate::{
    time::Clock,
    trace::{Step, Trace},
};

/// The link of one connection. The connection and its peers own it; actions scheduled on the clock
/// do not.
pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) clock: Clock,
    pub(crate) trace: Trace,
    state: Mutex<LinkState>,
}

impl Link {
    pub(crate) fn new(
        number: u64,
        clock: &Clock,
        trace: &Trace,
        options: LinkOptions,
    ) -> Arc<Self> {
        let state = LinkState::new(options);
        let (clock, trace) = (clock.clone(), trace.clone());
        Arc::new(Self { number, clock, trace, state: Mutex::new(state) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, step: Step) {
        self.trace.add(self.number, step);
    }

    /// The server sends `incoming`, unless it has ended its side.
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

    /// Performs one action of the server.
    pub(crate) fn act(self: &Arc<Self>, act: Action) {
        match act {
            Action::Send(message) => self.say(Incoming::Frame(Frame::Message(message))),
            Action::Close(code, reason) => {
                self.say(Incoming::Frame(Frame::Close(Some(CloseFrame::new(code, reason)))));
            }
            Action::End => self.say(Incoming::End),
            Action::Fail(error) => self.say(Incoming::Error { error, link_broke: true }),
            Action::Garbage => {
                let error = TransportError::new(ErrorKind::Protocol, "a frame that makes no sense");
                self.say(Incoming::Error { error, link_broke: false });
            }
            Action::HalfOpen => self.set_path(Path::Cut),
            Action::StallWrites => self.lock().write_buffer.stalled = true,
        }
    }

    /// Performs an action later, if the link still exists then.
    pub(crate) fn act_after(self: &Arc<Self>, delay: Duration, act: Action) {
        self.later(delay, |link| link.act(act));
    }

    /// Sends a message every `period` while it can arrive.
    pub(crate) fn chatter(self: &Arc<Self>, period: Duration, message: Message) {
        self.later(period, move |link| {
            let state = link.lock();
            let can_arrive = state.dropped_at.is_none()
                && state.server == Server::Open
                && state.path != Path::Cut;
            drop(state);
            if can_arrive {
                link.act(Action::Send(message.clone()));
                link.chatter(period, message);
            }
        });
    }

    /// Ends the stream when no packet was under way for `limit`, `since` the last one or later.
    pub(crate) fn limit_silence(self: &Arc<Self>, limit: Duration, since: Timestamp) {
        let silent = self.clock.servers_now().saturating_since(since);
        self.later(limit.saturating_sub(silent), move |link| {
            let state = link.lock();
            let last = since.max(state.to_client.last).max(state.to_server.last);
            let is_open = state.dropped_at.is_none() && state.server == Server::Open;
            drop(state);
            if link.clock.servers_now().saturating_since(last) >= limit {
                link.act(Action::End);
            } else if is_open {
                link.limit_silence(limit, last);
            }
        });
    }

    pub(crate) fn set_path(self: &Arc<Self>, path: Path) {
        let held = {
            let mut state = self.lock();
            // A cut link stays cut, since the lost packets cannot be restored.
            if state.path == Path::Cut {
                return;
            }
            state.path = path;
            if path == Path::Held { VecDeque::new() } else { std::mem::take(&mut state.held) }
        };
        held.into_iter().for_each(|packet| self.arrive(packet));
    }

    /// Carries frames that the link has accepted from the client to the server.
    pub(crate) fn carry_to_server(self: &Arc<Self>, frames: Vec<Frame>) {
        frames.into_iter().for_each(|frame| self.carry(Packet::ToServer(frame)));
    }

    /// Whether every written frame of the client has arrived or is lost.
    pub(crate) fn nothing_under_way(state: &LinkState) -> bool {
        state.to_server.in_flight == 0 && state.held.is_empty()
    }

    /// The client has dropped the connection.
    pub(crate) fn drop_client(&self) {
        let (waker, waiters) = {
            let mut state = self.lock();
            if state.dropped_at.is_some() {
                return;
            }
            state.dropped_at = Some(self.clock.now());
            state.incoming.clear();
            (state.client_waker.forget(), state.waiters.take())
        };
        drop(waker);
        waiters.into_iter().for_each(Waker::wake);
    }

    fn later(self: &Arc<Self>, delay: Duration, then: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let link = Arc::downgrade(self);
        self.clock.schedule(delay, move || {
            if let Some(link) = link.upgrade() {
                then(&link);
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
        self.later(at.saturating_since(now), move |link| {
            link.lock().lane(&packet).in_flight -= 1;
            link.arrive(packet);
        });
    }

    fn arrive(self: &Arc<Self>, packet: Packet) {
        let mut state = self.lock();
        match state.path {
            Path::Up => {}
            Path::Cut => {
                // A task may wait for the last frame of a client that has gone.
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
                    Incoming::Error { error, link_broke: true } => Some(error.clone()),
                    _ => None,
                };
                state.incoming.push_back(incoming);
                let waker = match broke {
                    Some(error) => {
                        state.write_buffer.error.get_or_insert(error);
                        state.client_waker.for_either()
                    }
                    None => state.client_waker.for_read(),
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

    /// The server's automatic reply to a frame.
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
                    Some(delay) => self.later(delay, |link| {
                        link.say(Incoming::Frame(Frame::Pong(payload)));
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
                // Called without the lock, since it is code of the test.
                let Some(mut responder) = state.options.responder.take() else { return };
                drop(state);
                let reply = responder(message);
                self.lock().options.responder.get_or_insert(responder);
                if let Some(reply) = reply {
                    self.act(Action::Send(reply));
                }
            }
        }
    }

    /// Writes as many bytes of the buffered frames as the link accepts. Returns whether all bytes
    /// are written, and adds each completely written frame to `taken`.
    pub(crate) fn write_out(
        self: &Arc<Self>,
        state: &mut LinkState,
        taken: &mut Vec<Frame>,
    ) -> Result<bool, TransportError> {
        let before = taken.len();
        let result = state.write_buffer.write_out(taken);
        if let Err(error) = &result
            && !std::mem::replace(&mut state.write_error_recorded, true)
        {
            self.record(Step::WriteError(error.clone()));
        }
        if state.options.records {
            for frame in &taken[before..] {
                self.record(Step::Sent(frame.clone()));
                state.written.push((self.clock.now(), frame.clone()));
            }
        }
        if let Some(period) = state.write_buffer.next_refill() {
            self.later(period, |link| {
                let mut state = link.lock();
                let waker =
                    state.write_buffer.refill().then(|| state.client_waker.for_write()).flatten();
                drop(state);
                waker.into_iter().for_each(Waker::wake);
            });
        }
        result
    }
}
