//! `--json`: one object per line, as documented in JSON.md.

use std::io::{self, Write};

use serde::Serialize;
use websocket_heartbeat_smol::Timestamp;

use crate::{duration::to_millis, line::Line};

#[derive(Serialize)]
struct Stamped<'a> {
    t_ms: u64,
    #[serde(flatten)]
    line: &'a Line<'a>,
}

/// Writes a line and flushes it, so that whoever reads has it at once.
pub(crate) fn write(to: &mut impl Write, now: Timestamp, line: &Line<'_>) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(&Stamped { t_ms: to_millis(now.since_epoch()), line })?;
    bytes.push(b'\n');
    to.write_all(&bytes)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use websocket_heartbeat_smol::{
        CloseFrame, DropReason, Fate, LostCause, Message, Phase, Status,
    };

    use super::*;
    use crate::{line::detail, session::Heartbeat, status::StatusLine};

    fn written(line: &Line<'_>) -> (String, Value) {
        let mut bytes = Vec::new();
        let now = Timestamp::from_epoch(Duration::from_micros(1_234_567));
        write(&mut bytes, now, line).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text}");
        let value = serde_json::from_str(&text).unwrap();
        (text, value)
    }

    #[test]
    fn the_time_and_the_event_come_first() {
        let (text, _) = written(&Line::Connecting { connection: 1, attempt: 0 });
        let expected = "{\"t_ms\":1235,\"event\":\"connecting\",\"connection\":1,\"attempt\":0}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn messages_are_text_or_base64() {
        let text = Message::text("two\nlines \u{1b} \"quoted\"");
        let (_, value) = written(&Line::message(3, &text));
        assert_eq!(
            value,
            json!({"t_ms": 1235, "event": "message", "connection": 3,
                   "text": "two\nlines \u{1b} \"quoted\""})
        );
        let (_, value) = written(&Line::message(3, &Message::binary(&[0_u8, 255][..])));
        assert_eq!(value["base64"], "AP8=");
        assert_eq!(value.get("text"), None);
    }

    #[test]
    fn heartbeats_carry_a_fraction_of_a_millisecond() {
        let round_trip = Some(Duration::from_nanos(214_499));
        let (_, value) = written(&Line::heartbeat(&Heartbeat { connection: 2, round_trip }));
        assert_eq!(
            value,
            json!({"t_ms": 1235, "event": "heartbeat", "connection": 2, "rtt_ms": 0.214})
        );
    }

    #[test]
    fn what_was_not_written_names_its_fate() {
        let message = Message::text("x");
        let unknown = Fate::Unknown { connection: 4, message: Some(message.clone()) };
        let (_, value) = written(&Line::unsent(&unknown).unwrap());
        assert_eq!(
            value,
            json!({"t_ms": 1235, "event": "unsent", "fate": "unknown", "connection": 4,
                   "reason": "connection_ended", "text": "x"})
        );
        let dropped = Fate::Dropped { reason: DropReason::Expired, message };
        let (_, value) = written(&Line::unsent(&dropped).unwrap());
        assert_eq!(
            value,
            json!({"t_ms": 1235, "event": "unsent", "fate": "dropped", "connection": null,
                   "reason": "expired", "text": "x"})
        );
        assert!(Line::unsent(&Fate::Written { connection: 4 }).is_none());
    }

    #[test]
    fn details_round_their_times() {
        let silence = Duration::from_nanos(1_400_512_345);
        let words = detail(&LostCause::HeartbeatTimeout(silence));
        assert_eq!(words, "heartbeat not answered, nothing heard for 1.401s");
        let frame = CloseFrame::new(1012, "restart");
        let cause = LostCause::ClosedByPeer(Some(frame));
        assert_eq!(detail(&cause), "closed by the server with code 1012 (restart)");
    }

    #[test]
    fn a_status_has_every_field() {
        let mut status = Status::default();
        status.phase = Phase::Open;
        status.last_life = Some(Timestamp::from_epoch(Duration::from_millis(200)));
        status.round_trip.last = Some(Duration::from_micros(1_500));
        let now = Timestamp::from_epoch(Duration::from_millis(950));
        let (_, value) = written(&Line::Status(Box::new(StatusLine::new(&status, now))));
        assert_eq!(value["event"], "status");
        assert_eq!(value["phase"], "open");
        assert_eq!(value["silent_for_ms"], 750);
        assert_eq!(value["round_trip"]["last_ms"], 1.5);
        assert_eq!(value["counters"]["losses"]["heartbeat_timeout"], 0);
        assert_eq!(value["close_reason"], Value::Null);
        assert_eq!(value["queued_bytes"], 0);
    }
}
