//! The engine: moves what the machine decides.
//!
//! One private `poll`, a list of named steps with a bound on the work done in one call. On the
//! way of a message through it there is no clock, no timer, no lock and no allocation; all that is
//! done when it parks, and every 256 frames.
//!
//! Invariants kept here, each with a test of the same name; the numbers are the machine's.
//!
//! 2: One sleep. Replaced when it fires, when an earlier deadline appears and when a probe is
//! answered; never because a message arrived.
//!
//! 3: The clock decides, not the sleep. Deadlines are compared on every park and at least every
//! 256 frames; in between the last reading serves.
//!
//! 4: Read before you judge. Before a deadline is judged the connection was read until it had
//! nothing more, or 256 frames; a finished attempt is taken before its deadline is judged.
//!
//! 14: Read before you bury. After a failed write the connection is read until it has nothing
//! more, ends, or gave 256 frames; the peer's close code outranks the write error.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use futures_sink::Sink;

use super::{
    line::Line,
    news::Desk,
    writer::{Source, Writer},
};
use crate::{
    Attempt, CloseFrame, ErrorKind, Event, Frame, Life, LostCause, Message, Timer, Timestamp,
    Transport, TransportError, Verdict,
    backoff::Random,
    builder::{Delays, Policies, Settings},
    heartbeat::ProbeFrame,
    machine::{Action, Loss, Machine, Ruling, Transition},
    queue::{Queue, Unsent},
    shared::Shared,
};

/// Frames between two looks at the clock, and frames read before a verdict or a burial: enough to
/// make the clock's 20 ns vanish beside them, few enough to be done in some ten microseconds.
const FRAMES_PER_LOOK: u32 = 256;

/// Rounds of one poll after which the task yields, so that no peer keeps it busy for ever.
const ROUNDS_PER_POLL: u32 = 64;

/// Whether inbound messages have a place to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Yes,
    No,
}

/// Whether a step changed something that the steps before it must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Moved,
    Still,
}

pub(crate) struct Engine<T: Transport, K: Timer> {
    transport: T,
    timer: K,
    machine: Machine,
    line: Line<T>,
    /// A connection that the peer closed, while it writes its reply.
    leaving: Option<Pin<Box<T::Connection>>>,
    alarm: Alarm<K>,
    now: Timestamp,
    /// Frames since the clock was read.
    frames: u32,
    heard: Heard,
    reading: Reading,
    /// The connection had nothing to read when last asked, and has not stirred since.
    quiet: bool,
    /// It is being read because a verdict is due.
    read_first: bool,
    writer: Writer,
    /// Frames that may still be read before a failed write is reported.
    burial: u32,
    /// There may be messages to hand over.
    has_queue: bool,
    probe: ProbeOut,
    /// The connection that there is can send pings. Asked when it is dialled: by the time of a
    /// probe the transport may be set on another kind.
    can_ping: bool,
    policies: Policies,
    settings: Settings,
    delays: Option<Delays>,
    refresh: bool,
    /// The connection before the next attempt was stable.
    stable: bool,
    /// The shared budget has granted the next attempt.
    granted: bool,
    random: Random,
    goodbye: Option<CloseFrame>,
    desk: Desk,
    shared: Arc<Shared>,
    started: bool,
}

/// What was heard since the clock was read.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    any: bool,
    life: bool,
    answer: bool,
}

/// The probe that waits for its answer.
#[derive(Clone, Copy, Debug, Default)]
struct ProbeOut {
    /// Probes made in this session.
    number: u64,
    /// When the last was written, while no answer to it was heard.
    sent: Option<Timestamp>,
    /// It is a ping, else a message.
    ping: bool,
}

/// The one sleep.
struct Alarm<K: Timer> {
    sleep: Option<Pin<Box<K::Sleep>>>,
    /// What it is set to; `None` while nothing is awaited of it.
    at: Option<Timestamp>,
    /// It is set for a deadline that has gone.
    stale: bool,
}

impl<T: Transport, K: Timer> Engine<T, K> {
    pub(super) fn new(transport: T, timer: K, settings: Settings, policies: Policies) -> Self {
        let rules = settings.rules(&policies.heartbeat);
        let now = timer.now();
        Self {
            transport,
            timer,
            machine: Machine::new(rules),
            line: Line::None,
            leaving: None,
            alarm: Alarm { sleep: None, at: None, stale: false },
            now,
            frames: 0,
            heard: Heard::default(),
            reading: Reading::Yes,
            quiet: false,
            read_first: false,
            writer: Writer::default(),
            burial: 0,
            has_queue: false,
            probe: ProbeOut::default(),
            can_ping: false,
            policies,
            settings,
            delays: None,
            refresh: false,
            stable: false,
            granted: false,
            random: Random::seeded(),
            goodbye: None,
            desk: Desk::new(now),
            shared: Arc::new(Shared::new(Queue::new(settings.outbox))),
            started: false,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn connection(&self) -> u64 {
        self.machine.connection()
    }

    pub(super) fn transport(&self) -> &T {
        &self.transport
    }

    pub(super) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// There may be messages to hand over, which the next poll will see. Nobody is woken, and the
    /// wake of a handle's next command is not swallowed.
    pub(super) fn note_queue(&mut self) {
        self.has_queue = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.machine.is_closed()
    }

    /// Does what there is to do, until there is something to tell or nothing to do.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, reading: Reading) -> Poll<Option<Event>> {
        for _ in 0..ROUNDS_PER_POLL {
            if let Some(event) = self.desk.pop() {
                return Poll::Ready(Some(event));
            }
            if self.shared.has_work() && self.take_work(cx) == Step::Moved {
                continue;
            }
            if self.frames >= FRAMES_PER_LOOK {
                self.attend(cx);
                continue;
            }
            match self.read(cx, reading) {
                Read::Message(message) => return Poll::Ready(Some(Event::Message(message))),
                Read::Moved => continue,
                Read::Nothing => {}
            }
            if self.attend(cx) == Step::Moved {
                continue;
            }
            if self.machine.is_closed() {
                return Poll::Ready(None);
            }
            if self.park(cx) == Step::Still {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What came of reading.
enum Read {
    Message(Message),
    /// Something else happened.
    Moved,
    /// Nothing is there, or nothing may be read.
    Nothing,
}

/// Reading.
impl<T: Transport, K: Timer> Engine<T, K> {
    fn read(&mut self, cx: &mut Context<'_>, reading: Reading) -> Read {
        match &mut self.line {
            Line::Open(_) => {}
            Line::None => return Read::Nothing,
            Line::Connecting(_) | Line::Failed => return self.connect(cx),
        }
        if self.reading != reading {
            self.change_reading(reading);
        }
        if reading == Reading::No {
            return Read::Nothing;
        }
        if self.quiet && !self.shared.slots.take_stirred() {
            return Read::Nothing;
        }
        self.quiet = false;
        self.read_frames(cx)
    }

    /// Notes whether inbound messages have a place to go.
    fn change_reading(&mut self, reading: Reading) {
        let connection = self.machine.connection();
        match reading {
            Reading::Yes => {
                self.tell_time();
                self.machine.handle_reading_resumed(self.now, connection);
            }
            Reading::No => self.machine.handle_reading_paused(connection),
        }
        self.reading = reading;
    }

    /// Reads until there is a message, or nothing more. A control frame never ends it: the
    /// connection may write its answer only when it is read again.
    fn read_frames(&mut self, cx: &mut Context<'_>) -> Read {
        while let Some(connection) = self.line.open() {
            match connection.poll_next(cx) {
                Poll::Ready(Some(Ok(Frame::Message(message)))) => {
                    if let Some(message) = self.hear_message(message) {
                        return Read::Message(message);
                    }
                }
                Poll::Ready(Some(Ok(Frame::Ping(_)))) => self.hear_control(false),
                Poll::Ready(Some(Ok(Frame::Pong(payload)))) => {
                    let answer = self.probe.sent.is_some()
                        && self.probe.ping
                        && payload[..] == self.probe.number.to_be_bytes();
                    self.hear_control(answer);
                }
                Poll::Ready(Some(Ok(Frame::Close(frame)))) => {
                    self.hear_close(frame, cx);
                    return Read::Moved;
                }
                Poll::Ready(Some(Err(error))) => {
                    let error = self.writer.failure().cloned().unwrap_or(error);
                    self.lose_line(LostCause::Broken(error));
                    return Read::Moved;
                }
                Poll::Ready(None) => {
                    let error = self.writer.failure().cloned().unwrap_or_else(|| {
                        let words = "the server ended the connection without a close frame";
                        TransportError::new(ErrorKind::Ended, words)
                    });
                    self.lose_line(LostCause::Broken(error));
                    return Read::Moved;
                }
                Poll::Pending => {
                    self.quiet = true;
                    return Read::Nothing;
                }
            }
            if self.frames >= FRAMES_PER_LOOK {
                return Read::Nothing;
            }
        }
        Read::Nothing
    }

    /// A message came: notes it, and gives it on unless it is hidden.
    fn hear_message(&mut self, message: Message) -> Option<Message> {
        self.frames += 1;
        self.heard.any = true;
        self.desk.count_in(&message);
        let heartbeat = &mut self.policies.heartbeat;
        // By the original's convention the message after a heartbeat by message is its answer.
        let by_message = self.probe.sent.is_some() && !self.probe.ping;
        let reply = match &mut heartbeat.reply {
            None => by_message,
            Some(is_reply) => is_reply(&message),
        };
        self.heard.answer |= by_message && reply;
        self.heard.life |= match &mut heartbeat.life {
            Life::AnyFrame | Life::Data => true,
            Life::Reply => by_message && reply,
            Life::Matching(matches) => matches(&message),
        };
        let hidden = heartbeat.hide_replies && heartbeat.reply.is_some() && reply;
        (!hidden).then_some(message)
    }

    fn hear_control(&mut self, answer: bool) {
        self.frames += 1;
        self.heard.any = true;
        self.heard.answer |= answer;
        self.heard.life |= match self.policies.heartbeat.life {
            Life::AnyFrame => true,
            Life::Data => false,
            Life::Reply | Life::Matching(_) => answer,
        };
    }

    /// The peer's close frame came: what was handed over gets its flush, and the connection
    /// writes its reply without being read any more.
    fn hear_close(&mut self, frame: Option<CloseFrame>, cx: &mut Context<'_>) {
        self.frames += 1;
        self.heard.any = true;
        self.look();
        let flushed = match self.line.open() {
            Some(connection) => connection.poll_flush(cx),
            None => return,
        };
        if matches!(flushed, Poll::Ready(Ok(()))) && self.writer.failure().is_none() {
            self.settle_written();
        }
        let line = std::mem::replace(&mut self.line, Line::None);
        if let Line::Open(connection) = line
            && flushed.is_pending()
        {
            self.leaving = Some(connection);
        }
        let connection = self.machine.connection();
        self.drop_line(Some(LostCause::ClosedByPeer(frame)));
        self.machine.handle_peer_closed(self.now, connection);
    }

    fn connect(&mut self, cx: &mut Context<'_>) -> Read {
        let Poll::Ready(result) = self.line.poll_connect(cx) else { return Read::Nothing };
        self.tell_time();
        let connection = self.machine.connection();
        match result {
            Ok(established) => {
                self.line = Line::Open(Box::pin(established.connection));
                self.desk.established(established.subprotocol, established.headers);
                let max_age = self.settings.max_age.map(|age| self.random.shorten(age));
                self.machine.handle_connected(self.now, connection, max_age);
                self.refresh = false;
                self.shared.with(|state, news| state.queue.set_online(Some(connection), news));
                self.has_queue = true;
            }
            Err(error) => {
                self.line = Line::None;
                self.drop_line(Some(LostCause::Connect(error)));
                self.machine.handle_ended(self.now, connection);
            }
        }
        self.carry_out(cx);
        Read::Moved
    }

    /// The connection broke or ended.
    fn lose_line(&mut self, cause: LostCause) {
        self.look();
        self.drop_line(Some(cause));
        self.machine.handle_ended(self.now, self.machine.connection());
    }

    /// What a connection leaves behind when it is gone.
    fn drop_line(&mut self, cause: Option<LostCause>) {
        self.line = Line::None;
        self.writer = Writer::default();
        self.heard = Heard::default();
        self.probe.sent = None;
        self.quiet = false;
        self.burial = 0;
        let connection = self.machine.connection();
        self.shared.with(|state, news| {
            state.queue.lost(connection, news);
            state.queue.set_online(None, news);
        });
        self.has_queue = true;
        self.reading = Reading::Yes;
        if let Some(cause) = cause {
            self.desk.lost(cause);
        }
    }
}

/// What is done when it parks, and every 256 frames.
impl<T: Transport, K: Timer> Engine<T, K> {
    /// Attends to the clock, the outbox, the deadlines and the machine's wishes.
    fn attend(&mut self, cx: &mut Context<'_>) -> Step {
        self.look();
        if !self.started {
            self.started = true;
            self.machine.handle_start(self.now);
        }
        self.expire();
        let mut step = self.write(cx);
        if self.bury() {
            step = Step::Moved;
        }
        self.take_leave(cx);
        if self.machine.poll_deadline().is_some_and(|at| at <= self.now) {
            if self.must_read_first() {
                return Step::Moved;
            }
            if self.may_dial() {
                self.machine.handle_deadline(self.now);
            }
            step = Step::Moved;
        }
        if self.carry_out(cx) { Step::Moved } else { step }
    }

    /// Whether a verdict is due and the connection was passed over because it had not stirred: it
    /// is read all the same, once, before it is condemned.
    fn must_read_first(&mut self) -> bool {
        let must = self.quiet && !self.read_first && self.machine.probe_since().is_some();
        self.read_first = must;
        if must {
            self.quiet = false;
        }
        must
    }

    /// Whether the shared budget lets a due attempt begin; else it is postponed.
    fn may_dial(&mut self) -> bool {
        let Some(budget) = &self.policies.budget else { return true };
        if !self.machine.dial_is_due(self.now) || self.granted {
            return true;
        }
        self.granted = true;
        let at = budget.grant(self.now);
        let may = at.is_some_and(|at| at <= self.now);
        if !may {
            self.machine.handle_postponed(self.now, at);
        }
        may
    }

    /// Reads the clock and notes what was heard since it was last read.
    fn look(&mut self) {
        self.tell_time();
        self.burial = self.burial.saturating_sub(self.frames);
        self.frames = 0;
        if !self.heard.any {
            return;
        }
        let heard = std::mem::take(&mut self.heard);
        let connection = self.machine.connection();
        let was_out = self.machine.probe_since().is_some();
        self.machine.handle_frame(self.now, connection, heard.life);
        self.desk.heard();
        if heard.answer
            && let Some(sent) = self.probe.sent.take()
        {
            self.desk.answered(self.now.saturating_since(sent));
        }
        self.alarm.stale |= was_out && self.machine.probe_since().is_none();
    }

    fn tell_time(&mut self) {
        self.now = self.now.max(self.timer.now());
    }

    fn expire(&mut self) {
        if !self.has_queue {
            self.desk.queue_expiry = None;
            return;
        }
        let (now, desk) = (self.now, &mut self.desk);
        self.shared.with(|state, news| {
            state.queue.stamp(now);
            if state.queue.expiry().is_some_and(|at| at <= now) {
                state.queue.expire(now, news);
            }
            desk.look_at(&state.queue);
        });
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Step {
        if !self.machine.may_write() || (self.writer.is_idle() && !self.has_queue) {
            return Step::Still;
        }
        let Line::Open(connection) = &mut self.line else { return Step::Still };
        let mut source = Outbox { shared: &self.shared, more: &mut self.has_queue };
        let written = self.writer.write(connection.as_mut(), &mut source, cx);
        let number = self.machine.connection();
        if written.handed {
            self.machine.handle_handed(number);
        }
        if written.progress {
            self.machine.handle_write_progress(self.now, number);
        }
        if written.blocked {
            self.machine.handle_write_blocked(self.now, number);
        }
        if written.flushed {
            self.settle_written();
            self.machine.handle_flushed(self.now, number);
        }
        if written.probe {
            self.probe.sent = Some(self.now);
            self.desk.probed();
            let longest = self.policies.heartbeat.adaptive.and_then(|floor| {
                self.desk.round_trip().patience().map(|patience| patience.max(floor))
            });
            self.machine.handle_probe_written(self.now, number, longest);
        }
        if written.failed {
            self.quiet = false;
            self.burial = FRAMES_PER_LOOK;
            return Step::Moved;
        }
        if written.again { Step::Moved } else { Step::Still }
    }

    /// Reports a failed write, once what the peer sent before has been read: all of it, or
    /// enough. What has no place to go is not waited for.
    fn bury(&mut self) -> bool {
        let Some(error) = self.writer.failure() else { return false };
        let read = self.quiet || self.burial == 0 || self.reading == Reading::No;
        if read {
            let cause = LostCause::Broken(error.clone());
            self.lose_line(cause);
        }
        read
    }

    fn settle_written(&mut self) {
        let connection = self.machine.connection();
        let load = self.shared.with(|state, news| state.queue.written(connection, news));
        self.desk.count_out(load);
    }

    /// Lets a connection that the peer closed write its reply.
    fn take_leave(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.leaving
            && connection.as_mut().poll_flush(cx).is_ready()
        {
            self.leaving = None;
            self.machine.handle_left();
        }
    }

    /// Takes what handles have put down.
    fn take_work(&mut self, cx: &mut Context<'_>) -> Step {
        if !self.shared.take_work() {
            return Step::Still;
        }
        self.tell_time();
        let now = self.now;
        let commands = std::mem::take(&mut self.shared.lock().commands);
        self.has_queue = true;
        if let Some(frame) = commands.close {
            self.goodbye = self.goodbye.take().or(frame);
            self.machine.handle_close(now);
        }
        if commands.abort {
            self.machine.handle_abort(now);
        }
        match commands.pause {
            Some(true) => self.machine.handle_pause(now),
            Some(false) => self.machine.handle_resume(now),
            None => {}
        }
        if commands.reconnect {
            self.machine.handle_reconnect_now(now);
        } else if commands.probe {
            self.machine.handle_probe_now(now);
        }
        if self.carry_out(cx) { Step::Moved } else { Step::Still }
    }

    /// Does and tells what the machine wants; whether there was anything.
    fn carry_out(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while let Some(action) = self.machine.poll_action() {
            any = true;
            self.act(action, cx);
        }
        while let Some(transition) = self.machine.poll_event() {
            any = true;
            self.tell(transition);
        }
        any
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) {
        match action {
            Action::Abandon(loss) => {
                self.leaving = None;
                self.drop_line(match loss {
                    Loss::ConnectTimeout(timeout) => Some(LostCause::ConnectTimeout(timeout)),
                    Loss::HeartbeatTimeout(time) => Some(LostCause::HeartbeatTimeout(time)),
                    Loss::WriteStalled(time) => Some(LostCause::WriteStalled(time)),
                    Loss::Replaced => Some(LostCause::Replaced),
                    Loss::MaxAge => Some(LostCause::MaxAge),
                    Loss::Paused => Some(LostCause::Paused),
                    Loss::Reported | Loss::Ended => None,
                });
            }
            Action::TakeLeave if self.leaving.is_none() => self.machine.handle_left(),
            Action::TakeLeave => self.take_leave(cx),
            Action::EndLeave => self.leaving = None,
            Action::Judge { fresh } => {
                let ruling = self.judge(fresh);
                self.machine.handle_ruling(self.now, ruling);
            }
            Action::Dial { attempt, deadline } => self.dial(attempt, deadline),
            Action::Probe => {
                self.probe.number += 1;
                self.probe.sent = None;
                let heartbeat = &mut self.policies.heartbeat;
                let frame = match heartbeat.probe(self.probe.number, self.can_ping) {
                    ProbeFrame::Ping(payload) => {
                        self.probe.ping = true;
                        Frame::Ping(payload)
                    }
                    ProbeFrame::Message(message) => {
                        self.probe.ping = false;
                        Frame::Message(message)
                    }
                };
                self.writer.probe(frame);
            }
            Action::SayGoodbye => {
                let frame = self.goodbye.take().unwrap_or_else(|| CloseFrame::new(1000, ""));
                let by_user = self.shared.lock().queue.is_closed();
                self.writer.say_goodbye(frame, by_user);
            }
        }
    }

    fn judge(&mut self, fresh: bool) -> Ruling {
        self.stable = fresh;
        if fresh {
            self.delays = None;
        }
        let refreshed = std::mem::take(&mut self.refresh);
        let Some(failure) = self.desk.failure(refreshed) else { return Ruling::Stop };
        let verdict = (self.policies.verdict)(&failure);
        let after = match verdict {
            Verdict::Stop => return Ruling::Stop,
            Verdict::Retry => Duration::ZERO,
            Verdict::RetryAfter(after) => after,
            Verdict::RefreshThenRetry => {
                self.refresh = true;
                Duration::ZERO
            }
        };
        let delays = &mut self.policies.delays;
        match self.delays.get_or_insert_with(delays).next() {
            // Added, not the larger of the two: clients that were told the same moment are kept
            // apart by their backoff.
            Some(delay) => Ruling::Retry(delay.saturating_add(after)),
            None => Ruling::NoDelayLeft,
        }
    }

    fn dial(&mut self, number: u32, deadline: Option<Timestamp>) {
        self.desk.dialled(number);
        self.can_ping = self.transport.can_ping();
        self.granted = false;
        let attempt = Attempt {
            connection: self.machine.connection(),
            number,
            deadline: deadline.unwrap_or(Timestamp::from_epoch(Duration::MAX)),
            was_stable: number == 0 || self.stable,
            refresh: self.refresh,
            last: self.desk.last_cause().cloned(),
        };
        self.line = Line::dial(&mut self.transport, attempt);
    }

    fn tell(&mut self, transition: Transition) {
        let closes = matches!(transition, Transition::Closed(_));
        let unsent = match transition {
            Transition::Closed(_) => self.shared.with(|state, news| {
                state.queue.close(news);
                state.queue.take_unsent()
            }),
            Transition::Lost { .. } => self.shared.lock().queue.take_unsent(),
            _ => Unsent::default(),
        };
        self.desk.tell(transition, unsent);
        self.publish();
        if closes {
            self.alarm = Alarm { sleep: None, at: None, stale: false };
            self.shared.slots.wake();
        }
    }

    fn publish(&mut self) {
        self.desk.publish(&self.machine, self.now, &self.shared);
    }
}

/// Parking.
impl<T: Transport, K: Timer> Engine<T, K> {
    /// Sets the one sleep; still if there is nothing to do until something wakes the task.
    fn park(&mut self, cx: &mut Context<'_>) -> Step {
        let deadline = match (self.machine.poll_deadline(), self.desk.queue_expiry) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if self.alarm.set(deadline, &self.timer, cx) == Step::Moved {
            return Step::Moved;
        }
        // What a handle put down since the last look has woken nobody: the task was awake.
        if self.shared.has_work() {
            return Step::Moved;
        }
        if self.desk.is_stale(&self.machine) {
            self.publish();
        }
        Step::Still
    }

    /// Everything ends, because its owner was dropped.
    pub(super) fn end_by_drop(&mut self) {
        if self.machine.is_closed() {
            return;
        }
        self.tell_time();
        self.leaving = None;
        self.drop_line(None);
        self.machine.handle_abort(self.now);
        self.shared.with(|state, news| state.queue.close(news));
        self.desk.dropped();
        self.publish();
    }
}

impl<K: Timer> Alarm<K> {
    /// Sees to it that the task is woken at `deadline`; moved if that moment has come.
    fn set(&mut self, deadline: Option<Timestamp>, timer: &K, cx: &mut Context<'_>) -> Step {
        let Some(deadline) = deadline else {
            if self.stale {
                self.at = None;
                self.stale = false;
                self.sleep = None;
            }
            return Step::Still;
        };
        let replace = self.stale || self.at.is_none_or(|at| deadline < at);
        self.stale = false;
        if replace {
            let sleep = timer.sleep_until(deadline);
            match &mut self.sleep {
                Some(place) => place.as_mut().set(sleep),
                None => self.sleep = Some(Box::pin(sleep)),
            }
            self.at = Some(deadline);
        }
        let Some(sleep) = &mut self.sleep else { return Step::Still };
        match sleep.as_mut().poll(cx) {
            Poll::Pending => Step::Still,
            Poll::Ready(()) => {
                // The clock decides: an early sleep is set again, a due deadline is met.
                self.at = None;
                Step::Moved
            }
        }
    }
}

/// The outbox under its lock, as the writer sees it.
struct Outbox<'a> {
    shared: &'a Shared,
    /// There may be messages to hand over.
    more: &'a mut bool,
}

impl Source for Outbox<'_> {
    fn hand_over(&mut self, to: &mut VecDeque<Message>) {
        if *self.more {
            let mut state = self.shared.lock();
            state.queue.hand_over(to);
            *self.more = state.queue.has_queued();
        }
    }

    fn take_back(&mut self, messages: &mut VecDeque<Message>) {
        if !messages.is_empty() {
            *self.more = true;
            self.shared.lock().queue.take_back(messages);
        }
    }

    fn is_settled(&self) -> bool {
        self.shared.lock().queue.is_settled()
    }
}
