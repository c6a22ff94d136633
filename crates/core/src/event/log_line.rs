//! `Display` of events: one line for logs, without payloads and secrets.
//!
//! An event writes what it is and the number of its connection. The cause and the reason in it write
//! the rest, so no part repeats another.

use std::fmt;

use super::{Closed, Connecting, Event, Fate, Lost, Open, Retry, Silent, Unanswered, WriteBlocked};
use crate::time::Rounded;

/// One line for logs. A message shows its kind and its length, not its payload.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting(event) => event.fmt(f),
            Self::Open(event) => event.fmt(f),
            Self::Message(message) => {
                write!(f, "received a {} message of {} bytes", message.name(), message.len())
            }
            Self::WriteBlocked(event) => event.fmt(f),
            Self::Silent(event) => event.fmt(f),
            Self::Unanswered(event) => event.fmt(f),
            Self::Lost(event) => event.fmt(f),
            Self::Retry(event) => event.fmt(f),
            Self::Closed(event) => event.fmt(f),
            Self::Lagged(count) => write!(f, "{count} messages dropped unread"),
        }
    }
}

impl fmt::Display for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}: connecting", self.connection)?;
        match self.attempt {
            0 => Ok(()),
            attempt => write!(f, ", attempt {attempt}"),
        }
    }
}

/// Without the subprotocol and the header fields, which can be secrets.
impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}: open", self.connection)?;
        match self.outage {
            None => Ok(()),
            Some(outage) => write!(f, " after an outage of {}", Rounded(outage)),
        }
    }
}

impl fmt::Display for WriteBlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sends = if self.heard { "sends data but " } else { "" };
        let (connection, time) = (self.connection, Rounded(self.time));
        write!(f, "connection {connection}: the server {sends}accepted no byte for {time}")
    }
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}: nothing heard for {}", self.connection, Rounded(self.time))
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connection, time) = (self.connection, Rounded(self.time));
        write!(f, "connection {connection}: heartbeat not answered, nothing heard for {time}, kept")
    }
}

/// The cause, and the counts that are not zero.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = if self.opened { " lost" } else { "" };
        write!(f, "connection {}{lost}: {}", self.connection, self.cause)?;
        let counts = [
            ("unsent", self.unsent.len() as u64),
            ("discarded", self.discarded),
            ("unproven", self.unproven),
            ("skipped cycles", self.skipped_cycles),
        ];
        write_counts(f, &counts)?;
        if let Some(cutoff) = &self.cutoff {
            write!(f, "; {cutoff}")?;
        }
        match &self.verdict_panic {
            None => Ok(()),
            Some(panic) => write!(f, "; {panic}"),
        }
    }
}

/// Without the cause, which the [`Lost`] before it shows.
impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {} in {}", self.attempt, Rounded(self.delay))
    }
}

/// The reason, and the counts that are not zero.
impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session ended: {}", self.reason)?;
        let counts = [
            ("unsent", self.unsent.len() as u64),
            ("discarded", self.discarded),
            ("unproven", self.unproven),
            ("unread", self.unread),
        ];
        write_counts(f, &counts)
    }
}

/// Without the message.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { connection } => write!(f, "written on connection {connection}"),
            Self::Unknown { connection, .. } => {
                write!(f, "unknown: connection {connection} ended before a flush completed")
            }
            Self::Dropped { reason, .. } => write!(f, "dropped: {reason}"),
        }
    }
}

/// Writes the counts that are not zero, as `; unsent 3, unproven 2`.
fn write_counts(f: &mut fmt::Formatter<'_>, counts: &[(&str, u64)]) -> fmt::Result {
    let shown = counts.iter().filter(|(_, count)| *count > 0);
    for (number, (name, count)) in shown.enumerate() {
        let separator = if number == 0 { ';' } else { ',' };
        write!(f, "{separator} {name} {count}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Bytes, CloseFrame, CloseReason, DropReason, ErrorKind, Headers, LostCause, Message,
        TransportError,
    };

    /// The time shows that a line is rounded to the millisecond.
    const TIME: Duration = Duration::from_nanos(1_400_512_345);

    fn lost(opened: bool, cause: LostCause) -> Lost {
        Lost {
            connection: 3,
            opened,
            cause,
            unsent: Vec::new(),
            unproven: 0,
            unproven_messages: Vec::new(),
            unproven_discarded: 0,
            unknown: 0,
            discarded: 0,
            ever_answered: true,
            cutoff: None,
            verdict_panic: None,
            skipped_cycles: 0,
        }
    }

    fn reset() -> TransportError {
        TransportError::new(ErrorKind::Reset, "connection reset by peer")
    }

    fn closed(reason: CloseReason) -> Closed {
        Closed {
            reason,
            unsent: Vec::new(),
            unproven: 0,
            unproven_messages: Vec::new(),
            unproven_discarded: 0,
            unknown: 0,
            discarded: 0,
            unread: 0,
        }
    }

    #[test]
    fn each_event_is_one_line_and_repeats_nothing() {
        let secret = || Message::text("secret");
        let open = |outage| Open {
            connection: 2,
            attempt: 1,
            outage,
            subprotocol: Some("secret".into()),
            peer_address: None,
            local_address: None,
            headers: [("Set-Cookie", *b"secret")].into_iter().collect::<Headers>(),
        };
        let dropped = Fate::Dropped { reason: DropReason::Expired, message: secret() };
        let failed = || LostCause::Connect(reset());
        let with_counts =
            Lost { unsent: vec![dropped], unproven: 2, ..lost(true, LostCause::Broken(reset())) };
        let frame = CloseFrame::new(4001, "secret");
        let retry = Retry { attempt: 2, delay: TIME, cause: failed() };
        let blocked = |heard| WriteBlocked { connection: 2, time: TIME, heard };
        let lines = [
            (
                Event::Connecting(Connecting { connection: 1, attempt: 0 }),
                "connection 1: connecting",
            ),
            (
                Event::Connecting(Connecting { connection: 2, attempt: 1 }),
                "connection 2: connecting, attempt 1",
            ),
            (Event::Open(open(None).into()), "connection 2: open"),
            (Event::Open(open(Some(TIME)).into()), "connection 2: open after an outage of 1.401s"),
            (Event::Message(secret()), "received a text message of 6 bytes"),
            (
                Event::Message(Bytes::from_static(b"secret").into()),
                "received a binary message of 6 bytes",
            ),
            (
                Event::WriteBlocked(blocked(true).into()),
                "connection 2: the server sends data but accepted no byte for 1.401s",
            ),
            (
                Event::WriteBlocked(blocked(false).into()),
                "connection 2: the server accepted no byte for 1.401s",
            ),
            (
                Event::Silent(Silent { connection: 2, time: TIME }.into()),
                "connection 2: nothing heard for 1.401s",
            ),
            (
                Event::Unanswered(Unanswered { connection: 2, time: TIME }.into()),
                "connection 2: heartbeat not answered, nothing heard for 1.401s, kept",
            ),
            (
                Event::Lost(lost(false, failed()).into()),
                "connection 3: could not connect: connection reset by peer",
            ),
            (
                Event::Lost(with_counts.into()),
                "connection 3 lost: connection reset by peer; unsent 1, unproven 2",
            ),
            (
                Event::Lost(lost(true, LostCause::ClosedByPeer(Some(frame))).into()),
                "connection 3 lost: closed by the server with code 4001 and a reason of 6 bytes",
            ),
            (
                Event::Lost(lost(true, LostCause::HeartbeatTimeout(TIME)).into()),
                "connection 3 lost: heartbeat not answered, nothing heard for 1.401s",
            ),
            (Event::Retry(retry.into()), "attempt 2 in 1.401s"),
            (Event::Closed(closed(CloseReason::User).into()), "session ended: closed by the user"),
            (
                Event::Closed(closed(CloseReason::Stopped(failed())).into()),
                "session ended: not worth another attempt: connection reset by peer",
            ),
            (Event::Lagged(7), "7 messages dropped unread"),
        ];
        for (event, line) in lines {
            assert_eq!(event.to_string(), line);
            let parts: Vec<_> = line.split([':', ';']).map(str::trim).collect();
            let repeated = parts.iter().filter(|part| line.matches(**part).count() > 1);
            assert_eq!(repeated.collect::<Vec<_>>(), Vec::<&&str>::new(), "{line}");
            let debug = format!("{event:?}");
            assert!(!debug.contains("secret"), "{debug}");
        }
    }

    #[test]
    fn a_fate_is_shown_without_its_message() {
        let message = Message::text("secret");
        let unknown = Fate::Unknown { connection: 4, message: Some(message.clone()) };
        let dropped = Fate::Dropped { reason: DropReason::Overflow, message };
        assert_eq!(Fate::Written { connection: 4 }.to_string(), "written on connection 4");
        assert_eq!(unknown.to_string(), "unknown: connection 4 ended before a flush completed");
        assert_eq!(dropped.to_string(), "dropped: the outbox was full");
    }

    #[test]
    fn an_event_equals_its_clone_and_gives_its_message() {
        let event = Event::Message(Message::text("hello"));
        assert_eq!(event, event.clone());
        assert_ne!(event, Event::Lagged(1));
        assert_eq!(event.into_message(), Some(Message::text("hello")));
        assert_eq!(Event::Lagged(1).into_message(), None);
    }
}
