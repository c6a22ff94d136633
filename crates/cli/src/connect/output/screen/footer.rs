//! The state of the session as one row of the terminal.

use std::time::Duration;

use websocket_heartbeat_smol::{Phase, Status, Timestamp};

use crate::terminal::{columns, rows};

/// The row of at most `width` columns. The last parts are left out if it is narrower.
pub(crate) fn row(status: &Status, now: Timestamp, width: usize) -> String {
    let mut row = String::new();
    for part in parts(status, now) {
        let separator = if row.is_empty() { "" } else { " · " };
        if columns(&row) + columns(separator) + columns(&part) > width {
            break;
        }
        row = row + separator + &part;
    }
    match row.is_empty() {
        true => rows(&parts(status, now)[0], width, width)[0].trim_end().to_owned(),
        false => row,
    }
}

/// The parts, beginning with the most important.
fn parts(status: &Status, now: Timestamp) -> Vec<String> {
    let since = |time| whole_seconds(now.saturating_since(time));
    let mut parts = vec![format!("{} {}", status.phase, since(status.since))];
    match status.phase {
        Phase::Open => {
            parts.extend(status.last_life.map(|at| format!("silent {}", since(at))));
        }
        Phase::Waiting => parts.push(match status.next_attempt_at {
            Some(at) => {
                // Rounded up, so that it does not show 0s for a second.
                let left = at.saturating_since(now) + Duration::from_millis(999);
                format!("attempt {} in {}", status.attempt, whole_seconds(left))
            }
            None => "no further attempt".to_owned(),
        }),
        Phase::Connecting if status.attempt > 0 => {
            parts.push(format!("attempt {}", status.attempt));
        }
        _ => {}
    }
    let (lines, bytes) = (status.queued_messages, status.queued_bytes);
    let plural = |count| if count == 1 { "" } else { "s" };
    let trip = status.round_trip.last.filter(|_| status.phase == Phase::Open);
    parts.extend(trip.map(|time| format!("round trip {:.1} ms", time.as_secs_f64() * 1e3)));
    parts.push(format!("queue {lines} line{}, {bytes} byte{}", plural(lines), plural(bytes)));
    parts
}

/// A time for people that changes once a second.
fn whole_seconds(time: Duration) -> String {
    match time.as_secs() {
        s if s < 60 => format!("{s}s"),
        s if s < 3_600 => format!("{}m{:02}s", s / 60, s % 60),
        s => format!("{}h{:02}m", s / 3_600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_epoch(Duration::from_millis(millis))
    }

    fn open() -> Status {
        let mut status = Status::default();
        (status.phase, status.since, status.last_life) = (Phase::Open, at(1_000), Some(at(60_000)));
        status.round_trip.last = Some(Duration::from_micros(48_140));
        (status.queued_messages, status.queued_bytes) = (1, 20);
        status
    }

    #[test]
    fn an_open_connection_shows_silence_round_trip_and_queue() {
        let wanted = "open 1m02s · silent 3s · round trip 48.1 ms · queue 1 line, 20 bytes";
        assert_eq!(row(&open(), at(63_999), 80), wanted);
    }

    #[test]
    fn a_delay_is_counted_down() {
        let mut status = open();
        (status.phase, status.attempt, status.next_attempt_at) =
            (Phase::Waiting, 3, Some(at(8_000)));
        let shown = |millis| row(&status, at(millis), 80);
        assert_eq!(shown(5_500), "waiting 4s · attempt 3 in 3s · queue 1 line, 20 bytes");
        assert_eq!(shown(7_999), "waiting 6s · attempt 3 in 1s · queue 1 line, 20 bytes");
        assert_eq!(shown(8_100), "waiting 7s · attempt 3 in 0s · queue 1 line, 20 bytes");
    }

    #[test]
    fn a_narrow_terminal_shows_the_first_parts() {
        let shown = |width| row(&open(), at(63_999), width);
        assert_eq!(shown(43), "open 1m02s · silent 3s · round trip 48.1 ms");
        assert_eq!(shown(42), "open 1m02s · silent 3s");
        assert_eq!(shown(9), "open");
        for width in 1..80 {
            assert!(columns(&shown(width)) <= width, "{width}");
        }
    }
}
