//! Standard output and standard error: writes that wait.

use std::io::{self, IsTerminal, Write};

/// A standard stream without a buffer. If another process has set it to non-blocking mode, a write
/// waits until there is room, as in blocking mode. The mode belongs to the open file, which programs
/// share: for example, ssh sets it on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standard {
    Output,
    Error,
}

impl Standard {
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Output => io::stdout().is_terminal(),
            Self::Error => io::stderr().is_terminal(),
        }
    }
}

#[cfg(unix)]
impl Standard {
    fn write_some(self, bytes: &[u8]) -> io::Result<usize> {
        use std::os::fd::AsFd;
        match self {
            Self::Output => write_waiting(io::stdout().as_fd(), bytes),
            Self::Error => write_waiting(io::stderr().as_fd(), bytes),
        }
    }
}

#[cfg(unix)]
fn write_waiting(stream: std::os::fd::BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::{Errno, write},
    };
    loop {
        match write(stream, bytes) {
            Err(Errno::INTR) => {}
            // The next write shows an error of `poll`, too.
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::new(&stream, PollFlags::OUT)], None)),
            result => return result.map_err(io::Error::from),
        }
    }
}

#[cfg(not(unix))]
impl Standard {
    fn write_some(self, bytes: &[u8]) -> io::Result<usize> {
        // Standard output of the library has a buffer.
        match self {
            Self::Output => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush())?,
            Self::Error => io::stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_some(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
