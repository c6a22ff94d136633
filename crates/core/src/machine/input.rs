//! What goes into the machine.

use std::time::Duration;

use super::{
    Line, Machine, Patience, Ruling, State, Writing,
    beat::Due,
    intake::Countdown,
    output::{Leave, Question},
    pacing::Stability,
    reached,
    stall::{self, Stall},
    transition::{End, Loss},
};
use crate::time::{Span, Timestamp};

/// The connection and the attempt.
impl Machine {
    /// The session begins.
    pub(crate) fn handle_start(&mut self, now: Timestamp) {
        let now = self.observe(now);
        if matches!(self.state, State::Idle) {
            self.pacing.go_down(now);
            self.wait(Some(now), self.pacing.next());
        }
    }

    /// The attempt that is scheduled begins then, not before and not later; `None` is never.
    pub(crate) fn handle_postponed(&mut self, now: Timestamp, until: Option<Timestamp>) {
        self.observe(now);
        if let State::Waiting { number, .. } = self.state {
            self.wait(until, number);
        }
    }

    /// The attempt succeeded. `max_age`: after this time the connection is to be replaced.
    pub(crate) fn handle_connected(
        &mut self,
        now: Timestamp,
        connection: u64,
        max_age: Option<Duration>,
    ) {
        let now = self.observe(now);
        if self.is_current(connection) && matches!(self.state, State::Connecting { .. }) {
            let outage = self.pacing.open(now);
            self.pending().open = Some(outage);
            self.state = State::Open(Line::new(now, &self.rules, max_age));
        }
    }

    /// The attempt failed, or the connection broke or ended; the driver has dropped it.
    pub(crate) fn handle_ended(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        if self.is_current(connection) {
            self.lose(now, Loss::Reported);
        }
    }

    /// The peer's close frame came. The connection may write its reply, and is not read any more.
    pub(crate) fn handle_peer_closed(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        if self.is_current(connection) && self.may_write() {
            self.pending().leave = Some(Leave::Take);
            self.farewell = now.after(self.rules.close_timeout);
            self.lose(now, Loss::Reported);
        }
    }

    /// The connection that took its leave is gone.
    pub(crate) fn handle_left(&mut self) {
        self.farewell = None;
    }

    /// A frame was heard. `life`: it counts as proof of life.
    pub(crate) fn handle_frame(&mut self, now: Timestamp, connection: u64, life: bool) {
        let now = self.observe(now);
        let pulse = self.rules.pulse;
        if self.is_current(connection)
            && let Some(line) = self.line_mut()
        {
            line.last_move = now;
            if let Some(stall) = line.stall_mut() {
                stall.heard();
            }
            if life {
                line.last_life = now;
                line.beat.heard_life(pulse, now);
            }
        }
    }

    /// The probe is written: the wait for its answer begins, for `longest` at most.
    pub(crate) fn handle_probe_written(
        &mut self,
        now: Timestamp,
        connection: u64,
        longest: Option<Duration>,
    ) {
        let now = self.observe(now);
        let (pulse, full) = (self.rules.pulse, self.intake.is_full());
        if self.is_current(connection)
            && let Some(line) = self.line_mut()
        {
            line.beat.written(pulse, now, longest);
            if full {
                line.beat.doubt();
            }
        }
    }

    /// Messages were handed to the connection and are not flushed yet.
    pub(crate) fn handle_handed(&mut self, connection: u64) {
        if self.is_current(connection)
            && let Some(line) = self.line_mut()
            && line.writing == Writing::Clear
        {
            line.writing = Writing::Handed;
        }
    }

    /// The connection takes no more bytes at present.
    pub(crate) fn handle_write_blocked(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        let full = self.intake.is_full();
        if self.is_current(connection)
            && let Some(line) = self.line_mut()
            && line.stall_mut().is_none()
        {
            line.writing = Writing::Blocked(Stall::new(now, full));
        }
    }

    /// Bytes left. Only what leaves a blocked write shows that the peer takes them: before that,
    /// the kernel's buffer swallows them on a dead line as well.
    pub(crate) fn handle_write_progress(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        if self.is_current(connection)
            && let Some(line) = self.line_mut()
            && let Some(stall) = line.stall_mut()
        {
            stall.accepted(now);
            line.last_move = now;
            line.beat.moved(now);
        }
    }

    /// A look for a verdict found that bytes have left since the last one, so the peer's side takes
    /// them. `before_probe`: they are of the probe that is out, or before it.
    pub(crate) fn handle_departed(&mut self, now: Timestamp, connection: u64, before_probe: bool) {
        let now = self.observe(now);
        if self.is_current(connection)
            && let Some(line) = self.line_mut()
        {
            if let Some(stall) = line.stall_mut() {
                stall.left(now);
            }
            if before_probe {
                line.last_move = now;
                line.beat.moved(now);
            }
        }
    }

    /// All that was handed over is flushed.
    pub(crate) fn handle_flushed(&mut self, now: Timestamp, connection: u64) {
        self.observe(now);
        if self.is_current(connection)
            && let Some(line) = self.line_mut()
        {
            line.writing = Writing::Clear;
        }
    }

    /// The ruling on the lost connection.
    pub(crate) fn handle_ruling(&mut self, now: Timestamp, ruling: Ruling) {
        let now = self.observe(now);
        let State::Judging { patience, number } = self.state else { return };
        let refused = self.pacing.refuses(number, &self.rules.pace);
        let delay = match (ruling, refused) {
            (Ruling::Stop, _) => return self.end(End::Stopped),
            (Ruling::Panicked, _) => return self.end(End::Panicked),
            (_, Some(end)) => return self.end(end),
            (Ruling::NoDelayLeft, None) => return self.end(End::BackoffEnded),
            (Ruling::Retry(_), None) if patience == Patience::None => Duration::ZERO,
            (Ruling::Retry(delay), None) => delay,
        };
        let until = self.pacing.moment(now, delay, &self.rules.pace);
        let delay = until.map_or(delay, |until| until.saturating_since(now));
        self.pending().retry = Some(delay);
        self.wait(until, number);
    }

    /// A function of the user's panicked without which the session cannot go on.
    pub(crate) fn handle_panicked(&mut self, now: Timestamp) {
        self.observe(now);
        if !self.is_closed() {
            self.end(End::Panicked);
        }
    }
}

/// The user's will.
impl Machine {
    /// End the session, gracefully where there is a connection.
    pub(crate) fn handle_close(&mut self, now: Timestamp) {
        let now = self.observe(now);
        let deadline = now.after(self.rules.close_timeout);
        match &self.state {
            State::Open(_) | State::Paused(Some(_)) => {
                self.probe = false;
                self.pending().goodbye = true;
                self.state = State::Closing { deadline };
            }
            State::Retiring { .. } => {
                // Where its close frame is not written yet, the user's takes its place.
                self.pending().goodbye = true;
                self.state = State::Closing { deadline };
            }
            State::Closing { .. } | State::Closed => {}
            State::Idle
            | State::Connecting { .. }
            | State::Judging { .. }
            | State::Waiting { .. }
            | State::Paused(None) => self.end(End::User),
        }
    }

    /// End the session now.
    pub(crate) fn handle_abort(&mut self, now: Timestamp) {
        self.observe(now);
        if !self.is_closed() {
            self.end(End::Aborted);
        }
    }

    /// Replace the connection, or wait no longer for the next attempt.
    pub(crate) fn handle_reconnect_now(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match self.state {
            State::Idle => self.handle_start(now),
            State::Open(_) => self.lose(now, Loss::Replaced),
            State::Judging { number, .. } => {
                self.state = State::Judging { patience: Patience::None, number };
            }
            State::Waiting { number, .. } => self.wait(self.at_once(now), number),
            // An attempt under way is what was asked for; the others are the user's will.
            State::Connecting { .. }
            | State::Paused(_)
            | State::Retiring { .. }
            | State::Closing { .. }
            | State::Closed => {}
        }
    }

    /// Ask the peer for a sign of life, with a short deadline.
    pub(crate) fn handle_probe_now(&mut self, now: Timestamp) {
        let now = self.observe(now);
        let recheck = self.rules.recheck;
        if let State::Open(line) = &mut self.state
            && line.beat.hurry(now, recheck)
        {
            self.probe = true;
        }
    }

    /// Rest: keep a connection that is open, begin nothing.
    pub(crate) fn handle_pause(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(line) => self.state = State::Paused(Some(line)),
            // One that has said goodbye cannot be kept.
            begun @ (State::Connecting { .. } | State::Retiring { .. }) => {
                self.state = begun;
                self.lose(now, Loss::Paused);
            }
            State::Judging { .. } => {
                if let Some(pending) = &mut self.pending {
                    pending.question = None;
                }
                self.state = State::Paused(None);
            }
            State::Idle | State::Waiting { .. } => self.state = State::Paused(None),
            other => self.state = other,
        }
    }

    /// Go on: with a connection by asking it for a sign of life, without one by an attempt at once.
    pub(crate) fn handle_resume(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Paused(Some(mut line)) => {
                line.last_move = now;
                if let Some(stall) = line.stall_mut() {
                    stall.accepted(now);
                }
                self.probe |= line.beat.renew(now, self.rules.recheck);
                self.state = State::Open(line);
            }
            State::Paused(None) => {
                // The pause was no outage.
                self.pacing.go_down(now);
                let number = self.pacing.next();
                match self.pacing.refuses(number, &self.rules.pace) {
                    Some(end) => self.end(end),
                    None => self.wait(self.at_once(now), number),
                }
            }
            other => self.state = other,
        }
    }

    /// The clock has moved.
    pub(crate) fn handle_deadline(&mut self, now: Timestamp) {
        let now = self.observe(now);
        if reached(self.farewell, now).is_some() {
            self.farewell = None;
            self.pending().leave = Some(Leave::End);
        }
        match &self.state {
            State::Connecting { deadline } if reached(*deadline, now).is_some() => {
                let timeout = self.connect_timeout().duration();
                self.lose(now, Loss::ConnectTimeout(timeout));
            }
            State::Waiting { until, number } if reached(*until, now).is_some() => {
                let number = *number;
                self.dial(now, number);
            }
            State::Open(_) => self.handle_line_deadline(now),
            State::Retiring { close } if reached(close.deadline(), now).is_some() => {
                self.lose(now, Loss::MaxAge);
            }
            State::Closing { deadline } if reached(*deadline, now).is_some() => self.end(End::User),
            _ => {}
        }
    }

    fn handle_line_deadline(&mut self, now: Timestamp) {
        let (pulse, recheck) = (self.rules.pulse, self.rules.recheck);
        let close_timeout = self.rules.close_timeout;
        let State::Open(line) = &mut self.state else { return };
        let full = self.intake.is_full();
        let (last_move, silent) = (line.last_move, now.saturating_since(line.last_life));
        match line.beat.handle_deadline(pulse, recheck, now, last_move, full) {
            Due::Nothing => {}
            Due::Probe => self.probe = true,
            Due::Unanswered => return self.lose(now, Loss::HeartbeatTimeout(silent)),
            Due::Stalled => {
                return self.lose(now, Loss::WriteStalled(now.saturating_since(last_move)));
            }
        }
        let (limit, connection) = (self.rules.write_timeout, self.connection);
        let State::Open(line) = &mut self.state else { return };
        let stall = line.stall_mut().map(|stall| stall.handle_deadline(now, limit, recheck));
        match stall.unwrap_or(stall::Due::Nothing) {
            stall::Due::Nothing => {}
            stall::Due::Report { time, heard } => {
                self.pending().blocked = Some((connection, time, heard));
            }
            stall::Due::Loss { time } => return self.lose(now, Loss::WriteStalled(time)),
        }
        let State::Open(line) = &self.state else { return };
        let retire = line.retire.and_then(|at| line.retire_deadline(at, close_timeout));
        // Not while it is full: what the peer has sent has to find a place before it may go.
        if !self.probe && !full && reached(retire, now).is_some() {
            self.pending().goodbye = true;
            let close = Countdown::Running { until: now.after(close_timeout) };
            self.state = State::Retiring { close };
        }
    }
}

/// What several inputs lead to.
impl Machine {
    fn dial(&mut self, now: Timestamp, number: u32) {
        // It may be seen late.
        if !self.pacing.is_in_time(Some(now), &self.rules.pace) {
            return self.end(End::OutageLimit);
        }
        if self.farewell.take().is_some() {
            self.pending().leave = Some(Leave::End);
        }
        let deadline = now.after(self.connect_timeout());
        self.connection += 1;
        self.pacing.begin(now, number);
        let pending = self.pending();
        pending.dial = Some(deadline);
        pending.connecting = true;
        self.state = State::Connecting { deadline };
    }

    fn connect_timeout(&self) -> Span {
        self.rules.connect_timeout.of(self.pacing.failures())
    }

    /// The earliest moment at which an attempt may begin.
    fn at_once(&self, now: Timestamp) -> Option<Timestamp> {
        self.pacing.moment(now, Duration::ZERO, &self.rules.pace)
    }

    /// Schedules an attempt. Whoever made it late, it begins within the time that an outage may
    /// last, or the session ends as soon as that is known.
    fn wait(&mut self, until: Option<Timestamp>, number: u32) {
        if self.pacing.is_in_time(until, &self.rules.pace) {
            self.state = State::Waiting { until, number };
        } else {
            self.end(End::OutageLimit);
        }
    }

    /// The attempt or the connection is over.
    fn lose(&mut self, now: Timestamp, loss: Loss) {
        self.probe = false;
        if let Some(pending) = &mut self.pending {
            pending.dial = None;
            pending.goodbye = false;
        }
        let opened = match &self.state {
            State::Connecting { .. } => None,
            State::Open(line) | State::Paused(Some(line)) => {
                let stable = now.since(line.since) >= self.rules.stable_after;
                Some(if stable { Stability::Proven } else { Stability::Unproven })
            }
            // It lived to its full age.
            State::Retiring { .. } => Some(Stability::Proven),
            State::Closing { .. } => return self.end(End::User),
            State::Idle
            | State::Judging { .. }
            | State::Waiting { .. }
            | State::Paused(None)
            | State::Closed => return,
        };
        if loss != Loss::Reported {
            self.pending().abandon = Some(loss);
        }
        // However else it ends once it is retired, it ends for its age.
        let retired = matches!(self.state, State::Retiring { .. }) && loss != Loss::Paused;
        let loss = if retired { Loss::MaxAge } else { loss };
        // What the user wanted is no failure.
        let wanted = matches!(loss, Loss::Replaced | Loss::Paused | Loss::MaxAge);
        self.pacing.lose(now, opened, wanted);
        let connection = self.connection;
        self.pending().lost = Some((connection, opened.is_some(), loss));
        let patience = Patience::AsRuled;
        match self.state {
            _ if loss == Loss::Paused => self.state = State::Paused(None),
            State::Paused(_) => self.state = State::Paused(None),
            // Wanted by the user or by age: no fault to judge, no backoff.
            _ if wanted => {
                self.pacing.begin_row();
                self.pending().question = Some(Question::Replacement);
                self.state = State::Judging { patience, number: 0 };
            }
            _ => {
                let fresh = self.pacing.take_fresh();
                self.pending().question = Some(Question::Loss { fresh });
                self.state = State::Judging { patience, number: self.pacing.next() };
            }
        }
    }

    fn end(&mut self, end: End) {
        self.probe = false;
        let up = matches!(self.state, State::Connecting { .. }) || self.may_write();
        let leaving = self.farewell.take().is_some();
        let pending = self.pending();
        pending.question = None;
        pending.dial = None;
        pending.goodbye = false;
        pending.retry = None;
        if up {
            pending.leave = None;
            pending.abandon = Some(Loss::Ended);
        } else if leaving {
            pending.leave = Some(Leave::End);
        }
        pending.closed = Some(end);
        self.state = State::Closed;
    }
}
