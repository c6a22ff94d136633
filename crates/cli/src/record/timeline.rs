//! The timeline for people, in columns: time, symbol, event, details.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use websocket_heartbeat_smol::{Connecting, Event, Open, Timestamp, backend::printable};

use super::{Payload, Record, cutoff};
use crate::{duration::show, terminal};

/// Writes the timeline to `W`. Each row is one write. On a terminal, long rows are wrapped.
pub(crate) struct Timeline<W> {
    out: W,
    colour: bool,
    /// The current width, if `out` is a terminal.
    width: fn() -> Option<usize>,
    /// Shows addresses.
    verbose: bool,
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

/// The column of the details.
const INDENT: usize = 26;

impl<W: Write> Timeline<W> {
    pub(crate) fn new(out: W, colour: bool, width: fn() -> Option<usize>) -> Self {
        Self { out, colour, width, verbose: false }
    }

    /// Shows also the addresses of a connection.
    pub(crate) fn verbose(self) -> Self {
        Self { verbose: true, ..self }
    }

    pub(crate) fn record(&mut self, now: Timestamp, record: &Record<'_>) -> io::Result<()> {
        let (symbol, name, style, details) = describe(now, record);
        let addresses = match record {
            Record::Event(Event::Open(open)) if self.verbose => addresses(open),
            _ => String::new(),
        };
        self.row(now, symbol, name, style, &(details + &addresses))?;
        if let Record::Status(status) = record {
            for row in status.rows(now).iter().skip(1) {
                self.line(&" ".repeat(INDENT), row)?;
            }
        }
        Ok(())
    }

    /// Writes a row about a heartbeat that was sent.
    pub(crate) fn probe(&mut self, now: Timestamp, connection: u64) -> io::Result<()> {
        let details = format!("sent on connection {connection}");
        self.row(now, "♥", "heartbeat", Style::Magenta, &details)
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
        self.line(&format!("{time}  {event}  "), details)
    }

    fn line(&mut self, head: &str, details: &str) -> io::Result<()> {
        let details = terminal::wrap(&printable(details), (self.width)(), INDENT, INDENT);
        let row = format!("{head}{details}");
        self.out.write_all(format!("{}\n", row.trim_end()).as_bytes())?;
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

/// The symbol, the name, the style and the details of a row.
type Row = (&'static str, &'static str, Style, String);

fn describe(now: Timestamp, record: &Record<'_>) -> Row {
    match record {
        Record::Message { payload, .. } => ("<", "message", Style::Blue, excerpt(payload)),
        Record::Heartbeat { rtt_ms, .. } => {
            let details = match rtt_ms {
                Some(ms) => format!("answered in {ms:.2} ms"),
                None => "answered".to_owned(),
            };
            ("♥", "heartbeat", Style::Magenta, details)
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
        Record::UnsentSummary(sum) => {
            let mut details = format!("{} more lines, {} bytes", sum.lines(), sum.bytes);
            if sum.unknown > 0 {
                let _ = write!(details, ", {} of them may have arrived", sum.unknown);
            }
            ("!", "unsent", Style::Red, details)
        }
        Record::Closed { detail, unproven, follows, .. } => {
            closed_row(if *follows { String::new() } else { detail.clone() }, *unproven)
        }
        Record::Status(status) => {
            ("i", "status", Style::Plain, status.rows(now).into_iter().next().unwrap_or_default())
        }
        Record::Event(event) => describe_event(event),
    }
}

fn describe_event(event: &Event) -> Row {
    match event {
        Event::Connecting(Connecting { connection, attempt, .. }) => {
            let details = match attempt {
                0 => format!("connection {connection}"),
                _ => format!("connection {connection}, attempt {attempt}"),
            };
            ("→", "connecting", Style::Plain, details)
        }
        Event::Open(open) => {
            let mut details = format!("connection {}", open.connection);
            if let Some(outage) = open.outage {
                let _ = write!(details, " after an outage of {}", show(outage));
            }
            if let Some(subprotocol) = &open.subprotocol {
                let _ = write!(details, ", subprotocol {subprotocol}");
            }
            ("●", "open", Style::Green, details)
        }
        Event::WriteBlocked(blocked) => {
            let sends = if blocked.heard { "sends data but " } else { "" };
            let details = format!(
                "connection {}: the server {sends}has accepted no byte for {}",
                blocked.connection,
                show(blocked.time)
            );
            ("!", "blocked", Style::Yellow, details)
        }
        Event::Silent(silent) => {
            let details = format!(
                "connection {}: nothing heard for {}",
                silent.connection,
                show(silent.time)
            );
            ("!", "silent", Style::Yellow, details)
        }
        Event::Unanswered(missed) => {
            let details = format!(
                "connection {}: a heartbeat was not answered, and nothing was heard for {}",
                missed.connection,
                show(missed.time)
            );
            ("!", "unanswered", Style::Yellow, details)
        }
        Event::Lost(lost) => {
            let mut details = format!("connection {}: {}", lost.connection, lost.cause.detail());
            if let Some(cutoff) = &lost.cutoff {
                let _ = write!(details, "; {}", cutoff::describe(cutoff));
            }
            write_unproven(&mut details, lost.unproven);
            if lost.skipped_cycles > 0 {
                let skipped = lost.skipped_cycles;
                let _ = write!(details, "; {skipped} earlier connections are not shown");
            }
            ("✗", "lost", Style::Red, details)
        }
        Event::Retry(retry) => {
            let details = format!("attempt {} in {}", retry.attempt, show(retry.delay));
            ("↻", "retry", Style::Yellow, details)
        }
        Event::Closed(closed) => closed_row(closed.reason.detail(), closed.unproven),
        other => ("i", other.name(), Style::Plain, other.to_string()),
    }
}

fn addresses(open: &Open) -> String {
    match (open.peer_address, open.local_address) {
        (Some(peer), Some(local)) => format!(", to {peer} from {local}"),
        (Some(peer), None) => format!(", to {peer}"),
        _ => String::new(),
    }
}

fn closed_row(mut details: String, unproven: u64) -> Row {
    write_unproven(&mut details, unproven);
    ("■", "closed", Style::Bold, details)
}

fn write_unproven(details: &mut String, unproven: u64) {
    if unproven > 0 {
        let separator = if details.is_empty() { "" } else { "; " };
        let _ = write!(details, "{separator}{unproven} written without proof of delivery");
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
    use std::time::Duration;

    use websocket_heartbeat_mock::Script;
    use websocket_heartbeat_smol::Message;

    use super::*;
    use crate::record::{
        UnsentSum,
        tests::{all_events, events},
    };

    fn shown(record: &Record<'_>, colour: bool) -> String {
        wrapped(record, colour, || None)
    }

    fn wrapped(record: &Record<'_>, colour: bool, width: fn() -> Option<usize>) -> String {
        let mut timeline = Timeline::new(Vec::new(), colour, width);
        let now = Timestamp::from_epoch(Duration::from_millis(12_345));
        timeline.record(now, record).unwrap();
        String::from_utf8(timeline.out).unwrap()
    }

    #[test]
    fn rows_have_columns() {
        let again = |_: u64| Script::accept().end_after(Duration::from_secs(1));
        let events = events((0..2).map(again).collect(), true, None);
        let open = events.iter().rfind(|event| matches!(event, Event::Open(_))).unwrap();
        let row = "   12.345s  ● open        connection 2 after an outage of 1.40 s\n";
        assert_eq!(shown(&Record::Event(open), false), row);
        let beat = Record::Heartbeat { connection: 2, rtt_ms: Some(0.214) };
        assert_eq!(shown(&beat, false), "   12.345s  ♥ heartbeat   answered in 0.21 ms\n");
    }

    #[test]
    fn lines_that_are_not_listed_are_summed_up() {
        let mut sum = UnsentSum::default();
        for bytes in 0..4 {
            sum.add(bytes == 3, bytes);
        }
        let row = shown(&Record::UnsentSummary(sum), false);
        let words = "! unsent      4 more lines, 6 bytes, 1 of them may have arrived\n";
        assert!(row.ends_with(words), "{row}");
    }

    #[test]
    fn a_long_row_is_wrapped_below_its_details() {
        let words = Message::text("one two three four five six seven eight nine ten");
        let row = wrapped(&Record::message(1, &words), true, || Some(60));
        let lines: Vec<_> = row.lines().collect();
        assert!(lines[0].ends_with("  one two three four five six seven"), "{row}");
        assert_eq!(lines[1..], ["                          eight nine ten"]);
        let row = wrapped(&Record::message(1, &words), true, || Some(200));
        assert_eq!(row.lines().count(), 1, "{row}");
    }

    #[test]
    fn a_blocked_write_says_whether_the_server_sends() {
        let mut events = all_events().into_iter();
        let blocked = events.find(|event| matches!(event, Event::WriteBlocked(_)));
        let Some(Event::WriteBlocked(mut blocked)) = blocked else { panic!("it is in the list") };
        for (heard, sends) in [(true, "sends data but "), (false, "")] {
            blocked.heard = heard;
            let row = shown(&Record::Event(&Event::WriteBlocked(blocked.clone())), false);
            let text = format!("connection 2: the server {sends}has accepted no byte for ");
            assert!(row.contains(&text), "{row}");
        }
    }

    #[test]
    fn a_cut_connection_is_shown_with_the_option_that_keeps_it() {
        let cut = |_: u64| Script::accept().silence_limit(Duration::from_secs(5));
        let events = events((0..3).map(cut).collect(), true, None);
        let rows = events.iter().filter(|event| event.name() == "lost");
        let rows: Vec<_> = rows.map(|event| shown(&Record::Event(event), false)).collect();
        let words = "; cut after 5.00 s of silence, 3 times in a row: try --ping-timeout 3s\n";
        let named: Vec<_> = rows.iter().map(|row| row.ends_with(words)).collect();
        assert_eq!(named[..3], [false, false, true], "{rows:?}");
    }

    #[test]
    fn colours_are_only_used_on_request() {
        let events = events(vec![Script::refuse_connection()], true, None);
        let retry = events.iter().find(|event| matches!(event, Event::Retry(_))).unwrap();
        let retry = Record::Event(retry);
        assert!(!shown(&retry, false).contains('\x1b'));
        assert!(shown(&retry, true).contains("\x1b[33m↻ retry     \x1b[0m  attempt 1 in 1.40 s"));
    }

    #[test]
    fn a_server_cannot_control_the_terminal() {
        let evil = "\x1b[2Jgone\n\u{9b}\u{7f}\u{202e}";
        let wanted = r"\u{1b}[2Jgone\n\u{9b}\u{7f}\u{202e}";
        let message = Message::text(evil);
        let row = shown(&Record::message(1, &message), false);
        assert!(row.ends_with(&format!("{wanted}\n")), "{row}");
        let script = Script::accept().subprotocol(evil);
        let script = script.close_after(Duration::from_secs(1), 4000, evil);
        let events = events(vec![script], true, None);
        for name in ["open", "lost"] {
            let event = events.iter().find(|event| event.name() == name).unwrap();
            let row = shown(&Record::Event(event), false);
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
