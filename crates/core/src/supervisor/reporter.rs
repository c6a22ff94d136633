//! The desk: turns transitions into events, keeps the counts, publishes the status.

use std::{collections::VecDeque, time::Duration};

use crate::{
    config::Failure,
    event::{CloseReason, Closed, Connecting, Event, Lost, LostCause, Open, Retry, WriteBlocked},
    machine::{End, Loss, Machine, Transition},
    outbox::{Load, Unsent},
    panics::{UserFunction, UserPanic},
    shared::{Shared, State},
    status::{Phase, RoundTrip, Status},
    sync::Garbage,
    time::Timestamp,
    transport::Established,
};

#[derive(Debug)]
pub(super) struct Desk {
    /// Events of the last round: a handful at most, read before anything else happens.
    events: VecDeque<Event>,
    traffic: Traffic,
    /// Why the last connection was lost.
    cause: Option<Box<LostCause>>,
    /// How many losses in a row were of its kind.
    in_a_row: u32,
    /// It was writing that failed.
    in_writing: bool,
    /// A panic of a function of the user's, until it is told.
    panic: Option<Box<UserPanic>>,
    /// What was published differs from what is.
    stale: bool,
    /// As published.
    phase: Phase,
    /// As published.
    next_attempt: Option<Timestamp>,
    /// As published: whether a blocked write is reported.
    write_blocked: bool,
    /// Messages written since the last proof that the server read what was written before it.
    unproven: u64,
    /// How many of these an answer to the probe that is out will prove read.
    covered: u64,
    /// Messages that were read after the user's `close` and had no place to go.
    unread: u64,
    ever_answered: bool,
    /// What came with the connection that is about to be told as open.
    established: Option<Box<Established<()>>>,
    opened: bool,
    /// The number of the last attempt.
    attempt: u32,
    /// When the oldest message in the outbox expires.
    pub(super) queue_expiry: Option<Timestamp>,
}

/// What is counted per message and so not under the lock. All else is counted where it is
/// published.
#[derive(Debug, Default)]
struct Traffic {
    messages_in: u64,
    bytes_in: u64,
    messages_out: u64,
    bytes_out: u64,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            events: VecDeque::new(),
            traffic: Traffic::default(),
            cause: None,
            in_a_row: 0,
            panic: None,
            stale: false,
            phase: Phase::Idle,
            next_attempt: None,
            write_blocked: false,
            in_writing: false,
            unproven: 0,
            covered: 0,
            unread: 0,
            ever_answered: false,
            established: None,
            opened: false,
            attempt: 0,
            queue_expiry: None,
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_some() && self.events.is_empty() {
            // Thousands of idle sessions need not keep the room for their last news.
            self.events = VecDeque::new();
        }
        event
    }

    /// Whether what was published no longer holds. Not every change of phase, or of the moment of
    /// the next attempt, is an event.
    pub(super) fn is_stale(&self, machine: &Machine) -> bool {
        self.stale
            || self.phase != machine.phase()
            || self.next_attempt != machine.next_attempt()
            || self.write_blocked != machine.write_blocked_since().is_some()
    }

    pub(super) fn last_cause(&self) -> Option<&LostCause> {
        self.cause.as_deref()
    }

    /// The loss to judge; `refreshed`: the attempt had been told to use fresh credentials.
    pub(super) fn failure(&self, refreshed: bool) -> Failure<'_> {
        let cause = self.cause.as_deref().expect(A_LOSS_HAS_A_CAUSE);
        let Self { opened, attempt, in_a_row, in_writing, .. } = *self;
        Failure { opened, attempt, refreshed, cause, in_writing, in_a_row }
    }

    /// A function of the user's panicked.
    pub(super) fn panicked(&mut self, panic: Box<UserPanic>) {
        self.panic.get_or_insert(panic);
    }
}

/// The rule that the driver keeps: it says why before the machine asks or tells.
const A_LOSS_HAS_A_CAUSE: &str = "whatever ends a connection or an attempt is noted with its cause";

/// Counting.
impl Desk {
    pub(super) fn count_in(&mut self, bytes: usize) {
        self.stale = true;
        self.traffic.messages_in += 1;
        self.traffic.bytes_in += bytes as u64;
    }

    /// A message that was counted is not given to the application.
    pub(super) fn uncount_in(&mut self, bytes: usize) {
        self.traffic.messages_in -= 1;
        self.traffic.bytes_in -= bytes as u64;
    }

    pub(super) fn count_out(&mut self, load: Load) {
        self.stale = true;
        self.unproven += load.count as u64;
        self.traffic.messages_out += load.count as u64;
        self.traffic.bytes_out += load.bytes as u64;
    }

    /// Handles fill the outbox, and drop from it, without the driver.
    pub(super) fn look_at(&mut self, state: &State) {
        let (queue, status) = (&state.outbox, &state.published.status);
        let held = Load { count: status.queued_messages, bytes: status.queued_bytes };
        self.queue_expiry = queue.expiry();
        self.stale |= queue.held() != held || queue.counts().dropped != status.counters.dropped;
    }

    /// A probe is about to be flushed, behind all that was written so far.
    pub(super) fn probing(&mut self) {
        self.covered = self.unproven;
    }

    /// The probe is written. Gives the round trips measured so far.
    pub(super) fn probed(&mut self, shared: &Shared) -> RoundTrip {
        self.stale = true;
        shared.with(|state, _| {
            let status = &mut state.published.status;
            status.counters.probes_sent += 1;
            status.round_trip
        })
    }

    /// A frame was heard.
    pub(super) fn heard(&mut self) {
        self.stale = true;
    }

    /// A message was read that has no place to go.
    pub(super) fn discarded(&mut self, bytes: usize) {
        self.uncount_in(bytes);
        self.unread += 1;
    }

    /// The heartbeat was answered, after this time if that is known.
    pub(super) fn answered(&mut self, time: Option<Duration>, shared: &Shared) {
        self.ever_answered = true;
        shared.with(|state, _| {
            let status = &mut state.published.status;
            status.counters.probes_answered += 1;
            if let Some(time) = time {
                status.round_trip.measured(time);
            }
        });
    }

    /// The server read the probe, and so all that was written before it.
    pub(super) fn proven(&mut self) {
        self.unproven -= std::mem::take(&mut self.covered);
    }

    /// The server read everything.
    pub(super) fn all_proven(&mut self) {
        self.unproven = 0;
        self.covered = 0;
    }

    /// A connection is up; the event that says so comes from the machine.
    pub(super) fn established(&mut self, established: Established<()>) {
        self.established = Some(Box::new(established));
    }

    /// A connection or an attempt was lost for this cause; the event that says so comes from the
    /// machine.
    pub(super) fn lost(&mut self, cause: LostCause, in_writing: bool) {
        let in_writing = in_writing && matches!(cause, LostCause::Broken(_));
        let before = std::mem::replace(&mut self.in_writing, in_writing);
        let same_side = before == in_writing || !cause.is_too_large();
        let again = same_side
            && self.cause.as_deref().is_some_and(|before| before.is_of_a_kind_with(&cause));
        self.in_a_row = if again { self.in_a_row.saturating_add(1) } else { 1 };
        self.cause = Some(Box::new(cause));
    }
}

/// Telling.
impl Desk {
    /// Makes the event of a transition, and counts it.
    pub(super) fn tell(
        &mut self,
        transition: Transition,
        unsent: Unsent,
        status: &mut Status,
        garbage: &mut Garbage<'_>,
    ) {
        let Unsent { fates: unsent, discarded, unknown } = unsent;
        let counters = &mut status.counters;
        let event = match transition {
            Transition::WriteBlocked { connection, time, heard } => {
                Event::WriteBlocked(Box::new(WriteBlocked { connection, time, heard }))
            }
            Transition::Connecting { connection, attempt } => {
                self.attempt = attempt;
                self.opened = false;
                counters.dials += 1;
                Event::Connecting(Connecting { connection, attempt })
            }
            Transition::Open { connection, attempt, outage } => {
                self.opened = true;
                counters.opens += 1;
                let outage = (counters.opens > 1).then_some(outage);
                status.round_trip = RoundTrip::default();
                let established = self.established.take();
                let Established { subprotocol, headers, .. } =
                    *established.expect("what came with a connection is noted before it is told");
                Event::Open(Box::new(Open { connection, attempt, outage, subprotocol, headers }))
            }
            Transition::Lost { connection, opened, loss } => {
                // The driver saw the peer's reply to our close; the machine knows what it was for.
                if loss == Loss::MaxAge {
                    garbage.drop_later(self.cause.replace(Box::new(LostCause::MaxAge)));
                    self.in_a_row = 1;
                }
                let cause = self.cause();
                counters.losses.count(&cause);
                // The others end the session.
                let verdict = |panic: &mut Box<UserPanic>| panic.function == UserFunction::Verdict;
                let verdict_panic = self.panic.take_if(verdict);
                Event::Lost(Box::new(Lost {
                    connection,
                    opened,
                    cause,
                    unsent,
                    unproven: self.take_unproven(),
                    unknown,
                    discarded,
                    ever_answered: self.ever_answered,
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
                            *panic.expect("a panic is noted before it ends a session"),
                        )
                    }
                };
                garbage.drop_later(status.close_reason.replace(reason.clone()));
                Event::Closed(Box::new(Closed {
                    reason,
                    unsent,
                    unproven: self.take_unproven(),
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

    /// Brings what is published up to date.
    pub(super) fn publish(
        &mut self,
        machine: &Machine,
        now: Timestamp,
        state: &mut State,
        garbage: &mut Garbage<'_>,
    ) {
        self.stale = false;
        state.outbox.rest();
        let (held, counts) = (state.outbox.held(), state.outbox.counts());
        let status = &mut state.published.status;
        let phase = machine.phase();
        if std::mem::replace(&mut self.phase, phase) != phase {
            status.since = now;
        }
        status.phase = phase;
        status.as_of = now;
        status.connection = machine.connection();
        status.attempt = machine.attempt();
        self.next_attempt = machine.next_attempt();
        status.next_attempt_at = self.next_attempt;
        status.write_blocked_since = machine.write_blocked_since();
        self.write_blocked = status.write_blocked_since.is_some();
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
        if status.last_cause.as_ref() != self.cause.as_deref() {
            let cause = self.cause.as_deref().cloned();
            garbage.drop_later(std::mem::replace(&mut status.last_cause, cause));
        }
    }
}
