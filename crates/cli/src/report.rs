//! Where lines go: JSON to standard output, or a timeline to standard error and messages to
//! standard output.

use std::io::{self, IsTerminal, Stderr, Stdout, Write};

use websocket_heartbeat_smol::{Message, SmolTimer, Timer, printable};

use crate::{json, record::Line, timeline::Timeline};

/// The report of a session.
pub(crate) struct Report {
    timer: SmolTimer,
    json: bool,
    /// Standard output is a terminal, which messages must not steer.
    terminal: bool,
    out: Stdout,
    timeline: Timeline<Stderr>,
    /// Standard output cannot be written to.
    broken: Option<io::Error>,
}

impl Report {
    pub(crate) fn new(timer: SmolTimer, json: bool) -> Self {
        let timeline = Timeline::new(io::stderr());
        let out = io::stdout();
        Self { timer, json, terminal: out.is_terminal(), out, timeline, broken: None }
    }

    /// Why standard output cannot be written to any more.
    pub(crate) fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }

    pub(crate) fn line(&mut self, line: &Line<'_>) {
        let now = self.timer.now();
        if self.json {
            let json = |out: &mut Stdout| json::write(out, now, line);
            self.write_out(json);
        } else {
            // Nobody is left to be told that standard error is gone.
            let _ = self.timeline.line(now, line);
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
            _ => self.line(&Line::message(connection, message)),
        }
    }

    /// Something that people should know, whatever is on standard output.
    pub(crate) fn hint(&mut self, words: &str) {
        let _ = self.timeline.note(self.timer.now(), "hint", words);
    }

    fn write_out(&mut self, write: impl FnOnce(&mut Stdout) -> io::Result<()>) {
        if self.broken.is_none() {
            self.broken = write(&mut self.out).err();
        }
    }
}
