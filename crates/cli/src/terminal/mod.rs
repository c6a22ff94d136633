//! The abilities of a terminal: [`colours`], [`stdout_width`], [`is_foreground`], and the modes of its input.

#[cfg(unix)]
mod mode;
#[cfg(not(unix))]
mod no_mode;
mod text;

use std::{env, io};

#[cfg(unix)]
pub(crate) use self::mode::KeyMode;
#[cfg(not(unix))]
pub(crate) use self::no_mode::KeyMode;
pub(crate) use self::text::{cell, columns, rows, tail, wrap};

/// The width of a terminal that does not know its width, for example a serial one.
pub(crate) const USUAL_WIDTH: usize = 80;

/// Whether the terminal understands only text: no colours, no movement of the cursor.
pub(crate) fn is_dumb() -> bool {
    let term = env::var_os("TERM").unwrap_or_default();
    // Only Unix sets the variable for each terminal.
    term == "dumb" || (cfg!(unix) && term.is_empty())
}

/// Whether an output gets colours: only a terminal that has them, and without `NO_COLOR`.
pub(crate) fn colours(terminal: bool) -> bool {
    // https://no-color.org: any value that is not empty disables colours.
    let disabled = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    terminal && !disabled && !is_dumb()
}

/// Whether another program reads standard output. It may write to the same terminal, as in
/// `wsbeat connect URL --json | jq`.
#[cfg(unix)]
pub(crate) fn is_piped() -> bool {
    use std::{
        fs::File,
        os::{fd::AsFd, unix::fs::FileTypeExt},
    };
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let kind = stdout.and_then(|stdout| stdout.metadata()).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket())
}

/// On other systems nothing is drawn.
#[cfg(not(unix))]
pub(crate) fn is_piped() -> bool {
    false
}

/// The columns of the terminal at standard output. `None` if that is no terminal.
pub(crate) fn stdout_width() -> Option<usize> {
    #[cfg(unix)]
    return width(io::stdout());
    // Nothing is wrapped.
    #[cfg(not(unix))]
    None
}

/// The columns of the terminal at standard error. `None` if that is no terminal.
pub(crate) fn stderr_width() -> Option<usize> {
    #[cfg(unix)]
    return width(io::stderr());
    #[cfg(not(unix))]
    None
}

#[cfg(unix)]
fn width(terminal: impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(if size.ws_col == 0 { USUAL_WIDTH } else { size.ws_col.into() })
}

/// Whether the terminal takes input and output of this program. A program in the background that
/// reads is stopped by SIGTTIN. Without a terminal, always.
#[cfg(unix)]
pub(crate) fn is_foreground() -> bool {
    use nix::unistd::{getpgrp, tcgetpgrp};
    let group = tcgetpgrp(io::stdin()).or_else(|_| tcgetpgrp(io::stderr()));
    // A terminal that does not control this session stops no reader, and has no such group.
    group.map_or(true, |group| group == getpgrp())
}

/// On other systems there are no jobs.
#[cfg(not(unix))]
pub(crate) fn is_foreground() -> bool {
    true
}

/// Waits until standard input can be read, or for this time, and reads nothing.
#[cfg(all(unix, feature = "tui"))]
pub(crate) fn await_input(time: std::time::Duration) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let time =
        Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() };
    let stdin = io::stdin();
    // After a signal or an error the next read decides.
    let _ = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&time));
}

/// On other systems the read waits.
#[cfg(all(not(unix), feature = "tui"))]
pub(crate) fn await_input(_: std::time::Duration) {}

/// Whether standard error takes some bytes without a wait. A terminal that ctrl-S has stopped does
/// not.
#[cfg(unix)]
pub(crate) fn is_writable() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let stderr = io::stderr();
    poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&now)).is_ok_and(|ready| ready > 0)
}

/// On other systems nothing is drawn.
#[cfg(not(unix))]
pub(crate) fn is_writable() -> bool {
    false
}
