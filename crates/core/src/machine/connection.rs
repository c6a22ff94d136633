//! The machine's inputs about the attempt and the connection.

use std::time::Duration;

use super::{
    Decision, Delay, Machine, Means, OpenConnection, State, Writing,
    loss::{End, Loss},
    output::Drain,
    stall::Stall,
};
use crate::time::Timestamp;

/// Inputs of the connection and the attempt.
impl Machine {
    /// The session begins.
    pub(crate) fn handle_start(&mut self, now: Timestamp) {
        let now = self.observe(now);
        if matches!(self.state, State::Idle) {
            self.pacing.go_down(now);
            self.wait(Some(now), self.pacing.next());
        }
    }

    /// The scheduled attempt begins at this time, not earlier and not later. `None` is not known, or
    /// never: the session ends when the limit of the outage is over.
    pub(crate) fn handle_postponed(&mut self, now: Timestamp, until: Option<Timestamp>) {
        self.observe(now);
        if let State::Waiting { number, .. } = self.state {
            match until {
                Some(_) => self.wait(until, number),
                None => self.state = State::Waiting { until, number },
            }
        }
    }

    /// The attempt succeeded. `means`: the kind of probe that it can send. The connection is
    /// replaced after `max_age`.
    pub(crate) fn handle_connected(
        &mut self,
        now: Timestamp,
        connection: u64,
        means: Means,
        max_age: Option<Duration>,
    ) {
        let now = self.observe(now);
        if self.is_current(connection) && matches!(self.state, State::Connecting { .. }) {
            let outage = self.pacing.open(now);
            self.pending().open = Some(outage);
            self.state = State::Open(OpenConnection::new(now, &self.rules, means, max_age));
        }
    }

    /// The attempt failed, or the peer ended the connection. The driver has dropped it.
    pub(crate) fn handle_ended(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        if self.is_current(connection) {
            self.note_ending(now);
            self.lose(now, Loss::Reported);
        }
    }

    /// The driver had to give the connection up, for example because the peer violated the
    /// protocol. It has dropped the connection.
    pub(crate) fn handle_given_up(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        if self.is_current(connection) {
            self.endings = None;
            self.lose(now, Loss::Reported);
        }
    }

    /// The peer's close frame arrived. The connection may write its reply, and is not read any
    /// more.
    pub(crate) fn handle_peer_closed(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        if self.is_current(connection) && self.may_write() {
            self.note_ending(now);
            self.pending().drain = Some(Drain::Begin);
            self.drain_deadline = now.checked_add(self.rules.close_timeout);
            self.lose(now, Loss::Reported);
        }
    }

    /// The draining connection has ended.
    pub(crate) fn handle_drained(&mut self) {
        self.drain_deadline = None;
    }

    /// A frame was heard. `life`: it counts as proof of life.
    pub(crate) fn handle_frame(&mut self, now: Timestamp, connection: u64, life: bool) {
        let now = self.observe(now);
        let heartbeat = self.rules.heartbeat;
        if life {
            self.learn_from_life(connection);
        }
        if let Some(open) = self.current_mut(connection) {
            open.last_move = now;
            open.end_silence(now);
            if let Some(stall) = open.stall_mut() {
                stall.heard();
            }
            if life {
                open.last_life = now;
                open.beat.heard_life(heartbeat, now);
            }
        }
    }

    /// The probe is written. The wait for its answer begins, for at most `longest`.
    pub(crate) fn handle_probe_written(
        &mut self,
        now: Timestamp,
        connection: u64,
        longest: Option<Duration>,
    ) {
        let now = self.observe(now);
        let (heartbeat, full) = (self.rules.heartbeat, self.intake.is_full());
        if let Some(open) = self.current_mut(connection) {
            open.proof_due = None;
            open.beat.written(heartbeat, now, longest);
            if full {
                open.beat.doubt();
            }
        }
    }

    /// Messages were handed to the connection and are not yet flushed.
    pub(crate) fn handle_handed(&mut self, connection: u64) {
        if let Some(open) = self.current_mut(connection)
            && open.writing == Writing::Clear
        {
            open.writing = Writing::Handed;
        }
    }

    /// The connection accepts no more bytes at present.
    pub(crate) fn handle_write_blocked(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        let full = self.intake.is_full();
        if let Some(open) = self.current_mut(connection)
            && open.stall_mut().is_none()
        {
            open.writing = Writing::Blocked(Stall::new(now, full));
        }
    }

    /// Bytes were accepted. They prove that the peer accepts bytes only if the write was blocked:
    /// before that, the buffer of the kernel accepts bytes even on a dead connection.
    pub(crate) fn handle_write_progress(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        if let Some(open) = self.current_mut(connection)
            && let Some(stall) = open.stall_mut()
        {
            stall.accepted(now);
            open.last_move = now;
            open.beat.moved(now);
        }
    }

    /// Before a verdict, the driver found that the peer's system has acknowledged bytes since the
    /// last look. `before_probe`: the bytes are part of the current probe, or before it.
    pub(crate) fn handle_acknowledged(
        &mut self,
        now: Timestamp,
        connection: u64,
        before_probe: bool,
    ) {
        let now = self.observe(now);
        if let Some(open) = self.current_mut(connection) {
            if let Some(stall) = open.stall_mut() {
                stall.left(now);
            }
            if before_probe {
                open.last_move = now;
                open.beat.moved(now);
            }
        }
    }

    /// All messages that were handed over are flushed.
    pub(crate) fn handle_flushed(&mut self, now: Timestamp, connection: u64) {
        self.observe(now);
        if let Some(open) = self.current_mut(connection) {
            open.writing = Writing::Clear;
        }
    }

    /// Messages are written. `by_ping`: the answer to a ping proves that the peer has read them.
    pub(crate) fn handle_written(&mut self, now: Timestamp, connection: u64, by_ping: bool) {
        let now = self.observe(now);
        let heartbeat = self.rules.heartbeat;
        if let Some(open) = self.current_mut(connection) {
            open.end_silence(now);
            if by_ping {
                open.want_proof(now, heartbeat);
            }
        }
    }

    /// The decision on the lost connection.
    pub(crate) fn handle_decision(&mut self, now: Timestamp, decision: Decision) {
        let now = self.observe(now);
        let State::Deciding { delay, number } = self.state else { return };
        let refused = self.pacing.refuses(number, &self.rules.pace);
        let delay = match (decision, refused) {
            (Decision::Stop, _) => return self.end(End::Stopped),
            (Decision::Panicked, _) => return self.end(End::Panicked),
            (_, Some(end)) => return self.end(end),
            (Decision::NoDelayLeft, None) => return self.end(End::BackoffEnded),
            (Decision::Retry(_), None) if delay == Delay::None => Duration::ZERO,
            (Decision::Retry(delay), None) => delay,
        };
        let until = self.pacing.moment(now, delay, &self.rules.pace);
        let delay = until.map_or(delay, |until| until.saturating_since(now));
        self.pending().retry = Some(delay);
        self.wait(until, number);
    }

    /// A function of the user panicked, and the session cannot continue without it.
    pub(crate) fn handle_panicked(&mut self, now: Timestamp) {
        self.observe(now);
        if !self.is_closed() {
            self.end(End::Panicked);
        }
    }
}
