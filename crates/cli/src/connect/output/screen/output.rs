//! A standard output or error whose terminal also has the area.

use std::io::{self, IsTerminal, Write};

use super::Screen;

/// Writes to `W`. If that is a terminal, it erases the area before. A write must end with a line
/// end, since the area may be drawn after it.
pub(crate) struct Output<W> {
    screen: Screen,
    out: W,
    shared: bool,
}

impl<W: Write + IsTerminal> Output<W> {
    pub(crate) fn new(screen: Screen, out: W) -> Self {
        let shared = screen.is_live() && out.is_terminal();
        Self { screen, out, shared }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.out.is_terminal()
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.shared {
            return self.out.write(bytes);
        }
        let mut area = self.screen.area();
        area.erase();
        // All of it before another thread draws.
        self.out.write_all(bytes)?;
        self.out.flush()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
