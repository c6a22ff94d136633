//! The output of a session: JSON on standard output, or messages on standard output and a timeline
//! on standard error. On a terminal, both share the [`Screen`] with the editor and the footer.

mod screen;

use std::{
    io::{self, Stderr, Stdout, Write},
    task::{Context, Poll},
    time::Duration,
};

use async_io::Timer as Interval;
use futures::StreamExt;
use websocket_heartbeat_smol::{Message, SmolTimer, Timer, backend::printable};

use self::screen::Output;
pub(crate) use self::screen::{Prompt, Screen};
use crate::{
    record::{Record, Timeline, json},
    terminal,
};

/// The footer shows whole seconds. At each tick the program also sees whether it came to the
/// foreground.
const TICK: Duration = Duration::from_secs(1);

/// The columns before the second and each later row of a message on a terminal.
const INDENT: usize = 2;

/// Writes records and messages in the format that the user chose.
pub(crate) struct Report {
    timer: SmolTimer,
    json: bool,
    /// Standard output is a terminal. Control characters of messages must not reach it.
    terminal: bool,
    out: Output<Stdout>,
    timeline: Timeline<Output<Stderr>>,
    screen: Screen,
    /// `None` if nothing is drawn: then nothing wakes the program as time passes.
    ticks: Option<Interval>,
    /// The error of the first failed write to standard output. Nothing is written after it.
    broken: Option<io::Error>,
}

impl Report {
    pub(crate) fn new(timer: SmolTimer, json: bool, screen: Screen) -> Self {
        let colour = terminal::colours(&io::stderr());
        let timeline = Timeline::new(
            Output::new(screen.clone(), io::stderr()),
            colour,
            terminal::stderr_width,
        );
        let out = Output::new(screen.clone(), io::stdout());
        let ticks = screen.is_live().then(|| Interval::interval(TICK));
        let terminal = out.is_terminal();
        Self { timer, json, terminal, out, timeline, screen, ticks, broken: None }
    }

    /// Draws the editor and the footer. Call it when nothing is waiting to be printed, in a task
    /// that polls this again: then the footer is also drawn as time passes.
    pub(crate) fn draw(&mut self, cx: &mut Context<'_>) {
        if let Some(ticks) = &mut self.ticks {
            while let Poll::Ready(Some(_)) = ticks.poll_next_unpin(cx) {}
        }
        self.screen.draw();
    }

    /// Draws the editor and the footer again.
    pub(crate) fn redraw(&self) {
        self.screen.redraw();
    }

    /// Removes the editor and the footer.
    pub(crate) fn end(&self) {
        self.screen.end();
    }

    /// The error of the first failed write to standard output.
    pub(crate) fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }

    pub(crate) fn record(&mut self, record: &Record<'_>) {
        let now = self.timer.now();
        if self.json {
            let json = |out: &mut Output<Stdout>| json::write(out, now, record);
            self.write_out(json);
        } else {
            // If standard error fails there is no place left to report that.
            let _ = self.timeline.record(now, record);
        }
    }

    pub(crate) fn message(&mut self, connection: u64, message: &Message) {
        match message {
            Message::Text(text) if !self.json => {
                let mut line = match self.terminal {
                    true => terminal::wrap(&printable(text), terminal::stdout_width(), 0, INDENT),
                    false => text.as_str().to_owned(),
                };
                line.push('\n');
                self.write_out(|out| {
                    out.write_all(line.as_bytes())?;
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

    fn write_out(&mut self, write: impl FnOnce(&mut Output<Stdout>) -> io::Result<()>) {
        if self.broken.is_none() {
            self.broken = write(&mut self.out).err();
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.end();
    }
}
