//! Snapshots of a session: [`Status`] and its parts.

use std::{fmt, time::Duration};

use crate::{
    event::{CloseReason, Cutoff, LostCause},
    time::Timestamp,
};

/// A snapshot of a session, taken at the time [`as_of`](Self::as_of).
///
/// The supervisor publishes it at each change of state and when it has nothing more to do, not for
/// each message. Read it with [`Handle::status`](crate::Handle::status), or wait for changes with
/// [`Handle::status_changes`](crate::Handle::status_changes).
///
/// # Examples
///
/// Nothing is published while only time passes, so the time until now needs the session's clock:
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Handle, Phase, Timer};
///
/// /// The timer is a clone of that of the session.
/// fn is_healthy(handle: &Handle, timer: &impl Timer) -> bool {
///     let status = handle.status();
///     let waits = status.probe_since.map(|since| timer.now().saturating_since(since));
///     status.phase == Phase::Open && waits.unwrap_or_default() < Duration::from_secs(5)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// When this snapshot was taken, on the clock of the supervisor's timer.
    pub as_of: Timestamp,
    /// The state of the session.
    pub phase: Phase,
    /// When the session entered this phase.
    pub since: Timestamp,
    /// The number of the current connection, or of the last one attempted. 0 before the first
    /// attempt.
    pub connection: u64,
    /// The number of the current attempt, of the next attempt, or of the attempt that opened the
    /// current connection; see [`Connecting::attempt`](crate::Connecting::attempt).
    pub attempt: u32,
    /// When the next attempt begins, in [`Phase::Waiting`]: the time known now, from backoff,
    /// minimum gap and shared budget. In this phase `None` means never, or not known: with
    /// [`DialBudget::granted`](crate::DialBudget::granted), until the attempt is granted.
    pub next_attempt_at: Option<Timestamp>,
    /// When proof of life last arrived, while a connection is open.
    pub last_life: Option<Timestamp>,
    /// When the probe was written that has not been answered yet.
    pub probe_since: Option<Timestamp>,
    /// Since when the server has accepted no byte although there is something to write. It is set
    /// with [`Event::WriteBlocked`](crate::Event::WriteBlocked), until a byte is accepted. `None`
    /// while the supervisor does not read because the application takes no events: the server is not
    /// judged in that time.
    pub write_blocked_since: Option<Timestamp>,
    /// Round-trip times of the current connection.
    pub round_trip: RoundTrip,
    /// Counts since the session began.
    pub counters: Counters,
    /// The number of messages in the outbox. They have no fate yet.
    pub queued_messages: usize,
    /// The bytes of payload in the outbox.
    pub queued_bytes: usize,
    /// Why the last connection was lost, or the last attempt failed.
    pub last_cause: Option<LostCause>,
    /// The limit at which the peer ends connections, if the last losses show one, see
    /// [`Lost::cutoff`](crate::Lost::cutoff).
    pub cutoff: Option<Box<Cutoff>>,
    /// Why the session ended, in [`Phase::Closed`].
    pub close_reason: Option<CloseReason>,
}

impl Status {
    /// Returns the time from the last proof of life until `as_of`. `None` without an open
    /// connection.
    pub fn silent_for(&self) -> Option<Duration> {
        self.last_life.map(|at| self.as_of.saturating_since(at))
    }

    /// Returns how long a probe has waited for its answer, until `as_of`. `None` if no probe waits.
    /// A long wait until now is the sign of a connection that is degraded but not lost yet: compare
    /// [`probe_since`](Self::probe_since) with the session's clock for that.
    pub fn probe_out_for(&self) -> Option<Duration> {
        self.probe_since.map(|at| self.as_of.saturating_since(at))
    }
}

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The supervisor was built but not polled yet.
    #[default]
    Idle,
    /// An attempt to connect is in progress.
    Connecting,
    /// A connection is open.
    Open,
    /// The next attempt is scheduled.
    Waiting,
    /// The session is [paused](crate::Handle::pause).
    Paused,
    /// A connection is being closed gracefully: at the end of the session, or at its maximum age.
    Closing,
    /// The session has ended.
    Closed,
}

impl Phase {
    /// Returns the name of the phase in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Round-trip times of the current connection, measured with answered heartbeats: from a ping to the
/// pong with the same payload, or from a heartbeat message to its reply.
///
/// The smoothed time and the variation are computed as in RFC 6298 section 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// The last round trip.
    pub last: Option<Duration>,
    /// The smoothed round-trip time.
    pub smoothed: Option<Duration>,
    /// The smoothed variation.
    pub variation: Option<Duration>,
    /// The shortest round trip.
    pub minimum: Option<Duration>,
}

impl RoundTrip {
    /// Adds a measurement.
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

    /// Returns the adaptive timeout before it is clamped: the smoothed time plus eight variations.
    /// TCP uses four (RFC 6298). Here a timeout that is too short replaces a healthy connection, so
    /// the margin is twice as large.
    pub(crate) fn adaptive_timeout(&self) -> Option<Duration> {
        let (smoothed, variation) = (self.smoothed?, self.variation?);
        Some(smoothed.saturating_add(variation.saturating_mul(8)))
    }
}

/// Counts since the session began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Attempts begun, that is, calls of the transport. Scheduled attempts are not included.
    pub dials: u64,
    /// Connections opened.
    pub opens: u64,
    /// Connections lost and attempts failed, by cause: one for each
    /// [`Event::Lost`](crate::Event::Lost), including events that were folded into a later one. A
    /// connection or attempt that ended with the session is not included.
    pub losses: Losses,
    /// Messages received for the application. Messages that the inbox dropped later are included.
    /// Replies that [`Heartbeat::hide_replies`](crate::Heartbeat::hide_replies) hides, and messages
    /// that were [discarded unread](crate::Closed::unread) after `close`, are not included.
    pub messages_in: u64,
    /// Bytes of payload of `messages_in`.
    pub bytes_in: u64,
    /// Messages written: queued messages and replays. Heartbeats are not included.
    pub messages_out: u64,
    /// Bytes of payload of `messages_out`.
    pub bytes_out: u64,
    /// Messages dropped: [`Fate::Dropped`](crate::Fate::Dropped).
    pub dropped: u64,
    /// Messages whose fate is unknown: [`Fate::Unknown`](crate::Fate::Unknown).
    pub unknown: u64,
    /// Heartbeats written.
    pub probes_sent: u64,
    /// Heartbeats answered. At most one answer is counted for each heartbeat.
    pub probes_answered: u64,
}

impl Counters {
    /// The name and the value of each counter, in the order of the fields, without
    /// [`losses`](Self::losses), which has an [`iter`](Losses::iter) of its own.
    ///
    /// The names are those of the fields. Later versions may add counters.
    ///
    /// ```
    /// # use websocket_heartbeat::status::Counters;
    /// let counters = Counters::default();
    /// let opens = counters.iter().find(|(name, _)| *name == "opens");
    /// assert_eq!(opens, Some(("opens", 0)));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("dials", self.dials),
            ("opens", self.opens),
            ("messages_in", self.messages_in),
            ("bytes_in", self.bytes_in),
            ("messages_out", self.messages_out),
            ("bytes_out", self.bytes_out),
            ("dropped", self.dropped),
            ("unknown", self.unknown),
            ("probes_sent", self.probes_sent),
            ("probes_answered", self.probes_answered),
        ]
        .into_iter()
    }
}

/// Counts of losses by cause, see [`LostCause`].
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

    /// The name and the value of each counter, in the order of the fields.
    ///
    /// The names are those of the fields. Later versions may add counters.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("connect", self.connect),
            ("connect_timeout", self.connect_timeout),
            ("heartbeat_timeout", self.heartbeat_timeout),
            ("write_stalled", self.write_stalled),
            ("closed_by_peer", self.closed_by_peer),
            ("broken", self.broken),
            ("intentional", self.intentional),
        ]
        .into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_smoothed_as_in_rfc_6298() {
        let ms = Duration::from_millis;
        let mut round_trip = RoundTrip::default();
        round_trip.measured(ms(80));
        assert_eq!((round_trip.smoothed, round_trip.variation), (Some(ms(80)), Some(ms(40))));
        round_trip.measured(ms(160));
        assert_eq!((round_trip.smoothed, round_trip.variation), (Some(ms(90)), Some(ms(50))));
        assert_eq!((round_trip.last, round_trip.minimum), (Some(ms(160)), Some(ms(80))));
        assert_eq!(round_trip.adaptive_timeout(), Some(ms(490)));
    }

    #[test]
    fn every_counter_is_listed_with_its_own_value() {
        let losses = Losses {
            connect: 1,
            connect_timeout: 2,
            heartbeat_timeout: 3,
            write_stalled: 4,
            closed_by_peer: 5,
            broken: 6,
            intentional: 7,
        };
        let values: Vec<u64> = losses.iter().map(|(_, count)| count).collect();
        assert_eq!(values, [1, 2, 3, 4, 5, 6, 7]);
        let counters = Counters {
            dials: 1,
            opens: 2,
            losses,
            messages_in: 3,
            bytes_in: 4,
            messages_out: 5,
            bytes_out: 6,
            dropped: 7,
            unknown: 8,
            probes_sent: 9,
            probes_answered: 10,
        };
        let values: Vec<u64> = counters.iter().map(|(_, count)| count).collect();
        assert_eq!(values, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let listed = counters.iter().count() + losses.iter().count();
        assert_eq!(
            listed * size_of::<u64>(),
            size_of::<Counters>(),
            "a new counter is listed, too"
        );
    }

    #[test]
    fn the_sum_of_all_losses_counts_each_cause() {
        let mut losses = Losses::default();
        losses.count(&LostCause::Paused);
        losses.count(&LostCause::MaxAge);
        losses.count(&LostCause::ClosedByPeer(None));
        assert_eq!(losses.iter().map(|(_, count)| count).sum::<u64>(), 3);
    }
}
