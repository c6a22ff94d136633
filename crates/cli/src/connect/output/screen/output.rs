//! A standard output or error whose terminal also has the area.

use std::io::{self, Write};

use super::Screen;
use crate::standard::Standard;

/// Writes to a standard stream. If that is a terminal, it erases the area before. A write must end
/// with a line end, since the area may be drawn after it.
#[derive(Clone)]
pub(crate) struct Output {
    screen: Screen,
    stream: Standard,
    shared: bool,
}

impl Output {
    pub(crate) fn new(screen: Screen, stream: Standard) -> Self {
        let shared = screen.is_live() && stream.is_terminal();
        Self { screen, stream, shared }
    }

    /// Draws the area again after a write. Otherwise it is drawn when the session waits.
    pub(crate) fn draw(&self) {
        self.screen.draw();
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.shared {
            return self.stream.write(bytes);
        }
        let mut area = self.screen.area();
        area.erase();
        // All of it before another thread draws.
        self.stream.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
