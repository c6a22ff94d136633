//! Standard input: each line, or each message in another format, goes into the outbox.
//!
//! A separate thread reads it, since a read blocks, and non-blocking mode would also apply to the
//! terminal. While the outbox is full the thread waits, and the writer at the other end of the pipe
//! also waits. On a terminal the thread also edits the line, see [`Keyboard`].

mod editor;
mod keyboard;
mod keys;
mod options;

use std::{
    io::{self, IsTerminal, Read},
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::Poll,
    thread,
    time::Duration,
};

use futures::{
    SinkExt,
    channel::mpsc::{Receiver, Sender, channel},
    executor::block_on,
    poll,
};
use websocket_heartbeat_smol::{DropReason, Handle, Message, QueueError, Receipt};

use self::keyboard::Keyboard;
pub(super) use self::options::InputOptions;
use super::{closing::Closer, output::Screen};
use crate::{
    framing::{Decoded, Decoder},
    terminal,
};

/// The maximum number of bytes that are read and reported after the session is closed. It is many
/// times the capacity of a pipe, and it limits endless input.
const READ_AFTER_CLOSE: usize = 1 << 20;

/// The number of bytes that are read at once, which is the capacity of a pipe on Linux. It also
/// limits the memory of one [`Input::Lines`], apart from the beginning of one line that is too long.
const CHUNK: usize = 64 << 10;

/// The number of inputs that wait for the main thread: one, and the one that is being sent.
const CHANNEL: usize = 0;

/// The time after which a program in the background looks again whether it may read. It looks only
/// while something waits to be read, and a person hardly notices this delay.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// One report of the reading thread.
pub(super) enum Input {
    /// Lines in their order.
    Lines(Vec<Line>),
    /// No more input is read.
    Ended,
    /// More than [`READ_AFTER_CLOSE`] waits after the session is closed; the rest is not read.
    Truncated,
    /// A read failed.
    Failed(io::Error),
    /// Standard input is a terminal, and this program is in the background. Reported once.
    Background,
}

/// A line of standard input, or a message in another format.
pub(super) enum Line {
    /// The outbox accepted it.
    Accepted(Receipt),
    /// The outbox did not accept it, for this reason.
    Dropped(&'static str, Message),
}

/// The main thread's side of the reader.
pub(super) struct Stdin {
    pub(super) inputs: Receiver<Input>,
    closer: Closer,
    shared: Arc<Shared>,
}

/// The state of both threads.
struct Shared {
    /// The session gave up. Set once.
    gave_up: AtomicBool,
    /// Locked while it is fed.
    decoder: Mutex<Decoder>,
}

impl Shared {
    fn feed(&self, bytes: &[u8], each: impl FnMut(Decoded)) {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner).feed(bytes, each);
    }

    fn finish(&self) -> Option<Decoded> {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner).finish()
    }
}

impl Stdin {
    /// Starts to read messages. A line that a user types may have `limit` bytes.
    pub(super) fn start(
        handle: Handle,
        closer: Closer,
        decoder: Decoder,
        screen: Screen,
        limit: usize,
    ) -> io::Result<Self> {
        let (sender, inputs) = channel(CHANNEL);
        let gave_up = AtomicBool::new(false);
        let shared = Arc::new(Shared { gave_up, decoder: Mutex::new(decoder) });
        let reader = Reader {
            handle,
            closer: closer.clone(),
            sender,
            shared: Arc::clone(&shared),
            keyboard: screen.has_editor().then(|| Keyboard::new(screen, limit)),
            background_reported: false,
        };
        thread::Builder::new().name("stdin".into()).spawn(move || block_on(reader.run()))?;
        Ok(Self { inputs, closer, shared })
    }

    /// Reports to the thread that the session gave up: input that waits is still read and reported,
    /// later input is not.
    pub(super) fn session_gave_up(&self) {
        self.shared.gave_up.store(true, SeqCst);
    }

    /// The message whose beginning was read and whose end was not, after [`Self::is_done`].
    pub(super) fn unfinished(&self) -> Option<Line> {
        Some(match self.shared.finish()? {
            Decoded::Message(message) => Line::Dropped(DropReason::SessionEnded.name(), message),
            Decoded::Rejected(reason, frame) => Line::Dropped(reason, frame),
        })
    }

    /// Whether the thread sends no more input, once the session is closed.
    pub(super) fn is_done(&self) -> bool {
        let idle = || self.closer.is_reader_idle();
        // The state is read twice, since the thread may read the waiting input between the two
        // reads.
        !cfg!(unix) || (idle() && !is_readable() && idle())
    }
}

struct Reader {
    handle: Handle,
    closer: Closer,
    sender: Sender<Input>,
    shared: Arc<Shared>,
    /// With the editor.
    keyboard: Option<Keyboard>,
    background_reported: bool,
}

impl Reader {
    async fn run(mut self) {
        let mut lines = Vec::new();
        let mut chunk = vec![0; CHUNK];
        let mut read_after_close = 0;
        loop {
            if !is_readable() {
                // The main thread may have found this thread busy, and waits for its end.
                if self.shared.gave_up.load(SeqCst) || self.closer.by().is_some() {
                    break;
                }
                self.wait().await;
            }
            // Elsewhere a read waits, and the thread has no line in that time.
            if cfg!(unix) && !self.closer.begin_reading() {
                break;
            }
            let read = io::stdin().lock().read(&mut chunk);
            if cfg!(not(unix)) && !self.closer.begin_reading() {
                break;
            }
            let length = match read {
                Ok(0) => {
                    lines.extend(self.shared.finish());
                    self.enqueue(&mut lines).await;
                    break;
                }
                Ok(length) => length,
                Err(error) if is_temporary(&error) => {
                    self.closer.end_reading();
                    continue;
                }
                Err(error) => {
                    self.report(Input::Failed(error)).await;
                    break;
                }
            };
            let mut feed = |bytes: &[u8]| self.shared.feed(bytes, |line| lines.push(line));
            match &mut self.keyboard {
                None => feed(&chunk[..length]),
                Some(keyboard) => keyboard.feed(&chunk[..length], feed),
            }
            self.enqueue(&mut lines).await;
            if self.keyboard.as_ref().is_some_and(Keyboard::has_ended) {
                break;
            }
            self.closer.end_reading();
            if self.shared.gave_up.load(SeqCst) {
                read_after_close += length;
                if read_after_close >= READ_AFTER_CLOSE {
                    self.report(Input::Truncated).await;
                    break;
                }
            }
        }
        self.closer.end_reading();
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

    /// Puts the lines into the outbox, and reports them together.
    async fn enqueue(&mut self, messages: &mut Vec<Decoded>) {
        let mut done = Vec::with_capacity(messages.len());
        for message in messages.drain(..) {
            let line = match message {
                Decoded::Message(message) => {
                    let mut queuing = pin!(self.handle.queue_with_receipt(message));
                    let queued = match poll!(&mut queuing) {
                        Poll::Ready(queued) => queued,
                        Poll::Pending => {
                            // Fates are reported while the outbox is full.
                            send(&mut self.sender, &mut done).await;
                            queuing.await
                        }
                    };
                    match queued {
                        Ok(receipt) => Line::Accepted(receipt),
                        Err(error) => Line::Dropped(reason(&error), error.into_message()),
                    }
                }
                Decoded::Rejected(reason, frame) => Line::Dropped(reason, frame),
            };
            done.push(line);
        }
        send(&mut self.sender, &mut done).await;
    }

    async fn report(&mut self, input: Input) {
        // If the receiver is gone the program ends.
        let _ = self.sender.send(input).await;
    }
}

async fn send(sender: &mut Sender<Input>, done: &mut Vec<Line>) {
    if !done.is_empty() {
        let _ = sender.send(Input::Lines(mem::take(done))).await;
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

/// Whether to read again. `WouldBlock` comes if another process has set non-blocking mode.
fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
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
