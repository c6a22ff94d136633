//! The whole terminal, for `--tui`.

use std::io::{self, stdout};

use ratatui::crossterm::{
    cursor::Show,
    execute,
    terminal::{
        Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};

use crate::terminal::is_foreground;

/// Takes the whole terminal, and reads single keys.
pub(super) fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All))
}

/// Shows what the terminal showed before.
pub(super) fn leave() {
    if is_foreground() {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    }
}

/// Restores the mode of the keys. In the background the shell has the terminal, in a mode of its own.
pub(super) fn leave_keys() {
    if is_foreground() {
        let _ = disable_raw_mode();
    }
}
