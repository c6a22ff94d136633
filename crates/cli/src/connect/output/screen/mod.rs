//! The terminal of a session: text scrolls above an area of at most two rows, the line that the user
//! types and the footer. Everything that reaches the terminal passes through [`Screen`], so that
//! nothing is torn: the area is erased before each text, and drawn again when nothing more is
//! waiting.
//!
//! The area is on standard error, which has no data for other programs.

mod footer;
mod output;
mod prompt;
#[cfg(feature = "tui")]
mod whole;

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
    time::Duration,
};

use websocket_heartbeat_smol::{Handle, SmolTimer, Timer, backend::printable};

pub(crate) use self::{output::Output, prompt::Prompt};
use crate::{
    standard::Standard,
    terminal::{self, KeyMode},
};

/// Moves to the first column and erases from there to the end of the terminal.
const ERASE: &str = "\r\x1b[J";

/// Many times the time of a write to a terminal that is not stopped.
const PATIENCE: Duration = Duration::from_millis(100);

/// The terminal of a session. Clones are handles of the same one.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Shared>);

struct Shared {
    handle: Handle,
    timer: SmolTimer,
    /// Which rows the area can have. Without both, nothing is ever drawn.
    parts: Parts,
    colour: bool,
    keys: KeyMode,
    area: Mutex<Area>,
}

/// The rows of the area.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) editor: bool,
    pub(crate) footer: bool,
    /// `--tui` draws on the whole terminal, by [`Screen::draw_whole`], and nothing else is drawn.
    pub(crate) whole: bool,
}

struct Area {
    shown: Shown,
    /// `None` until the editor starts, and after the end of input.
    prompt: Option<Prompt>,
}

enum Shown {
    Nothing,
    /// These bytes draw what is shown.
    Rows(String),
    /// The whole terminal is that of `--tui`.
    #[cfg(feature = "tui")]
    Whole,
    /// The program is stopped: nothing is drawn until it continues.
    Suspended,
    /// Nothing is drawn any more.
    Ended,
}

impl Screen {
    /// With these parts, if standard error is a terminal that can move its cursor, if no other
    /// program reads standard output, and for the editor if standard input is a terminal. The first
    /// draw begins to read keys.
    pub(crate) fn new(handle: Handle, timer: SmolTimer, parts: Parts) -> Self {
        let can_draw = cfg!(unix)
            && Standard::Error.is_terminal()
            && !terminal::is_dumb()
            && !terminal::is_piped();
        let editor = can_draw && parts.editor && io::stdin().is_terminal();
        let area = Area { shown: Shown::Nothing, prompt: None };
        Self(Arc::new(Shared {
            handle,
            timer,
            parts: Parts { editor, footer: can_draw && parts.footer, whole: parts.whole },
            colour: terminal::colours(can_draw),
            keys: KeyMode::default(),
            area: Mutex::new(area),
        }))
    }

    /// Whether keys are read, and the program edits the line.
    pub(crate) fn has_editor(&self) -> bool {
        self.0.parts.editor
    }

    /// Whether something can be drawn.
    pub(crate) fn is_live(&self) -> bool {
        self.0.parts.editor || self.0.parts.footer
    }

    /// Whether the whole terminal is drawn on.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.parts.whole
    }

    /// Draws the area if it is not shown, or if it has changed.
    pub(crate) fn draw(&self) {
        if self.is_live() {
            self.draw_area(&mut self.area());
        }
    }

    /// Draws the area again, for example after the terminal has another width.
    pub(crate) fn redraw(&self) {
        let mut area = self.area();
        area.erase();
        self.draw_area(&mut area);
    }

    /// Shows the line that is being typed. `None` at the end of input.
    pub(crate) fn show_prompt(&self, prompt: Option<Prompt>) {
        let mut area = self.area();
        area.prompt = prompt;
        self.draw_area(&mut area);
    }

    /// Moves a complete line to the text above the area.
    pub(crate) fn commit(&self, line: &str) {
        self.write(&format!("{}{}\n", prompt::MARK, printable(line)));
    }

    /// Erases the whole terminal.
    pub(crate) fn wipe(&self) {
        self.write("\x1b[H\x1b[2J");
    }

    fn write(&self, bytes: &str) {
        let mut area = self.area();
        if !matches!(area.shown, Shown::Ended) {
            area.erase();
            draw_bytes(bytes);
        }
    }

    /// Prepares the terminal for a stop of the program. Blocks for at most [`PATIENCE`], even if the
    /// terminal is stopped by ctrl-S.
    pub(crate) fn suspend(&self) {
        self.leave(Shown::Suspended);
    }

    /// Takes the terminal back after [`suspend`](Self::suspend). Blocks for at most [`PATIENCE`].
    /// [`draw`](Self::draw) draws the area.
    pub(crate) fn resume(&self) {
        // If another thread writes, the next draw takes the terminal back.
        if let Some(mut area) = self.area_soon()
            && !matches!(area.shown, Shown::Ended)
        {
            area.shown = Shown::Nothing;
            if self.has_editor() {
                self.0.keys.enter();
            }
        }
    }

    /// Draws on the whole terminal, unless the program is stopped or in the background. The argument
    /// of the function is true if nothing of the last drawing is on the terminal.
    #[cfg(feature = "tui")]
    pub(crate) fn draw_whole(&self, draw: impl FnOnce(bool) -> io::Result<()>) -> io::Result<()> {
        let mut area = self.area();
        match area.shown {
            Shown::Suspended | Shown::Ended => Ok(()),
            Shown::Whole => draw(false),
            // A change of the mode would stop the program.
            _ if !terminal::is_foreground() => Ok(()),
            _ => {
                whole::enter()?;
                area.shown = Shown::Whole;
                draw(true)
            }
        }
    }

    /// Restores the terminal, and draws nothing any more. Blocks for at most [`PATIENCE`].
    pub(crate) fn restore(&self) {
        self.leave(Shown::Ended);
    }

    /// As [`restore`](Self::restore), but waits until the area can be erased.
    pub(crate) fn end(&self) {
        let mut area = self.area();
        area.erase();
        area.shown = Shown::Ended;
        self.0.keys.leave();
    }

    fn leave(&self, next: Shown) {
        if let Some(mut area) = self.area_soon()
            && !matches!(area.shown, Shown::Ended)
        {
            if terminal::is_writable() {
                area.erase();
            }
            area.shown = next;
        }
        #[cfg(feature = "tui")]
        if self.is_whole() {
            whole::leave_keys();
        }
        self.0.keys.leave();
    }

    fn draw_area(&self, area: &mut Area) {
        if matches!(area.shown, Shown::Suspended | Shown::Ended) {
            return;
        }
        let rows = self.rows(area.prompt.as_ref());
        let erase = match &area.shown {
            Shown::Rows(shown) if *shown == rows => return,
            Shown::Rows(_) => ERASE,
            _ => "",
        };
        // Not over the prompt of the shell.
        if !terminal::is_foreground() {
            return;
        }
        if self.has_editor() {
            // For the first time, after a start in the background, or after a stop that was not
            // announced.
            self.0.keys.enter();
        }
        draw_bytes(&format!("{erase}{rows}"));
        area.shown = Shown::Rows(rows);
    }

    /// The bytes that draw the area, and move the cursor to its first row.
    fn rows(&self, prompt: Option<&Prompt>) -> String {
        let shared = &*self.0;
        // The last column stays empty: behind it, terminals differ in where the cursor is.
        let width = terminal::stderr_width().unwrap_or(0).saturating_sub(1);
        let mut rows = String::new();
        let mut cursor = 0;
        if let Some(prompt) = prompt {
            let (row, column) = prompt.row(width);
            rows.push_str(&row);
            cursor = column;
        }
        if shared.parts.footer {
            let footer = footer::row(&shared.handle.status(), shared.timer.now(), width);
            let below = if prompt.is_some() { "\n" } else { "" };
            let (faint, plain) = if shared.colour { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
            let up = if prompt.is_some() { "\x1b[A" } else { "" };
            let _ = write!(rows, "{below}{faint}{footer}{plain}{up}");
        }
        rows.push('\r');
        if cursor > 0 {
            let _ = write!(rows, "\x1b[{cursor}C");
        }
        rows
    }

    fn area(&self) -> MutexGuard<'_, Area> {
        self.0.area.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if another thread is writing all the time: the terminal is stopped.
    fn area_soon(&self) -> Option<MutexGuard<'_, Area>> {
        const STEPS: u32 = 50;
        for _ in 0..STEPS {
            match self.0.area.try_lock() {
                Ok(area) => return Some(area),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => thread::park_timeout(PATIENCE / STEPS),
            }
        }
        None
    }
}

impl Area {
    fn erase(&mut self) {
        match self.shown {
            Shown::Rows(_) => draw_bytes(ERASE),
            #[cfg(feature = "tui")]
            Shown::Whole => whole::leave(),
            _ => return,
        }
        self.shown = Shown::Nothing;
    }
}

/// If standard error fails there is no place left to report that.
fn draw_bytes(bytes: &str) {
    let _ = Standard::Error.write_all(bytes.as_bytes());
}
