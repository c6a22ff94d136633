//! The timeline for people, in columns: time, symbol, event, details.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use websocket_heartbeat_smol::{Timestamp, printable};

use crate::{
    duration::show,
    record::{Payload, Record},
};

/// Writes the timeline to `W`, in colour if that is a terminal.
pub(crate) struct Timeline<W> {
    out: W,
    colour: bool,
}

/// The SGR parameters of ECMA-48.
#[derive(Clone, Copy)]
enum Style {
    Plain = 0,
    Bold = 1,
    Faint = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
    Magenta = 35,
}

/// The maximum number of characters of a message that a row shows.
const EXCERPT: usize = 60;

impl<W: Write + IsTerminal> Timeline<W> {
    pub(crate) fn new(out: W) -> Self {
        // https://no-color.org: any value that is not empty disables colours.
        let disabled = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = out.is_terminal() && !disabled;
        Self { out, colour }
    }
}

impl<W: Write> Timeline<W> {
    pub(crate) fn record(&mut self, now: Timestamp, record: &Record<'_>) -> io::Result<()> {
        let (symbol, name, style, details) = describe(now, record);
        self.row(now, symbol, name, style, &details)?;
        if let Record::Status(status) = record {
            for row in status.rows(now).iter().skip(1) {
                writeln!(self.out, "{:>25}{}", "", printable(row))?;
            }
        }
        Ok(())
    }

    /// Writes a row that is not an event of the session.
    pub(crate) fn note(&mut self, now: Timestamp, name: &str, details: &str) -> io::Result<()> {
        self.row(now, "!", name, Style::Yellow, details)
    }

    /// Writes a heading after an empty line.
    pub(crate) fn heading(&mut self, title: &str) -> io::Result<()> {
        let title = self.styled(Style::Bold, title);
        writeln!(self.out, "\n{title}")?;
        self.out.flush()
    }

    /// Writes text without changes.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    fn row(
        &mut self,
        now: Timestamp,
        symbol: &str,
        name: &str,
        style: Style,
        details: &str,
    ) -> io::Result<()> {
        let time = self.styled(Style::Faint, &format!("{:>9.3}s", now.since_epoch().as_secs_f64()));
        let event = self.styled(style, &format!("{symbol} {name:<10}"));
        writeln!(self.out, "{time}  {event}  {}", printable(details))?;
        self.out.flush()
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match style {
            Style::Plain => text.to_owned(),
            _ if !self.colour => text.to_owned(),
            _ => format!("\x1b[{}m{text}\x1b[0m", style as u8),
        }
    }
}

fn describe(now: Timestamp, record: &Record<'_>) -> (&'static str, &'static str, Style, String) {
    let ms = |ms: u64| show(Duration::from_millis(ms));
    match record {
        Record::Connecting { connection, attempt } => {
            let details = match attempt {
                0 => format!("connection {connection}"),
                _ => format!("connection {connection}, attempt {attempt}"),
            };
            ("→", "connecting", Style::Plain, details)
        }
        Record::Open { connection, outage_ms, subprotocol, .. } => {
            let mut details = format!("connection {connection}");
            if let Some(outage) = outage_ms {
                let _ = write!(details, " after an outage of {}", ms(*outage));
            }
            if let Some(subprotocol) = subprotocol {
                let _ = write!(details, ", subprotocol {subprotocol}");
            }
            ("●", "open", Style::Green, details)
        }
        Record::Message { payload, .. } => ("<", "message", Style::Blue, excerpt(payload)),
        Record::Heartbeat { rtt_ms, .. } => {
            let details = match rtt_ms {
                Some(ms) => format!("answered in {ms:.2} ms"),
                None => "answered".to_owned(),
            };
            ("♥", "heartbeat", Style::Magenta, details)
        }
        Record::WriteBlocked { connection, time_ms, heard } => {
            let sends = if *heard { "sends data but " } else { "" };
            let details = format!(
                "connection {connection}: the server {sends}has accepted no byte for {}",
                ms(*time_ms)
            );
            ("!", "blocked", Style::Yellow, details)
        }
        Record::Silent { connection, time_ms } => {
            let details = format!("connection {connection}: nothing heard for {}", ms(*time_ms));
            ("!", "silent", Style::Yellow, details)
        }
        Record::Unanswered { connection, time_ms } => {
            let details = format!(
                "connection {connection}: a heartbeat was not answered, and nothing was heard for {}",
                ms(*time_ms)
            );
            ("!", "unanswered", Style::Yellow, details)
        }
        Record::Lost { connection, detail, unproven, cutoff, skipped_cycles, .. } => {
            let mut details = format!("connection {connection}: {detail}");
            if let Some(cutoff) = cutoff {
                let _ = write!(details, "; {}", cutoff.describe());
            }
            if *unproven > 0 {
                let _ = write!(details, "; {unproven} written without proof of delivery");
            }
            if *skipped_cycles > 0 {
                let _ = write!(details, "; {skipped_cycles} earlier connections are not shown");
            }
            ("✗", "lost", Style::Red, details)
        }
        Record::Retry { attempt, delay_ms } => {
            ("↻", "retry", Style::Yellow, format!("attempt {attempt} in {}", ms(*delay_ms)))
        }
        Record::Unsent { fate, connection, reason, payload } => {
            let mut details = match connection {
                Some(connection) => format!("{fate}, connection {connection} ended"),
                None => format!("{fate} ({reason})"),
            };
            if let Some(payload) = payload {
                let _ = write!(details, ": {}", excerpt(payload));
            }
            ("!", "unsent", Style::Red, details)
        }
        Record::Status(status) => {
            ("i", "status", Style::Plain, status.rows(now).into_iter().next().unwrap_or_default())
        }
        Record::Closed { detail, unproven, .. } => {
            let mut details = detail.clone();
            if *unproven > 0 {
                let _ = write!(details, "; {unproven} written without proof of delivery");
            }
            ("■", "closed", Style::Bold, details)
        }
    }
}

fn excerpt(payload: &Payload<'_>) -> String {
    match payload {
        Payload::Text(text) if text.chars().count() > EXCERPT => {
            let head: String = text.chars().take(EXCERPT).collect();
            format!("{head}… ({} bytes)", text.len())
        }
        Payload::Text(text) => (*text).to_owned(),
        Payload::Base64(text) => format!("binary, {} bytes", text.len() / 4 * 3 - padding(text)),
    }
}

fn padding(base64: &str) -> usize {
    base64.bytes().rev().take_while(|byte| *byte == b'=').count()
}

#[cfg(test)]
mod tests {
    use websocket_heartbeat_smol::{CloseFrame, LostCause, Message};

    use super::*;
    use crate::{cause, cutoff::CutoffRecord};

    fn shown(record: &Record<'_>, colour: bool) -> String {
        let mut timeline = Timeline { out: Vec::new(), colour };
        let now = Timestamp::from_epoch(Duration::from_millis(12_345));
        timeline.record(now, record).unwrap();
        String::from_utf8(timeline.out).unwrap()
    }

    #[test]
    fn rows_have_columns() {
        let open =
            Record::Open { connection: 2, attempt: 1, outage_ms: Some(1400), subprotocol: None };
        let row = "   12.345s  ● open        connection 2 after an outage of 1.40 s\n";
        assert_eq!(shown(&open, false), row);
        let beat = Record::Heartbeat { connection: 2, rtt_ms: Some(0.214) };
        assert_eq!(shown(&beat, false), "   12.345s  ♥ heartbeat   answered in 0.21 ms\n");
    }

    #[test]
    fn a_blocked_write_says_whether_the_server_sends() {
        for (heard, sends) in [(true, "sends data but "), (false, "")] {
            let blocked = Record::WriteBlocked { connection: 2, time_ms: 60_000, heard };
            let row = shown(&blocked, false);
            let text = format!("connection 2: the server {sends}has accepted no byte for ");
            assert!(row.contains(&text), "{row}");
        }
    }

    #[test]
    fn a_cut_connection_is_shown_with_the_option_that_keeps_it() {
        let lost = |kind, limit_ms| Record::Lost {
            connection: 3,
            opened: true,
            cause: "broken",
            code: None,
            detail: "gone".to_owned(),
            unproven: 0,
            ever_answered: false,
            cutoff: Some(CutoffRecord { kind, limit_ms, in_a_row: 3 }),
            skipped_cycles: 0,
            refused: None,
        };
        for (kind, limit_ms, words) in [
            (
                "silence",
                5_003,
                "cut after 5.00 s of silence, 3 times in a row: try --ping-timeout 3s",
            ),
            (
                "silence",
                3_000,
                "cut after 3.00 s of silence, 3 times in a row: try --ping-timeout 1s",
            ),
            ("age", 60_010, "cut at an age of 1m00s, 3 times in a row"),
        ] {
            let row = shown(&lost(kind, limit_ms), false);
            assert!(row.ends_with(&format!("connection 3: gone; {words}\n")), "{row}");
        }
    }

    #[test]
    fn colours_are_only_used_on_request() {
        let retry = Record::Retry { attempt: 3, delay_ms: 2000 };
        assert!(!shown(&retry, false).contains('\x1b'));
        assert!(shown(&retry, true).contains("\x1b[33m↻ retry     \x1b[0m  attempt 3 in 2.00 s"));
    }

    #[test]
    fn a_server_cannot_control_the_terminal() {
        let evil = "\x1b[2Jgone\n\u{9b}\u{7f}\u{202e}";
        let wanted = r"\u{1b}[2Jgone\n\u{9b}\u{7f}\u{202e}";
        let message = Message::text(evil);
        let row = shown(&Record::message(1, &message), false);
        assert!(row.ends_with(&format!("{wanted}\n")), "{row}");
        let cause = LostCause::ClosedByPeer(Some(CloseFrame::new(4000, evil)));
        let open =
            Record::Open { connection: 1, attempt: 0, outage_ms: None, subprotocol: Some(evil) };
        let closed =
            Record::Closed { reason: "stopped", detail: cause::describe(&cause), unproven: 0 };
        for record in [open, closed] {
            let row = shown(&record, false);
            assert!(row.contains(wanted) && row.lines().count() == 1, "{row}");
        }
    }

    #[test]
    fn long_and_binary_messages_are_shown_by_length() {
        let long = Message::text("é".repeat(100));
        assert!(shown(&Record::message(1, &long), false).ends_with("é… (200 bytes)\n"));
        for length in 0..5_usize {
            let binary = Message::binary(vec![1_u8; length]);
            let row = shown(&Record::message(1, &binary), false);
            assert!(row.ends_with(&format!("binary, {length} bytes\n")), "{row}");
        }
    }
}
