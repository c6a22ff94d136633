//! The desk: turns transitions into events, keeps the counts, publishes the status.

use std::{collections::VecDeque, time::Duration};

use crate::{
    CloseReason, Closed, Connecting, Counters, Event, Failure, Headers, Lost, LostCause, Message,
    Open, Phase, Retry, RoundTrip, Text, Timestamp,
    machine::{End, Load, Loss, Machine, Transition},
    queue::{Queue, Unsent},
    shared::Shared,
};

#[derive(Debug)]
pub(super) struct Desk {
    /// Events of the last round: a handful at most, read before anything else happens.
    events: VecDeque<Event>,
    counters: Counters,
    round_trip: RoundTrip,
    /// Why the last connection was lost.
    cause: Option<LostCause>,
    close_reason: Option<CloseReason>,
    /// What was published differs from what is.
    stale: bool,
    /// As published.
    phase: Phase,
    /// As published.
    held: Load,
    /// Messages written since the last proof that the server read what was written before it.
    unproven: u64,
    /// How many of these an answer to the probe that is out will prove read.
    covered: u64,
    ever_answered: bool,
    /// What came with the connection that is about to be told as open.
    established: Option<(Option<Text>, Headers)>,
    opened: bool,
    /// The number of the last attempt.
    attempt: u32,
    /// When the oldest message in the outbox expires.
    pub(super) queue_expiry: Option<Timestamp>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            events: VecDeque::new(),
            counters: Counters::default(),
            round_trip: RoundTrip::default(),
            cause: None,
            close_reason: None,
            stale: false,
            phase: Phase::Idle,
            held: Load::default(),
            unproven: 0,
            covered: 0,
            ever_answered: false,
            established: None,
            opened: false,
            attempt: 0,
            queue_expiry: None,
        }
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_some() && self.events.is_empty() {
            // Thousands of idle sessions need not keep the room for their last news.
            self.events = VecDeque::new();
        }
        event
    }

    /// Whether what was published no longer holds. Not every change of phase is an event.
    pub(super) fn is_stale(&self, machine: &Machine) -> bool {
        self.stale || self.phase != machine.phase()
    }

    pub(super) fn last_cause(&self) -> Option<&LostCause> {
        self.cause.as_ref()
    }

    pub(super) fn round_trip(&self) -> RoundTrip {
        self.round_trip
    }

    /// The loss to judge; `refreshed`: the attempt had been told to use fresh credentials.
    pub(super) fn failure(&self, refreshed: bool) -> Option<Failure<'_>> {
        let (opened, attempt) = (self.opened, self.attempt);
        self.last_cause().map(|cause| Failure { opened, attempt, refreshed, cause })
    }
}

/// Counting.
impl Desk {
    pub(super) fn count_in(&mut self, message: &Message) {
        self.stale = true;
        self.counters.messages_in += 1;
        self.counters.bytes_in += message.len() as u64;
    }

    pub(super) fn count_out(&mut self, load: Load) {
        self.stale = true;
        self.unproven += load.count as u64;
        self.counters.messages_out += load.count as u64;
        self.counters.bytes_out += load.bytes as u64;
    }

    /// Handles fill the outbox, and drop from it, without the driver.
    pub(super) fn look_at(&mut self, queue: &Queue) {
        self.queue_expiry = queue.expiry();
        self.stale |= queue.held() != self.held || queue.counts().dropped != self.counters.dropped;
    }

    pub(super) fn dialled(&mut self, attempt: u32) {
        self.attempt = attempt;
        self.counters.dials += 1;
        self.opened = false;
    }

    /// A probe is about to be flushed, behind all that was written so far.
    pub(super) fn probing(&mut self) {
        self.covered = self.unproven;
    }

    /// The probe is written.
    pub(super) fn probed(&mut self) {
        self.stale = true;
        self.counters.probes += 1;
    }

    /// A frame was heard.
    pub(super) fn heard(&mut self) {
        self.stale = true;
    }

    /// The heartbeat was answered, after this time if that is known.
    pub(super) fn answered(&mut self, time: Option<Duration>) {
        self.ever_answered = true;
        self.counters.heartbeats += 1;
        if let Some(time) = time {
            self.round_trip.measured(time);
        }
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
    pub(super) fn established(&mut self, subprotocol: Option<Text>, headers: Headers) {
        self.established = Some((subprotocol, headers));
    }

    /// A connection or an attempt was lost for this cause; the event that says so comes from the
    /// machine.
    pub(super) fn lost(&mut self, cause: LostCause) {
        self.cause = Some(cause);
    }
}

/// Telling.
impl Desk {
    pub(super) fn tell(&mut self, transition: Transition, unsent: Unsent) {
        let Unsent { fates: unsent, discarded, unknown } = unsent;
        self.stale = true;
        let event = match transition {
            Transition::Connecting { connection, attempt } => {
                Event::Connecting(Connecting { connection, attempt })
            }
            Transition::Open { connection, attempt, outage } => {
                self.opened = true;
                self.round_trip = RoundTrip::default();
                self.counters.opens += 1;
                let outage = (self.counters.opens > 1).then_some(outage);
                let (subprotocol, headers) = self.established.take().unwrap_or_default();
                Event::Open(Box::new(Open { connection, attempt, outage, subprotocol, headers }))
            }
            Transition::Lost { connection, opened, loss } => {
                // The driver saw the peer's reply to our close; the machine knows what it was for.
                if loss == Loss::MaxAge {
                    self.lost(LostCause::MaxAge);
                }
                let cause = self.cause();
                self.counters.losses.count(&cause);
                Event::Lost(Box::new(Lost {
                    connection,
                    opened,
                    cause,
                    unsent,
                    unproven: self.take_unproven(),
                    unknown,
                    discarded,
                    ever_answered: self.ever_answered,
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
                    End::OutageLimit => CloseReason::OutageLimit(self.cause()),
                };
                self.close_reason = Some(reason.clone());
                Event::Closed(Box::new(Closed {
                    reason,
                    unsent,
                    unproven: self.take_unproven(),
                    unknown,
                    discarded,
                }))
            }
        };
        self.events.push_back(event);
    }

    fn take_unproven(&mut self) -> u64 {
        self.covered = 0;
        std::mem::take(&mut self.unproven)
    }

    /// The session ended without anybody left to tell but the status.
    pub(super) fn dropped(&mut self) {
        self.close_reason = Some(CloseReason::Dropped);
    }

    fn cause(&self) -> LostCause {
        self.cause.clone().unwrap_or(LostCause::Replaced)
    }

    pub(super) fn publish(&mut self, machine: &Machine, now: Timestamp, shared: &Shared) {
        self.stale = false;
        let (held, counts) = {
            let mut state = shared.lock();
            state.queue.rest();
            (state.queue.held(), state.queue.counts())
        };
        let phase = machine.phase();
        let begun = std::mem::replace(&mut self.phase, phase) != phase;
        self.held = held;
        self.counters.dropped = counts.dropped;
        self.counters.unknown = counts.unknown;
        shared.publish(|status| {
            if begun {
                status.since = now;
            }
            status.phase = phase;
            status.as_of = now;
            status.connection = machine.connection();
            status.attempt = machine.attempt();
            status.next_attempt_at = machine.next_attempt();
            status.last_life = machine.last_life();
            status.probe_since = machine.probe_since();
            status.round_trip = self.round_trip;
            status.counters = self.counters;
            status.queued_messages = held.count;
            status.queued_bytes = held.bytes;
            if status.last_cause != self.cause {
                status.last_cause.clone_from(&self.cause);
            }
            if self.close_reason.is_some() {
                status.close_reason = self.close_reason.take();
            }
        });
    }
}
