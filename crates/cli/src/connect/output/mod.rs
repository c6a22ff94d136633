//! The output of a session: JSON on standard output, or messages on standard output and a timeline
//! on standard error. In addition, JSON in a file. On a terminal, both outputs share the [`Screen`] with
//! the editor and the footer.

mod options;
mod received;
mod recording;
mod screen;

use std::{
    io::{self, Write},
    task::{Context, Poll},
    time::Duration,
};

use async_io::Timer as Interval;
use futures::StreamExt;
use websocket_heartbeat_smol::{Message, SmolTimer, Timer};

pub(crate) use self::{
    options::OutputOptions,
    screen::{Output, Parts, Prompt, Screen},
};
use self::{
    options::{Format, Time, Verbosity},
    recording::Recording,
};
use crate::{
    framing::Framing,
    record::{Record, Timeline, json},
    standard::Standard,
    terminal,
    usage::UsageError,
    utc::Utc,
};

/// The footer shows whole seconds. At each tick the program also sees whether it came to the
/// foreground.
const TICK: Duration = Duration::from_secs(1);

/// The size at which collected output is written without waiting for [`Report::flush`].
const FULL: usize = 64 << 10;

/// Writes records and messages in the format that the user chose. Standard output is collected until
/// [`flush`](Self::flush), so that a burst of messages costs few writes.
pub(crate) struct Report {
    timer: SmolTimer,
    format: Format,
    verbosity: Verbosity,
    /// Standard output is a terminal. Control characters of messages must not reach it.
    terminal: bool,
    /// Collected standard output.
    collected: Vec<u8>,
    out: Output,
    timeline: Timeline<Output>,
    screen: Screen,
    /// `None` if nothing is drawn: then nothing wakes the program as time passes.
    ticks: Option<Interval>,
    recording: Option<Recording>,
    /// The advice that was given.
    advice: Vec<&'static str>,
    /// The error of the first failed write to standard output. Nothing is written after it.
    broken: Option<io::Error>,
}

impl Report {
    /// Also opens the file of `--record`.
    pub(crate) fn new(
        timer: SmolTimer,
        options: &OutputOptions,
        screen: Screen,
    ) -> Result<Self, UsageError> {
        let terminal = Standard::Output.is_terminal();
        options.check(terminal)?;
        let verbosity = options.verbosity();
        let mut timeline = Timeline::new(
            Output::new(screen.clone(), Standard::Error),
            terminal::colours(Standard::Error.is_terminal()),
            terminal::stderr_width,
        );
        if verbosity == Verbosity::Verbose {
            timeline = timeline.verbose();
        }
        let recording = options.record.as_deref().map(Recording::open).transpose()?;
        Ok(Self {
            timer,
            format: options.format(),
            verbosity,
            terminal,
            collected: Vec::new(),
            out: Output::new(screen.clone(), Standard::Output),
            timeline,
            ticks: screen.is_live().then(|| Interval::interval(TICK)),
            screen,
            recording,
            advice: Vec::new(),
            broken: None,
        })
    }

    /// Draws the editor and the footer. Call it when nothing is waiting to be printed, in a task
    /// that polls this again: then the footer is also drawn as time passes.
    pub(crate) fn draw(&mut self, cx: &mut Context<'_>) {
        if let Some(ticks) = &mut self.ticks {
            while let Poll::Ready(Some(_)) = ticks.poll_next_unpin(cx) {}
        }
        self.screen.draw();
    }

    /// The terminal of the session.
    pub(crate) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Standard error, if it is a terminal that other programs must not write to.
    pub(crate) fn shared_terminal(&self) -> Option<Output> {
        self.screen.is_live().then(|| Output::new(self.screen.clone(), Standard::Error))
    }

    /// Draws the editor and the footer again.
    pub(crate) fn redraw(&self) {
        self.screen.redraw();
    }

    /// Removes the editor and the footer, after the last text.
    pub(crate) fn end(&self) {
        self.screen.end();
    }

    /// The error of the first failed write to standard output.
    pub(crate) fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }

    pub(crate) fn record(&mut self, record: &Record<'_>) {
        match self.format {
            Format::Records => self.write_record(record),
            Format::Messages(..) => {
                self.append(record);
                if self.verbosity != Verbosity::Quiet || is_error(record) {
                    self.write_timeline(record);
                }
            }
        }
    }

    pub(crate) fn message(&mut self, connection: u64, message: &Message) {
        let record = || Record::message(connection, message);
        let (framing, time) = match self.format {
            Format::Records => return self.write_record(&record()),
            Format::Messages(framing, time) => (framing, time),
        };
        if self.recording.is_some() {
            self.append(&record());
        }
        match (framing, message) {
            (Framing::Lines, Message::Binary(_)) => {
                if self.verbosity != Verbosity::Quiet {
                    self.write_timeline(&record());
                }
                self.advise("binary messages are not printed; use for example --out base64");
            }
            (Framing::Lines, Message::Text(text)) => {
                let time = (time == Time::Shown).then(Utc::now);
                let terminal = self.terminal;
                let width = terminal::stdout_width().unwrap_or(terminal::USUAL_WIDTH);
                self.collect(|out| match time {
                    _ if terminal => writeln!(out, "{}", received::rows(text, time, width)),
                    Some(time) => writeln!(out, "{time} {text}"),
                    None => framing.write(out, message, Vec::new),
                });
            }
            _ => {
                let now = self.timer.now();
                let line = || json::line(now, Utc::now(), &record());
                self.collect(|out| framing.write(out, message, line));
            }
        }
    }

    /// A heartbeat was sent.
    pub(crate) fn probe(&mut self, connection: u64) {
        self.flush();
        let _ = self.timeline.probe(self.timer.now(), connection);
    }

    /// Writes a hint for people to standard error, in all formats.
    pub(crate) fn hint(&mut self, text: &str) {
        self.flush();
        let _ = self.timeline.note(self.timer.now(), "hint", text);
    }

    /// Writes a hint, but not with `--quiet`.
    pub(crate) fn remark(&mut self, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            self.hint(text);
        }
    }

    /// Writes a hint the first time.
    pub(crate) fn advise(&mut self, text: &'static str) {
        if !self.advice.contains(&text) {
            self.advice.push(text);
            self.hint(text);
        }
    }

    fn write_timeline(&mut self, record: &Record<'_>) {
        // A terminal shows both streams in their order.
        self.flush();
        // If standard error fails there is no place left to report that.
        let _ = self.timeline.record(self.timer.now(), record);
    }

    /// Writes the record to standard output, and the same line to the file of `--record`.
    fn write_record(&mut self, record: &Record<'_>) {
        let line = json::line(self.timer.now(), Utc::now(), record);
        self.collect(|out| out.write_all(&line));
        self.append_line(&line);
    }

    /// Writes the collected output.
    pub(crate) fn flush(&mut self) {
        if self.collected.is_empty() {
            return;
        }
        if self.broken.is_none() {
            self.broken = self.out.write_all(&self.collected).err();
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

    /// Appends to the file of `--record`.
    fn append(&mut self, record: &Record<'_>) {
        if self.recording.is_some() {
            self.append_line(&json::line(self.timer.now(), Utc::now(), record));
        }
    }

    fn append_line(&mut self, line: &[u8]) {
        let appended = self.recording.as_mut().map(|recording| recording.append(line));
        if let Some(Err(error)) = appended {
            self.hint(&format!(
                "the file of --record cannot be written ({error}); the session continues without \
                 it; free space or name another file"
            ));
        }
    }
}

/// Whether the record is shown with `--quiet`: an error, or the status that the user requested. The
/// end of the session is not, since the reason of the exit code follows it.
fn is_error(record: &Record<'_>) -> bool {
    matches!(record, Record::Unsent { .. } | Record::UnsentSummary(_) | Record::Status(_))
}

impl Drop for Report {
    fn drop(&mut self) {
        self.end();
    }
}
