//! A snapshot of the session: [`Status`].

use std::time::Duration;

use crate::{
    event::{CloseReason, LostCause},
    time::Timestamp,
};

/// Where the session stands, as of the moment in [`as_of`](Self::as_of).
///
/// It is published when the supervisor parks and on transitions, never per message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// When this was true, by the supervisor's timer.
    pub as_of: Timestamp,
    /// The state.
    pub phase: Phase,
    /// Since when the session is in this phase.
    pub since: Timestamp,
    /// The number of the connection that there is, or was last attempted; 0 before the first.
    pub connection: u64,
    /// The number of the attempt under way or to come, or of the one that made the connection.
    pub attempt: u32,
    /// When the next attempt begins, in [`Phase::Waiting`]: as far as is known now, with backoff,
    /// minimum gap and shared budget. `None` there is never.
    pub next_attempt_at: Option<Timestamp>,
    /// When proof of life was last heard, while a connection is open.
    pub last_life: Option<Timestamp>,
    /// Since when a written probe waits for its answer.
    pub probe_since: Option<Timestamp>,
    /// Since when the server has taken no byte of what is to be written, once
    /// [`Event::WriteBlocked`](crate::Event::WriteBlocked) has said so and until a byte is accepted.
    /// `None` while nothing is read because nobody takes what has come: nothing is judged then.
    pub write_blocked_since: Option<Timestamp>,
    /// Measured round trips of the connection.
    pub round_trip: RoundTrip,
    /// Counts since the session began.
    pub counters: Counters,
    /// Messages in the outbox, without a fate.
    pub queued_messages: usize,
    /// Bytes in the outbox.
    pub queued_bytes: usize,
    /// Why the last connection was lost.
    pub last_cause: Option<LostCause>,
    /// Why the session ended, in [`Phase::Closed`].
    pub close_reason: Option<CloseReason>,
}

impl Status {
    /// For how long nothing was heard that proves life, as of `as_of`.
    pub fn silent_for(&self) -> Option<Duration> {
        self.last_life.map(|at| self.as_of.saturating_since(at))
    }

    /// For how long a probe has waited for its answer, as of `as_of`: the sign of a line that is
    /// degraded but not given up.
    pub fn probe_out_for(&self) -> Option<Duration> {
        self.probe_since.map(|at| self.as_of.saturating_since(at))
    }
}

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Built, never polled.
    #[default]
    Idle,
    /// An attempt is under way.
    Connecting,
    /// A connection is open.
    Open,
    /// The next attempt is scheduled.
    Waiting,
    /// Paused by the user.
    Paused,
    /// A connection is being closed gracefully.
    Closing,
    /// The session has ended.
    Closed,
}

/// Round-trip times of answered heartbeats on the present connection: for pings from the probe to
/// the pong with its payload, for heartbeats by message to the reply.
///
/// Smoothed time and variation as in RFC 6298 section 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// The last one.
    pub last: Option<Duration>,
    /// The smoothed time.
    pub smoothed: Option<Duration>,
    /// The smoothed variation.
    pub variation: Option<Duration>,
    /// The shortest one.
    pub minimum: Option<Duration>,
}

impl RoundTrip {
    pub(crate) fn measured(&mut self, time: Duration) {
        let (smoothed, variation) = match (self.smoothed, self.variation) {
            (Some(smoothed), Some(variation)) => {
                (smoothed / 8 * 7 + time / 8, variation / 4 * 3 + smoothed.abs_diff(time) / 4)
            }
            _ => (time, time / 2),
        };
        *self = Self {
            last: Some(time),
            smoothed: Some(smoothed),
            variation: Some(variation),
            minimum: Some(self.minimum.map_or(time, |minimum| minimum.min(time))),
        };
    }

    /// The adaptive timeout before it is clamped: time plus eight variations.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let (smoothed, variation) = (self.smoothed?, self.variation?);
        Some(smoothed.saturating_add(variation.saturating_mul(8)))
    }
}

/// Counts since the session began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Attempts begun: calls of the transport. What is only scheduled is not among them.
    pub dials: u64,
    /// Connections opened.
    pub opens: u64,
    /// Connections and attempts lost, by cause: one for each [`Event::Lost`](crate::Event::Lost),
    /// folded or not. What the session's end ended is not among them.
    pub losses: Losses,
    /// Messages given to the application or its inbox. Answers that
    /// [`Heartbeat::hide_replies`](crate::Heartbeat::hide_replies) keeps back are not among them,
    /// nor those that were discarded unread after `close`; those that the inbox dropped later are.
    pub messages_in: u64,
    /// Bytes of these.
    pub bytes_in: u64,
    /// Messages written: those that were queued and those that are replayed after each open, but
    /// no heartbeats.
    pub messages_out: u64,
    /// Bytes of these.
    pub bytes_out: u64,
    /// Messages accepted and dropped: [`Fate::Dropped`](crate::Fate::Dropped).
    pub dropped: u64,
    /// Messages whose fate is unknown: [`Fate::Unknown`](crate::Fate::Unknown).
    pub unknown: u64,
    /// Heartbeats written.
    pub probes_sent: u64,
    /// Heartbeats answered, at most one answer for each.
    pub probes_answered: u64,
}

/// Losses by cause, see [`LostCause`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// [`LostCause::Connect`].
    pub connect: u64,
    /// [`LostCause::ConnectTimeout`].
    pub connect_timeout: u64,
    /// [`LostCause::HeartbeatTimeout`].
    pub heartbeat_timeout: u64,
    /// [`LostCause::WriteStalled`].
    pub write_stalled: u64,
    /// [`LostCause::ClosedByPeer`].
    pub closed_by_peer: u64,
    /// [`LostCause::Broken`].
    pub broken: u64,
    /// [`LostCause::Replaced`], [`LostCause::MaxAge`] and [`LostCause::Paused`].
    pub intentional: u64,
}

impl Losses {
    pub(crate) fn count(&mut self, cause: &LostCause) {
        let counter = match cause {
            LostCause::Connect(_) => &mut self.connect,
            LostCause::ConnectTimeout(_) => &mut self.connect_timeout,
            LostCause::HeartbeatTimeout(_) => &mut self.heartbeat_timeout,
            LostCause::WriteStalled(_) => &mut self.write_stalled,
            LostCause::ClosedByPeer(_) => &mut self.closed_by_peer,
            LostCause::Broken(_) => &mut self.broken,
            LostCause::Replaced | LostCause::MaxAge | LostCause::Paused => &mut self.intentional,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_smoothed_as_rfc_6298_says() {
        let ms = Duration::from_millis;
        let mut round_trip = RoundTrip::default();
        round_trip.measured(ms(80));
        assert_eq!((round_trip.smoothed, round_trip.variation), (Some(ms(80)), Some(ms(40))));
        round_trip.measured(ms(160));
        assert_eq!((round_trip.smoothed, round_trip.variation), (Some(ms(90)), Some(ms(50))));
        assert_eq!((round_trip.last, round_trip.minimum), (Some(ms(160)), Some(ms(80))));
        assert_eq!(round_trip.patience(), Some(ms(490)));
    }
}
