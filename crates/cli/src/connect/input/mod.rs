//! Standard input: each line goes into the outbox.
//!
//! A separate thread reads it, since a read blocks, and non-blocking mode would also apply to the
//! terminal. While the outbox is full the thread waits, and the writer at the other end of the pipe
//! also waits. On a terminal the thread also edits the line, see [`Keyboard`].

mod editor;
mod keyboard;
mod keys;
mod lines;

use std::{
    io::{self, BufRead, IsTerminal},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use futures::{
    SinkExt,
    channel::mpsc::{Receiver, Sender, channel},
};
use websocket_heartbeat_smol::{DropReason, Handle, Message, QueueError, Receipt};

use self::{
    keyboard::Keyboard,
    lines::{InputLine, LineSplitter},
};
use super::output::Screen;
use crate::terminal;

/// The maximum number of bytes that are read and reported after the session is closed. It is many
/// times the capacity of a pipe, and it limits endless input.
const READ_AFTER_CLOSE: usize = 1 << 20;

/// The maximum number of inputs that wait for the main thread.
const CHANNEL: usize = 256;

/// The time after which a program in the background looks again whether it may read. It looks only
/// while something waits to be read, and a person hardly notices this delay.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// One report of the reading thread.
pub(crate) enum Input {
    /// The outbox accepted a line.
    Accepted(Receipt),
    /// The outbox did not accept a line, for this reason.
    Dropped(&'static str, Message),
    /// No more input is read.
    Ended,
    /// More than [`READ_AFTER_CLOSE`] waits after the session is closed; the rest is not read.
    Truncated,
    /// A read failed.
    Failed(io::Error),
    /// Standard input is a terminal, and this program is in the background. Reported once.
    Background,
}

/// The main thread's side of the reader.
pub(crate) struct Stdin {
    pub(crate) inputs: Receiver<Input>,
    flags: Arc<Flags>,
}

#[derive(Default)]
struct Flags {
    /// The session is closed: input that waits is still read and reported, later input is not.
    session_closed: AtomicBool,
    /// The thread waits for input.
    idle: AtomicBool,
}

impl Stdin {
    /// Starts to read lines of at most `limit` bytes.
    pub(crate) fn start(handle: Handle, limit: usize, screen: Screen) -> io::Result<Self> {
        let (sender, inputs) = channel(CHANNEL);
        let flags = Arc::new(Flags::default());
        let keyboard = screen.has_editor().then(|| Keyboard::new(screen, limit));
        let reader = Reader {
            handle,
            sender,
            flags: Arc::clone(&flags),
            keyboard,
            background_reported: false,
        };
        thread::Builder::new()
            .name("stdin".into())
            .spawn(move || async_io::block_on(reader.run(limit)))?;
        Ok(Self { inputs, flags })
    }

    /// Reports to the thread that the session is closed.
    pub(crate) fn session_closed(&self) {
        self.flags.session_closed.store(true, SeqCst);
    }

    /// Whether the thread sends no more input, once the session is closed.
    pub(crate) fn is_done(&self) -> bool {
        // The flag is read twice, since the thread may read the waiting input between the two
        // reads.
        !cfg!(unix)
            || (self.flags.idle.load(SeqCst) && !is_readable() && self.flags.idle.load(SeqCst))
    }
}

struct Reader {
    handle: Handle,
    sender: Sender<Input>,
    flags: Arc<Flags>,
    /// With the editor.
    keyboard: Option<Keyboard>,
    background_reported: bool,
}

impl Reader {
    async fn run(mut self, limit: usize) {
        let mut splitter = LineSplitter::new(limit);
        let mut lines = Vec::new();
        let mut read_after_close = 0;
        loop {
            if !is_readable() {
                self.flags.idle.store(true, SeqCst);
                if self.flags.session_closed.load(SeqCst) {
                    break;
                }
                self.wait().await;
                self.flags.idle.store(false, SeqCst);
            }
            // The buffer is consumed completely each time, so that `poll` sees all unread input.
            let mut stdin = io::stdin().lock();
            let length = match stdin.fill_buf() {
                Ok([]) => {
                    lines.extend(splitter.finish());
                    drop(stdin);
                    self.enqueue(&mut lines).await;
                    break;
                }
                Ok(bytes) => {
                    let mut split = |bytes: &[u8]| splitter.feed(bytes, |line| lines.push(line));
                    match &mut self.keyboard {
                        None => split(bytes),
                        Some(keyboard) => keyboard.feed(bytes, split),
                    }
                    bytes.len()
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    drop(stdin);
                    self.report(Input::Failed(error)).await;
                    break;
                }
            };
            stdin.consume(length);
            drop(stdin);
            self.enqueue(&mut lines).await;
            if self.keyboard.as_ref().is_some_and(Keyboard::has_ended) {
                break;
            }
            if self.flags.session_closed.load(SeqCst) {
                read_after_close += length;
                if read_after_close >= READ_AFTER_CLOSE {
                    self.report(Input::Truncated).await;
                    break;
                }
            }
        }
        self.report(Input::Ended).await;
    }

    /// Waits until a read would return immediately.
    async fn wait(&mut self) {
        loop {
            if !may_read() && !self.background_reported {
                self.background_reported = true;
                self.report(Input::Background).await;
            }
            poll_stdin(true);
            if may_read() {
                return;
            }
            // Another program of the terminal is going to read what waits.
            async_io::Timer::after(LOOK_AGAIN).await;
        }
    }

    async fn enqueue(&mut self, lines: &mut Vec<InputLine>) {
        for line in lines.drain(..) {
            let input = match line {
                InputLine::Whole(line) => match String::from_utf8(line) {
                    Ok(line) => match self.handle.queue_with_receipt(line).await {
                        Ok(receipt) => Input::Accepted(receipt),
                        Err(error) => Input::Dropped(reason(&error), error.into_message()),
                    },
                    Err(error) => Input::Dropped("not_utf8", error.into_bytes().into()),
                },
                InputLine::TooLong(head) => {
                    let message = match String::from_utf8(head) {
                        Ok(head) => head.into(),
                        Err(error) => error.into_bytes().into(),
                    };
                    Input::Dropped(DropReason::TooLarge.name(), message)
                }
            };
            self.report(input).await;
        }
    }

    async fn report(&mut self, input: Input) {
        // If the receiver is gone the program ends.
        let _ = self.sender.send(input).await;
    }
}

fn reason(error: &QueueError) -> &'static str {
    match error {
        QueueError::Offline(_) => DropReason::Offline,
        QueueError::Full(_) => DropReason::Overflow,
        QueueError::TooLarge(_) => DropReason::TooLarge,
        _ => DropReason::SessionEnded,
    }
    .name()
}

/// Whether a read of standard input would return immediately.
fn is_readable() -> bool {
    poll_stdin(false) && may_read()
}

/// Whether a read is allowed: a program in the background that reads a terminal is stopped.
fn may_read() -> bool {
    !io::stdin().is_terminal() || terminal::is_foreground()
}

/// Whether standard input has something to read, or has ended. With `wait` it first waits until it
/// has.
#[cfg(unix)]
fn poll_stdin(wait: bool) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let timeout = (!wait).then_some(Timespec { tv_sec: 0, tv_nsec: 0 });
    loop {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], timeout.as_ref()) {
            Ok(count) => return count > 0,
            Err(rustix::io::Errno::INTR) => {}
            // The read will report the error.
            Err(_) => return true,
        }
    }
}

/// On other systems the read itself waits, and input that is unread at the end is ignored.
#[cfg(not(unix))]
fn poll_stdin(_: bool) -> bool {
    true
}
