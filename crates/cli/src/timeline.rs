//! The timeline for people: time, symbol, event, details, in columns.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use websocket_heartbeat_smol::{Timestamp, printable};

use crate::{
    duration::show,
    record::{Line, Payload},
};

/// Writes lines for people to `W`, in colour if that is a terminal.
pub(crate) struct Timeline<W> {
    out: W,
    colour: bool,
}

/// An SGR parameter of ECMA-48.
#[derive(Clone, Copy)]
enum Ink {
    Plain = 0,
    Bold = 1,
    Faint = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
    Magenta = 35,
}

/// How much of a message fits into a line.
const EXCERPT: usize = 60;

impl<W: Write + IsTerminal> Timeline<W> {
    pub(crate) fn new(out: W) -> Self {
        // https://no-color.org: any value that is not empty.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = out.is_terminal() && !refused;
        Self { out, colour }
    }
}

impl<W: Write> Timeline<W> {
    pub(crate) fn line(&mut self, now: Timestamp, line: &Line<'_>) -> io::Result<()> {
        let (symbol, name, ink, details) = describe(now, line);
        self.row(now, symbol, name, ink, &details)?;
        if let Line::Status(status) = line {
            for more in status.lines(now).iter().skip(1) {
                writeln!(self.out, "{:>25}{}", "", printable(more))?;
            }
        }
        Ok(())
    }

    /// What is worth saying without being an event.
    pub(crate) fn note(&mut self, now: Timestamp, name: &str, details: &str) -> io::Result<()> {
        self.row(now, "!", name, Ink::Yellow, details)
    }

    /// A heading between blank lines' worth of air.
    pub(crate) fn chapter(&mut self, title: &str) -> io::Result<()> {
        let title = self.inked(Ink::Bold, title);
        writeln!(self.out, "\n{title}")?;
        self.out.flush()
    }

    /// Text as it is.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    fn row(
        &mut self,
        now: Timestamp,
        symbol: &str,
        name: &str,
        ink: Ink,
        details: &str,
    ) -> io::Result<()> {
        let time = self.inked(Ink::Faint, &format!("{:>9.3}s", now.since_epoch().as_secs_f64()));
        let event = self.inked(ink, &format!("{symbol} {name:<10}"));
        writeln!(self.out, "{time}  {event}  {}", printable(details))?;
        self.out.flush()
    }

    fn inked(&self, ink: Ink, text: &str) -> String {
        match ink {
            Ink::Plain => text.to_owned(),
            _ if !self.colour => text.to_owned(),
            _ => format!("\x1b[{}m{text}\x1b[0m", ink as u8),
        }
    }
}

fn describe(now: Timestamp, line: &Line<'_>) -> (&'static str, &'static str, Ink, String) {
    let ms = |ms: u64| show(Duration::from_millis(ms));
    match line {
        Line::Connecting { connection, attempt } => {
            let details = match attempt {
                0 => format!("connection {connection}"),
                _ => format!("connection {connection}, attempt {attempt}"),
            };
            ("→", "connecting", Ink::Plain, details)
        }
        Line::Open { connection, outage_ms, subprotocol, .. } => {
            let mut details = format!("connection {connection}");
            if let Some(outage) = outage_ms {
                let _ = write!(details, " after an outage of {}", ms(*outage));
            }
            if let Some(subprotocol) = subprotocol {
                let _ = write!(details, ", subprotocol {subprotocol}");
            }
            ("●", "open", Ink::Green, details)
        }
        Line::Message { payload, .. } => ("<", "message", Ink::Blue, excerpt(payload)),
        Line::Heartbeat { rtt_ms, .. } => {
            let details = match rtt_ms {
                Some(ms) => format!("answered in {ms:.2} ms"),
                None => "answered".to_owned(),
            };
            ("♥", "heartbeat", Ink::Magenta, details)
        }
        Line::WriteBlocked { connection, time_ms, heard } => {
            let talks = if *heard { "talks and " } else { "" };
            let details = format!(
                "connection {connection}: the server {talks}took nothing for {}",
                ms(*time_ms)
            );
            ("!", "blocked", Ink::Yellow, details)
        }
        Line::Lost { connection, detail, unproven, skipped_cycles, .. } => {
            let mut details = format!("connection {connection}: {detail}");
            if *unproven > 0 {
                let _ = write!(details, "; {unproven} written without proof of arrival");
            }
            if *skipped_cycles > 0 {
                let _ = write!(details, "; {skipped_cycles} more in between");
            }
            ("✗", "lost", Ink::Red, details)
        }
        Line::Retry { attempt, delay_ms } => {
            ("↻", "retry", Ink::Yellow, format!("attempt {attempt} in {}", ms(*delay_ms)))
        }
        Line::Unsent { fate, connection, reason, payload } => {
            let mut details = match connection {
                Some(connection) => format!("{fate}, connection {connection} ended"),
                None => format!("{fate} ({reason})"),
            };
            if let Some(payload) = payload {
                let _ = write!(details, ": {}", excerpt(payload));
            }
            ("!", "unsent", Ink::Red, details)
        }
        Line::Status(status) => {
            ("i", "status", Ink::Plain, status.lines(now).into_iter().next().unwrap_or_default())
        }
        Line::Closed { detail, unproven, .. } => {
            let mut details = detail.clone();
            if *unproven > 0 {
                let _ = write!(details, "; {unproven} written without proof of arrival");
            }
            ("■", "closed", Ink::Bold, details)
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
    use crate::record::detail;

    fn shown(line: &Line<'_>, colour: bool) -> String {
        let mut timeline = Timeline { out: Vec::new(), colour };
        let now = Timestamp::from_epoch(Duration::from_millis(12_345));
        timeline.line(now, line).unwrap();
        String::from_utf8(timeline.out).unwrap()
    }

    #[test]
    fn rows_stand_in_columns() {
        let open =
            Line::Open { connection: 2, attempt: 1, outage_ms: Some(1400), subprotocol: None };
        let row = "   12.345s  ● open        connection 2 after an outage of 1.40 s\n";
        assert_eq!(shown(&open, false), row);
        let beat = Line::Heartbeat { connection: 2, rtt_ms: Some(0.214) };
        assert_eq!(shown(&beat, false), "   12.345s  ♥ heartbeat   answered in 0.21 ms\n");
    }

    #[test]
    fn a_blocked_write_says_whether_the_server_talks() {
        for (heard, talks) in [(true, "talks and "), (false, "")] {
            let blocked = Line::WriteBlocked { connection: 2, time_ms: 60_000, heard };
            let row = shown(&blocked, false);
            let words = format!("connection 2: the server {talks}took nothing for ");
            assert!(row.contains(&words), "{row}");
        }
    }

    #[test]
    fn colour_is_there_only_where_wanted() {
        let retry = Line::Retry { attempt: 3, delay_ms: 2000 };
        assert!(!shown(&retry, false).contains('\x1b'));
        assert!(shown(&retry, true).contains("\x1b[33m↻ retry     \x1b[0m  attempt 3 in 2.00 s"));
    }

    #[test]
    fn a_server_cannot_steer_the_terminal() {
        let evil = "\x1b[2Jgone\n\u{9b}\u{7f}\u{202e}";
        let wanted = r"\u{1b}[2Jgone\n\u{9b}\u{7f}\u{202e}";
        let message = Message::text(evil);
        let row = shown(&Line::message(1, &message), false);
        assert!(row.ends_with(&format!("{wanted}\n")), "{row}");
        let cause = LostCause::ClosedByPeer(Some(CloseFrame::new(4000, evil)));
        let open =
            Line::Open { connection: 1, attempt: 0, outage_ms: None, subprotocol: Some(evil) };
        let closed = Line::Closed { reason: "stopped", detail: detail(&cause), unproven: 0 };
        for line in [open, closed] {
            let row = shown(&line, false);
            assert!(row.contains(wanted) && row.lines().count() == 1, "{row}");
        }
    }

    #[test]
    fn long_and_binary_messages_are_named_by_their_length() {
        let long = Message::text("é".repeat(100));
        assert!(shown(&Line::message(1, &long), false).ends_with("é… (200 bytes)\n"));
        for length in 0..5_usize {
            let binary = Message::binary(vec![1_u8; length]);
            let row = shown(&Line::message(1, &binary), false);
            assert!(row.ends_with(&format!("binary, {length} bytes\n")), "{row}");
        }
    }
}
