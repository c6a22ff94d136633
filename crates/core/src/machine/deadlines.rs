//! Judges the deadlines that have passed.

use super::{
    Machine, State,
    beat::Due,
    intake::Countdown,
    loss::{End, Loss},
    output::{Drain, Report},
    reached, stall,
};
use crate::time::Timestamp;

impl Machine {
    /// Judges the deadlines that have passed.
    pub(crate) fn handle_deadline(&mut self, now: Timestamp) {
        let now = self.observe(now);
        if reached(self.drain_deadline, now).is_some() {
            self.drain_deadline = None;
            self.pending().drain = Some(Drain::End);
        }
        match &self.state {
            State::Connecting { deadline } if reached(*deadline, now).is_some() => {
                let timeout = self.connect_timeout();
                self.lose(now, Loss::ConnectTimeout(timeout));
            }
            State::Waiting { until, number } if reached(*until, now).is_some() => {
                let number = *number;
                self.dial(now, number);
            }
            State::Waiting { until: None, .. }
                if reached(self.pacing.end_of_outage(&self.rules.pace), now).is_some() =>
            {
                self.end(End::OutageLimit);
            }
            State::Open(_) => self.handle_deadline_while_open(now),
            State::Retiring { close } if reached(close.deadline(), now).is_some() => {
                self.lose(now, Loss::MaxAge);
            }
            State::Closing { deadline } if reached(*deadline, now).is_some() => self.end(End::User),
            _ => {}
        }
    }

    fn handle_deadline_while_open(&mut self, now: Timestamp) {
        let recheck = self.rules.recheck;
        let mut heartbeat = self.rules.heartbeat;
        if let Some(heartbeat) = &mut heartbeat
            && !self.tolerates_misses()
        {
            heartbeat.max_missed = 0;
        }
        let close_timeout = self.rules.close_timeout;
        let State::Open(open) = &mut self.state else { return };
        let full = self.intake.is_full();
        let (last_move, silent) = (open.last_move, now.saturating_since(open.last_life));
        match open.beat.handle_deadline(heartbeat, recheck, now, last_move, full) {
            Due::Nothing => {}
            Due::Probe => self.probe = true,
            Due::Silence => {
                let connection = self.connection;
                self.pending().report = Some(Report::Silent { connection, time: silent });
            }
            Due::Unanswered if self.miss(now) => {
                return self.lose(now, Loss::HeartbeatTimeout(silent));
            }
            Due::Unanswered => {}
            Due::Stalled => {
                return self.lose(now, Loss::WriteStalled(now.saturating_since(last_move)));
            }
        }
        if let State::Open(open) = &mut self.state
            && open.take_proof(now, full, heartbeat)
        {
            self.probe = true;
        }
        let (limit, connection) = (self.rules.write_timeout, self.connection);
        let State::Open(open) = &mut self.state else { return };
        let stall = open.stall_mut().map(|stall| stall.handle_deadline(now, limit, recheck));
        match stall.unwrap_or(stall::Due::Nothing) {
            stall::Due::Nothing => {}
            stall::Due::Report { time, heard } => {
                self.pending().blocked = Some((connection, time, heard));
            }
            stall::Due::Loss { time } => return self.lose(now, Loss::WriteStalled(time)),
        }
        let State::Open(open) = &self.state else { return };
        let retire = open.retire.and_then(|at| open.retire_deadline(at, close_timeout));
        // Not while nothing is read: the messages that the peer has sent are read first.
        if !self.probe && !full && reached(retire, now).is_some() {
            self.pending().close_frame = true;
            let close = Countdown::Running { until: now.checked_add(close_timeout) };
            self.state = State::Retiring { close };
        }
    }
}
