//! The modes of the terminal at standard input: whole lines, or single keys.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::is_foreground;

/// Lets the program read single keys, and restores the former mode.
#[derive(Debug, Default)]
pub(crate) struct KeyMode {
    /// The mode before the first change. It is not read again after a stop, since a shell may have
    /// saved and restored the mode of this program.
    former: Mutex<Option<Termios>>,
}

impl KeyMode {
    /// Begins to read single keys, without echo. Keys for signals (ctrl-C, ctrl-Z, ctrl-\) still
    /// send signals to the whole foreground group, as other programs of a pipeline expect.
    /// Does nothing in the background, where a change would stop the program. Never blocks.
    pub(crate) fn enter(&self) {
        let Ok(mut mode) = tcgetattr(io::stdin()) else { return };
        if !mode.local_modes.contains(LocalModes::ICANON) || !is_foreground() {
            return;
        }
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.get_or_insert_with(|| mode.clone());
        // IEXTEN: ctrl-V and ctrl-O would not arrive.
        mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        mode.special_codes[SpecialCodeIndex::VMIN] = 1;
        mode.special_codes[SpecialCodeIndex::VTIME] = 0;
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &mode);
    }

    /// Restores the mode before [`enter`](Self::enter). Never blocks. In the background the shell
    /// has the terminal, in a mode of its own.
    pub(crate) fn leave(&self) {
        let former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = &*former
            && is_foreground()
        {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, former);
        }
    }
}
