//! The deadlines, and the other work that is done when the engine parks and every 256 frames.

use std::task::Context;

use super::{Engine, Step, write::Until};
use crate::{
    event::LostCause, supervisor::byte_counts::Acknowledged, time::Timer, transport::Transport,
};

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Reads the clock, writes, judges the deadlines that have passed, and carries out the
    /// machine's actions.
    #[inline(never)]
    pub(super) fn attend(&mut self, cx: &mut Context<'_>) -> Step {
        let life = self.observe();
        // Only the first call has an effect.
        self.machine.handle_start(self.clock.now());
        let mut step = self.write(cx, Until::Flushed);
        self.end_by_panic();
        step = step.max(self.report_connection_panic());
        if let Some(error) = self.link.failure().cloned() {
            if !self.may_judge(life) {
                return Step::Moved;
            }
            self.lose_link(LostCause::Broken(error));
            step = Step::Moved;
        }
        self.drain(cx);
        if self.inbound.readable.is_quiet() {
            self.machine.handle_caught_up(self.clock.now(), self.machine.connection());
        }
        self.ask_budget();
        if self.machine.poll_deadline().is_some_and(|at| at <= self.clock.now()) {
            if self.machine.verdict_is_due(self.clock.now()) && !self.may_judge(life) {
                return Step::Moved;
            }
            step = step.max(self.judge_deadlines());
        }
        self.inbound.readable.relax();
        step.max(self.carry_out(cx)).max(self.write_control(cx))
    }

    /// Returns whether a due verdict may be given. Otherwise the frames that have arrived are read
    /// first, unless there is no room for them.
    fn may_judge(&mut self, life: bool) -> bool {
        !self.machine.may_read() || self.inbound.is_read_for_verdict(life)
    }

    /// Lets the machine judge the deadlines, with all present knowledge.
    fn judge_deadlines(&mut self) -> Step {
        self.note_bytes_read();
        self.note_acknowledged();
        let panicked = self.report_connection_panic();
        self.machine.handle_deadline(self.clock.now());
        panicked
    }

    /// Counts partially received messages as proof of life before a verdict is given.
    fn note_bytes_read(&mut self) {
        if !self.probes.all_is_life() || self.machine.probe_since().is_none() {
            return;
        }
        if let Some(open) = self.link.open()
            && open.counts.has_read(&mut open.connection)
        {
            self.machine.handle_frame(self.clock.now(), self.machine.connection(), true);
        }
    }

    /// Reports the bytes that the peer has acknowledged, before a verdict is given.
    fn note_acknowledged(&mut self) {
        let now = self.clock.now();
        if !self.machine.verdict_is_due(now) {
            return;
        }
        let Some(open) = self.link.open() else { return };
        let before_probe = match open.counts.look(&mut open.connection) {
            Acknowledged::Nothing => return,
            Acknowledged::BehindProbe => false,
            Acknowledged::BeforeProbe => true,
        };
        self.machine.handle_acknowledged(now, self.machine.connection(), before_probe);
    }

    /// Asks the shared budget for an attempt that is due or waits in its queue.
    fn ask_budget(&mut self) {
        let now = self.clock.now();
        let due = self.machine.next_attempt().is_some_and(|at| at <= now);
        if self.machine.is_waiting() && (due || self.redial.is_queued()) {
            let at = self.redial.ask(now, &self.sleep.waker);
            self.machine.handle_postponed(now, at);
        }
    }

    /// Writes a probe or a close frame in the round in which it was found due.
    fn write_control(&mut self, cx: &mut Context<'_>) -> Step {
        if !self.link.open().is_some_and(|open| open.can_send_control()) {
            return Step::Still;
        }
        let step = self.write(cx, Until::Flushed);
        if self.probes.has_panicked() {
            self.end_by_panic();
            self.carry_out(cx);
            return Step::Moved;
        }
        step
    }
}
