//! What is done when the engine parks, and every 256 frames: the clock, the outbox, the deadlines.

use std::{collections::VecDeque, task::Context};

use futures_sink::Sink;

use super::{Clock, Engine, ProbeOut, Step, left::Departed};
use crate::{
    event::LostCause,
    message::{Frame, Message},
    panics::drop_contained,
    shared::{Shared, State},
    supervisor::{
        link::Line,
        probes::Exchange,
        reporter::Desk,
        writer::{Source, Until},
    },
    sync::{Garbage, discard},
    time::{Timer, Timestamp},
    transport::{Connection, Transport},
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Attends to the clock, the outbox, the deadlines and the machine's wishes.
    #[inline(never)]
    pub(super) fn attend(&mut self, cx: &mut Context<'_>) -> Step {
        let life = self.look();
        if !self.started {
            self.started = true;
            self.machine.handle_start(self.now);
        }
        let mut step = self.write(cx, Until::Flushed);
        self.end_by_panic();
        if self.lose_panicked() {
            step = Step::Moved;
        }
        if self.writer.failure().is_some() {
            if !self.may_judge(life) {
                return Step::Moved;
            }
            self.bury();
            step = Step::Moved;
        }
        self.take_leave(cx);
        if self.readable.is_quiet() && matches!(self.line, Line::Open(_)) {
            self.machine.handle_caught_up(self.now, self.machine.connection());
        }
        self.ask_budget();
        if self.machine.poll_deadline().is_some_and(|at| at <= self.now) {
            if self.machine.verdict_is_due(self.now) && !self.may_judge(life) {
                return Step::Moved;
            }
            self.hear_trickle();
            self.see_departed();
            if self.lose_panicked() {
                step = Step::Moved;
            }
            self.machine.handle_deadline(self.now);
        }
        self.readable.relax();
        if self.carry_out(cx) == Step::Moved {
            step = Step::Moved;
        }
        // A probe leaves with the round in which it was found due.
        if self.writer.is_asked() {
            if self.write(cx, Until::Flushed) == Step::Moved {
                step = Step::Moved;
            }
            if self.policies.heartbeat.has_panicked() {
                self.end_by_panic();
                self.carry_out(cx);
                step = Step::Moved;
            }
        }
        step
    }

    /// Whether a verdict that is due may be given; else what has come is to be read first. What
    /// has no place to go is not waited for.
    fn may_judge(&mut self, life: bool) -> bool {
        !self.machine.may_read() || self.readable.is_heard(life, &mut self.turn)
    }

    /// Takes bytes of a message that is not whole yet for life, before a verdict is given.
    fn hear_trickle(&mut self) {
        let any_frame = self.policies.heartbeat.all_is_life();
        if !any_frame || self.machine.probe_since().is_none() {
            return;
        }
        let before = self.arrived;
        self.note_arrived();
        if self.arrived > before {
            self.machine.handle_frame(self.now, self.machine.connection(), true);
        }
    }

    /// Looks, before a verdict is given, at what has left.
    fn see_departed(&mut self) {
        if !self.machine.verdict_is_due(self.now) {
            return;
        }
        let Some(connection) = self.line.open() else { return };
        let before_probe = match self.left.look(connection) {
            Departed::Nothing => return,
            Departed::BehindProbe => false,
            Departed::BeforeProbe => true,
        };
        self.machine.handle_departed(self.now, self.machine.connection(), before_probe);
    }

    fn note_arrived(&mut self) {
        self.arrived = self.line.open().and_then(|connection| connection.bytes_read()).unwrap_or(0);
    }

    /// Asks the shared budget for an attempt that is due or waits for its turn.
    fn ask_budget(&mut self) {
        let redial = &mut self.policies.redial;
        let due = self.machine.next_attempt().is_some_and(|at| at <= self.now);
        if self.machine.is_waiting() && (due || redial.is_queued()) {
            let at = redial.ask(self.now, &self.bell);
            self.machine.handle_postponed(self.now, at);
        }
    }

    /// Reads the clock and notes what was heard since it was last read; whether proof of life was
    /// among it.
    pub(super) fn look(&mut self) -> bool {
        // One look a poll: when nothing was read since the outbox was handed over, that one serves.
        let clock = std::mem::replace(&mut self.clock, Clock::Behind);
        if clock != (Clock::Fresh { frames: self.frames }) {
            self.tell_time();
        }
        self.turn.count(std::mem::take(&mut self.frames), self.now);
        if !self.heard.any {
            return false;
        }
        let heard = std::mem::take(&mut self.heard);
        let connection = self.machine.connection();
        let was_out = self.machine.probe_since().is_some();
        self.machine.handle_frame(self.now, connection, heard.life);
        self.desk.heard();
        if heard.answer {
            self.probe.answered = true;
            let sent = self.probe.sent.take();
            // Only pongs are told apart: any message, or a reply to a probe before, may come late.
            if sent.is_some() && !self.probe.by_message {
                self.desk.proven();
            }
            let time = sent.map(|sent| self.now.saturating_since(sent));
            self.desk.answered(time, &self.shared);
        }
        self.alarm.stale |= was_out && self.machine.probe_since().is_none();
        heard.life
    }

    pub(super) fn tell_time(&mut self) {
        self.now = self.now.max(self.timer.now());
    }

    /// Drops what has grown too old in the outbox. What is handed over is looked at by the way.
    fn expire(&mut self) {
        if self.has_queue {
            let (now, desk) = (self.now, &mut self.desk);
            self.shared.with(|state, garbage| expire(state, desk, now, garbage));
        } else {
            self.desk.queue_expiry = None;
        }
    }

    /// Hands to the connection what the application has queued, before more is read: a frame that
    /// ends the connection must not cost the answers to what was read before it. They are flushed
    /// when the engine parks, or with a full window.
    #[inline(never)]
    pub(super) fn hand(&mut self, cx: &mut Context<'_>) {
        if self.writer.takes_more() {
            self.tell_time();
            self.write(cx, Until::Handed);
            self.clock = Clock::Fresh { frames: self.frames };
        }
    }

    pub(super) fn write(&mut self, cx: &mut Context<'_>, until: Until) -> Step {
        let wanted = self.has_queue || !self.writer.is_idle();
        let (true, Line::Open(connection)) = (wanted && self.machine.may_write(), &mut self.line)
        else {
            self.expire();
            return Step::Still;
        };
        let mut source = Handing {
            shared: &self.shared,
            more: &mut self.has_queue,
            seen: false,
            now: self.now,
            desk: &mut self.desk,
            heartbeat: &mut self.policies.heartbeat,
            probe: &mut self.probe,
            can_ping: self.can_ping,
        };
        let has_stirred = || self.shared.slots.has_stirred();
        let written = self.writer.write(connection.as_mut(), &mut source, until, has_stirred, cx);
        if !source.seen {
            self.expire();
        }
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
        if written.probe {
            self.desk.probing();
        }
        if written.messages {
            self.settle_written();
        }
        if written.flushed {
            self.machine.handle_flushed(self.now, number);
        }
        if written.probe {
            self.probe.sent = (!self.probe.answered).then_some(self.now);
            let round_trip = self.desk.probed(&self.shared);
            let longest = self
                .policies
                .heartbeat
                .adaptive()
                .and_then(|floor| round_trip.patience().map(|patience| patience.max(floor)));
            self.machine.handle_probe_written(self.now, number, longest);
            self.note_arrived();
            if let Some(connection) = self.line.open() {
                self.left.written(connection);
            }
        }
        if written.failed {
            return Step::Moved;
        }
        // Between two windows there is time to read.
        if written.flushed && (self.has_queue || !self.writer.is_idle()) {
            Step::Moved
        } else {
            Step::Still
        }
    }

    /// Reports a panic of the connection, which is not read or written any more.
    fn lose_panicked(&mut self) -> bool {
        let Some(error) = self.line.panicked() else { return false };
        let cause = LostCause::Broken(error.clone());
        self.lose_line(cause);
        true
    }

    /// Reports a failed write.
    fn bury(&mut self) {
        if let Some(error) = self.writer.failure() {
            let cause = LostCause::Broken(error.clone());
            self.lose_line(cause);
        }
    }

    pub(super) fn settle_written(&mut self) {
        let connection = self.machine.connection();
        let kept = self.writer.spare();
        let load =
            self.shared.with(|state, garbage| state.outbox.written(connection, kept, garbage));
        discard(kept.drain(..));
        self.desk.count_out(load);
    }

    /// Lets a connection that the peer closed write its reply.
    pub(super) fn take_leave(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.leaving
            && connection.as_mut().poll_flush(cx).is_ready()
        {
            drop_contained(self.leaving.take());
            self.machine.handle_left();
        }
    }
}

/// Stamps what is new in the outbox, drops what is too old, and notes how it stands.
fn expire(state: &mut State, desk: &mut Desk, now: Timestamp, garbage: &mut Garbage<'_>) {
    state.outbox.expire(now, garbage);
    desk.look_at(state);
}

/// The outbox under its lock, and the heartbeat, as the writer sees them.
struct Handing<'a> {
    shared: &'a Shared,
    /// There may be messages to hand over.
    more: &'a mut bool,
    /// Nothing in it is too old.
    seen: bool,
    now: Timestamp,
    desk: &'a mut Desk,
    heartbeat: &'a mut Exchange,
    probe: &'a mut ProbeOut,
    can_ping: bool,
}

impl Source for Handing<'_> {
    fn probe(&mut self) -> Option<Frame> {
        let frame = self.heartbeat.probe(self.probe.number, self.can_ping)?;
        self.probe.by_message = matches!(frame, Frame::Message(_));
        Some(frame)
    }

    fn hand_over(&mut self, to: &mut VecDeque<Message>) {
        if !*self.more {
            return;
        }
        let Self { more, now, desk, .. } = self;
        self.seen = true;
        self.shared.with(|state, garbage| {
            expire(state, desk, *now, garbage);
            state.outbox.hand_over(to);
            **more = state.outbox.has_queued();
        });
        if !*self.more {
            self.desk.queue_expiry = None;
        }
    }

    fn take_back(&mut self, messages: &mut VecDeque<Message>) {
        if !messages.is_empty() {
            *self.more = true;
            self.shared.with(|state, _| state.outbox.take_back(messages));
        }
    }

    fn has_more(&self) -> bool {
        *self.more
    }

    fn is_settled(&self) -> bool {
        self.shared.with(|state, _| state.outbox.is_settled())
    }
}
