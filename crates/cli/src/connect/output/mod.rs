//! The output of a session: JSON on standard output, or messages on standard output and a timeline
//! on standard error.

use std::io::{self, IsTerminal, Stderr, Stdout, Write};

use websocket_heartbeat_smol::{Message, SmolTimer, Timer, backend::printable};

use crate::record::{Record, Timeline, json};

/// Writes records and messages in the format that the user chose.
pub(crate) struct Report {
    timer: SmolTimer,
    json: bool,
    /// Standard output is a terminal. Control characters of messages must not reach it.
    terminal: bool,
    out: Stdout,
    timeline: Timeline<Stderr>,
    /// The error of the first failed write to standard output. Nothing is written after it.
    broken: Option<io::Error>,
}

impl Report {
    pub(crate) fn new(timer: SmolTimer, json: bool) -> Self {
        let timeline = Timeline::new(io::stderr());
        let out = io::stdout();
        Self { timer, json, terminal: out.is_terminal(), out, timeline, broken: None }
    }

    /// The error of the first failed write to standard output.
    pub(crate) fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }

    pub(crate) fn record(&mut self, record: &Record<'_>) {
        let now = self.timer.now();
        if self.json {
            let json = |out: &mut Stdout| json::write(out, now, record);
            self.write_out(json);
        } else {
            // If standard error fails there is no place left to report that.
            let _ = self.timeline.record(now, record);
        }
    }

    pub(crate) fn message(&mut self, connection: u64, message: &Message) {
        match message {
            Message::Text(text) if !self.json => {
                let text = if self.terminal { printable(text) } else { text.as_str().into() };
                self.write_out(|out| {
                    writeln!(out, "{text}")?;
                    out.flush()
                });
            }
            _ => self.record(&Record::message(connection, message)),
        }
    }

    /// Writes a hint for people to standard error, in both formats.
    pub(crate) fn hint(&mut self, text: &str) {
        let _ = self.timeline.note(self.timer.now(), "hint", text);
    }

    fn write_out(&mut self, write: impl FnOnce(&mut Stdout) -> io::Result<()>) {
        if self.broken.is_none() {
            self.broken = write(&mut self.out).err();
        }
    }
}
