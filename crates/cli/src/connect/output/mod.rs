//! The output of a session: JSON on standard output, or messages on standard output and a timeline
//! on standard error.

use std::io::{self, Write};

use websocket_heartbeat_smol::{Message, SmolTimer, Timer, backend::printable};

use crate::{
    record::{Record, Timeline, json},
    standard::Standard,
};

/// The size at which collected output is written without waiting for [`Report::flush`].
const FULL: usize = 64 << 10;

/// Writes records and messages in the format that the user chose. Standard output is collected until
/// [`flush`](Self::flush), so that a burst of messages costs few writes.
pub(crate) struct Report {
    timer: SmolTimer,
    json: bool,
    /// Standard output is a terminal. Control characters of messages must not reach it.
    terminal: bool,
    /// Collected standard output.
    collected: Vec<u8>,
    timeline: Timeline<Standard>,
    /// The error of the first failed write to standard output. Nothing is written after it.
    broken: Option<io::Error>,
}

impl Report {
    pub(crate) fn new(timer: SmolTimer, json: bool) -> Self {
        let timeline = Timeline::new(Standard::Error, Standard::Error.is_terminal());
        let terminal = Standard::Output.is_terminal();
        Self { timer, json, terminal, collected: Vec::new(), timeline, broken: None }
    }

    /// The error of the first failed write to standard output.
    pub(crate) fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }

    pub(crate) fn record(&mut self, record: &Record<'_>) {
        let now = self.timer.now();
        if self.json {
            self.collect(|out| json::write(out, now, record));
        } else {
            // A terminal shows both streams in their order.
            self.flush();
            // If standard error fails there is no place left to report that.
            let _ = self.timeline.record(now, record);
        }
    }

    pub(crate) fn message(&mut self, connection: u64, message: &Message) {
        match message {
            Message::Text(text) if !self.json => {
                let text = if self.terminal { printable(text) } else { text.as_str().into() };
                self.collect(|out| {
                    out.extend_from_slice(text.as_bytes());
                    out.push(b'\n');
                    Ok(())
                });
            }
            _ => self.record(&Record::message(connection, message)),
        }
    }

    /// Writes a hint for people to standard error, in both formats.
    pub(crate) fn hint(&mut self, text: &str) {
        self.flush();
        let _ = self.timeline.note(self.timer.now(), "hint", text);
    }

    /// Writes the collected output.
    pub(crate) fn flush(&mut self) {
        if self.collected.is_empty() {
            return;
        }
        if self.broken.is_none() {
            self.broken = Standard::Output.write_all(&self.collected).err();
        }
        if self.collected.capacity() > 2 * FULL {
            // A large message has left.
            self.collected = Vec::new();
        }
        self.collected.clear();
    }

    fn collect(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) {
        if self.broken.is_some() {
            return;
        }
        let before = self.collected.len();
        if let Err(error) = write(&mut self.collected) {
            self.collected.truncate(before);
            self.broken = Some(error);
        }
        if self.collected.len() >= FULL {
            self.flush();
        }
    }
}
