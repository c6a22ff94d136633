//! Events and status: [`Reporter`] makes events of transitions, counts them, and publishes the
//! status.

use std::collections::VecDeque;

use super::probes::Answer;
use crate::{
    config::Failure,
    event::{
        CloseReason, Closed, Connecting, Event, Lost, LostCause, Open, Retry, Silent, Unanswered,
        WriteBlocked,
    },
    machine::{End, Loss, Machine, Transition},
    outbox::{Load, Unsent},
    panics::{UserFunction, UserPanic},
    shared::{Shared, State},
    status::{Phase, RoundTrip, Status},
    sync::Deferred,
    time::Timestamp,
    transport::Established,
};

#[derive(Debug, Default)]
pub(super) struct Reporter {
    /// Events of the last round: only a few, and they are read before the next step.
    events: VecDeque<Event>,
    traffic: Traffic,
    last_loss: Option<Box<LastLoss>>,
    /// A panic of a function of the user, until it is reported.
    panic: Option<Box<UserPanic>>,
    /// The published state of the machine. `None` if another part of the published status has
    /// changed since.
    published: Option<Published>,
    /// Messages written since the server last proved that it has read the earlier ones.
    unproven: u64,
    /// How many of these messages the answer to the current probe will prove as read.
    covered: u64,
    /// Messages that were read after the user's `close` and discarded, since there was no room.
    unread: u64,
    /// The rest of the attempt's result, until the connection is reported as open.
    established: Option<Box<Established<()>>>,
}

/// Why the last connection or attempt was lost.
#[derive(Debug)]
struct LastLoss {
    cause: LostCause,
    /// How many losses in a row were of this kind.
    in_a_row: u32,
    /// A write failed.
    in_writing: bool,
    /// The cause, until it is in the published status.
    unpublished: Option<LostCause>,
}

/// The published part of the machine's state that may change without an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Published {
    phase: Phase,
    next_attempt: Option<Timestamp>,
    write_blocked_since: Option<Timestamp>,
}

impl Published {
    fn of(machine: &Machine) -> Self {
        Self {
            phase: machine.phase(),
            next_attempt: machine.next_attempt(),
            write_blocked_since: machine.write_blocked_since(),
        }
    }
}

/// Counted for each message, and therefore outside of the lock. Everything else is counted in the
/// published status.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    messages_in: u64,
    bytes_in: u64,
    messages_out: u64,
    bytes_out: u64,
}

impl Reporter {
    /// Takes the next event.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_some() && self.events.is_empty() {
            // Releases the memory, since there may be thousands of idle sessions.
            self.events = VecDeque::new();
        }
        event
    }

    /// The event that was made last.
    #[inline]
    pub(super) fn newest(&self) -> Option<&Event> {
        self.events.back()
    }

    /// Returns whether the published status is out of date.
    pub(super) fn is_stale(&self, machine: &Machine) -> bool {
        self.published != Some(Published::of(machine))
    }

    /// A part of the published status has changed.
    pub(super) fn mark_changed(&mut self) {
        self.published = None;
    }

    pub(super) fn last_cause(&self) -> Option<&LostCause> {
        self.last_loss.as_deref().map(|loss| &loss.cause)
    }

    /// The loss for the verdict. `opened`: the connection was open. `attempt`: the number of the
    /// attempt. `refreshed`: the attempt was asked to use fresh credentials. `opens`: the number of
    /// connections that were open.
    pub(super) fn failure(
        &self,
        opened: bool,
        attempt: u32,
        refreshed: bool,
        opens: u64,
    ) -> Failure<'_> {
        let loss = self.last_loss.as_deref().expect(A_LOSS_HAS_A_CAUSE);
        let LastLoss { cause, in_a_row, in_writing, .. } = loss;
        let (in_a_row, in_writing) = (*in_a_row, *in_writing);
        let ever_opened = opens > 0;
        Failure { opened, attempt, refreshed, cause, in_writing, ever_opened, in_a_row }
    }

    /// A function of the user panicked.
    pub(super) fn panicked(&mut self, panic: Box<UserPanic>) {
        self.panic.get_or_insert(panic);
    }
}

/// The driver records the cause before the machine asks for a verdict or reports the loss.
const A_LOSS_HAS_A_CAUSE: &str = "the end of a connection or an attempt is recorded with its cause";

/// Counters.
impl Reporter {
    pub(super) fn count_in(&mut self, bytes: usize) {
        self.mark_changed();
        self.traffic.messages_in += 1;
        self.traffic.bytes_in += bytes as u64;
    }

    /// Removes a message from the count, since the application does not receive it.
    pub(super) fn uncount_in(&mut self, bytes: usize) {
        self.traffic.messages_in -= 1;
        self.traffic.bytes_in -= bytes as u64;
    }

    pub(super) fn count_out(&mut self, load: Load) {
        self.mark_changed();
        self.unproven += load.count as u64;
        self.traffic.messages_out += load.count as u64;
        self.traffic.bytes_out += load.bytes as u64;
    }

    /// Compares the outbox with the published status: handles add and drop messages without the
    /// driver.
    pub(super) fn compare_outbox(&mut self, state: &State) {
        let (outbox, status) = (&state.outbox, &state.published.status);
        let held = Load { count: status.queued_messages, bytes: status.queued_bytes };
        if outbox.held() != held || outbox.counts().dropped != status.counters.dropped {
            self.mark_changed();
        }
    }

    /// A probe is written, behind all messages written so far. Returns the round trips measured so
    /// far.
    pub(super) fn probed(&mut self, shared: &Shared) -> RoundTrip {
        self.mark_changed();
        self.covered = self.unproven;
        shared.with(|state, _| {
            state.outbox.ping_written();
            let status = &mut state.published.status;
            status.counters.probes_sent += 1;
            status.round_trip
        })
    }

    /// A message was read and discarded, since there is no room for it.
    pub(super) fn discarded(&mut self, bytes: usize) {
        self.uncount_in(bytes);
        self.unread += 1;
    }

    /// The heartbeat was answered.
    pub(super) fn answered(&mut self, answer: &Answer, shared: &Shared) {
        shared.with(|state, deferred| {
            if answer.proves_arrival {
                state.outbox.ping_answered(deferred);
            }
            let status = &mut state.published.status;
            status.counters.probes_answered += 1;
            if let Some(time) = answer.time {
                status.round_trip.measured(time);
            }
        });
        if answer.proves_arrival {
            self.unproven -= std::mem::take(&mut self.covered);
        }
    }

    /// The server has read all messages.
    pub(super) fn all_proven(&mut self, shared: &Shared) {
        shared.with(|state, deferred| state.outbox.all_proven(deferred));
        self.unproven = 0;
        self.covered = 0;
    }

    /// A connection is open. The machine reports it later.
    pub(super) fn established(&mut self, established: Established<()>) {
        self.established = Some(Box::new(established));
    }

    /// A connection or an attempt was lost for this cause. The machine reports it later.
    pub(super) fn lost(&mut self, cause: LostCause, in_writing: bool) {
        let in_writing = in_writing && matches!(cause, LostCause::Broken(_));
        let in_a_row = match self.last_loss.as_deref() {
            // A message that is too large to send and a message that is too large to receive are
            // losses of different kinds.
            Some(before)
                if before.cause.is_of_a_kind_with(&cause)
                    && (before.in_writing == in_writing || !cause.is_too_large()) =>
            {
                before.in_a_row.saturating_add(1)
            }
            _ => 1,
        };
        let unpublished = Some(cause.clone());
        self.last_loss = Some(Box::new(LastLoss { cause, in_a_row, in_writing, unpublished }));
    }
}

/// Reports.
impl Reporter {
    /// Makes the event for a transition, and counts it.
    pub(super) fn report(
        &mut self,
        transition: Transition,
        unsent: Unsent,
        status: &mut Status,
        deferred: &mut Deferred<'_>,
    ) {
        let Unsent { fates, discarded, unknown, unproven, unproven_discarded, .. } = unsent;
        let (unsent, unproven_messages) = (Vec::from(fates), unproven);
        let event = match transition {
            Transition::WriteBlocked { connection, time, heard } => {
                Event::WriteBlocked(Box::new(WriteBlocked { connection, time, heard }))
            }
            Transition::Silent { connection, time } => {
                Event::Silent(Box::new(Silent { connection, time }))
            }
            Transition::Unanswered { connection, time } => {
                Event::Unanswered(Box::new(Unanswered { connection, time }))
            }
            Transition::Connecting { connection, attempt } => {
                status.counters.dials += 1;
                Event::Connecting(Connecting { connection, attempt })
            }
            Transition::Open { connection, attempt, outage } => {
                status.counters.opens += 1;
                let outage = (status.counters.opens > 1).then_some(outage);
                status.round_trip = RoundTrip::default();
                let established = self.established.take();
                let Established {
                    connection: (),
                    subprotocol,
                    headers,
                    peer_address,
                    local_address,
                } = *established
                    .expect("the result of the attempt is recorded before it is reported");
                Event::Open(Box::new(Open {
                    connection,
                    attempt,
                    outage,
                    subprotocol,
                    headers,
                    peer_address,
                    local_address,
                }))
            }
            Transition::Lost { connection, opened, loss, cutoff } => {
                let cause = self.cause();
                debug_assert_eq!(loss == Loss::MaxAge, cause == LostCause::MaxAge);
                status.counters.losses.count(&cause);
                if opened {
                    status.cutoff = cutoff.map(Box::new);
                }
                // Only a panic of the verdict does not end the session.
                let verdict = |panic: &mut Box<UserPanic>| panic.function == UserFunction::Verdict;
                let verdict_panic = self.panic.take_if(verdict);
                Event::Lost(Box::new(Lost {
                    connection,
                    opened,
                    cause,
                    unsent,
                    unproven: self.take_unproven(),
                    unproven_messages,
                    unproven_discarded,
                    unknown,
                    discarded,
                    ever_answered: status.counters.probes_answered > 0,
                    cutoff: cutoff.map(Box::new),
                    verdict_panic,
                    skipped_cycles: 0,
                }))
            }
            Transition::Retry { attempt, delay } => {
                Event::Retry(Box::new(Retry { attempt, delay, cause: self.cause() }))
            }
            Transition::Closed(end) => {
                let reason = match end {
                    End::User => CloseReason::User,
                    End::Aborted => CloseReason::Aborted,
                    End::AttemptsExhausted => CloseReason::AttemptsExhausted(self.cause()),
                    End::BackoffEnded => CloseReason::BackoffEnded(self.cause()),
                    End::Stopped => CloseReason::Stopped(self.cause()),
                    End::FlapLimit => CloseReason::FlapLimit(self.cause()),
                    End::OutageLimit => CloseReason::OutageLimit(self.last_cause().cloned()),
                    End::Panicked => {
                        let panic = self.panic.take();
                        CloseReason::Panicked(
                            *panic.expect("a panic is recorded before it ends a session"),
                        )
                    }
                };
                deferred.drop_later(status.close_reason.replace(reason.clone()));
                Event::Closed(Box::new(Closed {
                    reason,
                    unsent,
                    unproven: self.take_unproven(),
                    unproven_messages,
                    unproven_discarded,
                    unknown,
                    discarded,
                    unread: self.unread,
                }))
            }
        };
        self.events.push_back(event);
    }

    fn take_unproven(&mut self) -> u64 {
        self.covered = 0;
        std::mem::take(&mut self.unproven)
    }

    fn cause(&self) -> LostCause {
        self.last_cause().cloned().expect(A_LOSS_HAS_A_CAUSE)
    }

    /// Brings the published status up to date.
    pub(super) fn publish(
        &mut self,
        machine: &Machine,
        now: Timestamp,
        state: &mut State,
        deferred: &mut Deferred<'_>,
    ) {
        state.outbox.shrink_if_idle();
        let (held, counts) = (state.outbox.held(), state.outbox.counts());
        let status = &mut state.published.status;
        let published = Published::of(machine);
        self.published = Some(published);
        if status.phase != published.phase {
            status.since = now;
        }
        status.phase = published.phase;
        status.as_of = now;
        status.connection = machine.connection();
        status.attempt = machine.attempt();
        status.next_attempt_at = published.next_attempt;
        status.write_blocked_since = published.write_blocked_since;
        status.last_life = machine.last_life();
        status.probe_since = machine.probe_since();
        status.queued_messages = held.count;
        status.queued_bytes = held.bytes;
        let Traffic { messages_in, bytes_in, messages_out, bytes_out } = self.traffic;
        let counters = &mut status.counters;
        counters.messages_in = messages_in;
        counters.bytes_in = bytes_in;
        counters.messages_out = messages_out;
        counters.bytes_out = bytes_out;
        counters.dropped = counts.dropped;
        counters.unknown = counts.unknown;
        if let Some(loss) = &mut self.last_loss
            && let Some(cause) = loss.unpublished.take()
        {
            deferred.drop_later(status.last_cause.replace(cause));
        }
    }
}

/// The cause of a loss that the machine has decided. `None` for a loss that is not reported, or
/// whose cause the driver has recorded.
pub(super) fn reported_cause(loss: Loss) -> Option<LostCause> {
    match loss {
        Loss::ConnectTimeout(timeout) => Some(LostCause::ConnectTimeout(timeout)),
        Loss::HeartbeatTimeout(time) => Some(LostCause::HeartbeatTimeout(time)),
        Loss::WriteStalled(time) => Some(LostCause::WriteStalled(time)),
        Loss::Replaced => Some(LostCause::Replaced),
        Loss::MaxAge => Some(LostCause::MaxAge),
        Loss::Paused => Some(LostCause::Paused),
        Loss::Reported | Loss::Ended => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, TransportError};

    #[test]
    fn losses_in_reading_and_in_writing_differ_only_for_a_size_limit() {
        let in_a_row = |kind, second_in_writing| {
            let mut reporter = Reporter::default();
            for in_writing in [true, second_in_writing] {
                let cause = LostCause::Broken(TransportError::new(kind, "broken"));
                reporter.lost(cause, in_writing);
            }
            reporter.failure(true, 1, false, 1).in_a_row
        };
        for (kind, in_writing, expected) in [
            (ErrorKind::TooLarge, true, 2),
            (ErrorKind::TooLarge, false, 1),
            (ErrorKind::Reset, true, 2),
            (ErrorKind::Reset, false, 2),
        ] {
            assert_eq!(in_a_row(kind, in_writing), expected, "{kind:?}, {in_writing}");
        }
    }
}
