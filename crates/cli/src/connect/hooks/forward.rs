//! The output of a command on a terminal that has the editor and the footer: [`Forward`].

use std::{
    io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write, pipe},
    thread,
    time::Duration,
};

use futures::{channel::oneshot, future::select};

use crate::connect::output::Output;

/// The time for the last lines after the command has ended. It may have left a program that still
/// has the pipe.
const LAST_LINES: Duration = Duration::from_millis(100);

/// Passes the lines of a command to the terminal.
pub(super) struct Forward {
    /// Resolves after the last line.
    ended: oneshot::Receiver<()>,
}

impl Forward {
    /// Starts the thread, which ends when all copies of the writer are closed: also those of programs
    /// that the command leaves.
    pub(super) fn start(to: Output) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = pipe()?;
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("output".into()).spawn(move || {
            forward(reader, to);
            let _ = end.send(());
        })?;
        Ok((Self { ended }, writer))
    }

    /// Waits for the last line.
    pub(super) async fn finish(self) {
        select(self.ended, async_io::Timer::after(LAST_LINES)).await;
    }
}

fn forward(reader: PipeReader, mut to: Output) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        // If standard error fails there is no place left to report that.
        let _ = to.write_all(&line);
        to.draw();
        line.clear();
    }
}
