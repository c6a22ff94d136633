//! Standard input: each line, or each message in another format, goes into the outbox.
//!
//! A separate thread reads it, since a read blocks, and non-blocking mode would also apply to the
//! terminal. While the outbox is full the thread waits, and the writer at the other end of the pipe
//! also waits.

use std::{
    io::{self, BufRead},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use futures::{
    SinkExt,
    channel::mpsc::{Receiver, Sender, channel},
};
use websocket_heartbeat_smol::{DropReason, Handle, Message, QueueError, Receipt};

use crate::{
    framing::{Decoded, Decoder, Framing},
    usage::UsageError,
};

/// The format of standard input.
#[derive(clap::Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputOptions {
    /// The format of standard input. lines: each line is a message; raw: all input is one message,
    /// at its end; nul: each message ends with a zero byte; length: the length is before each
    /// message, as 4 bytes, the highest first; base64: each line is a binary message in base64; json:
    /// each line is an object with text or base64, such as the messages of --json; lines of other
    /// events are skipped
    #[arg(
        long = "in",
        value_enum,
        value_name = "FORMAT",
        default_value = "lines",
        hide_possible_values = true
    )]
    framing: Framing,
    /// Send binary messages instead of text
    #[arg(long)]
    binary: bool,
}

impl InputOptions {
    /// Refuses options without effect.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        match self.framing {
            Framing::Base64 | Framing::Json if self.binary => Err(UsageError(format!(
                "--binary has no effect with --in {}; leave one out",
                self.framing.name()
            ))),
            _ => Ok(()),
        }
    }

    /// The decoder of messages of at most `limit` bytes.
    pub(crate) fn decoder(&self, limit: usize) -> Decoder {
        Decoder::new(self.framing, self.binary, limit)
    }
}

/// The maximum number of bytes that are read and reported after the session is closed. It is many
/// times the capacity of a pipe, and it limits endless input.
const READ_AFTER_CLOSE: usize = 1 << 20;

/// The maximum number of inputs that wait for the main thread.
const CHANNEL: usize = 256;

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
}

/// The main thread's side of the reader.
pub(crate) struct Stdin {
    pub(crate) inputs: Receiver<Input>,
    flags: Arc<Flags>,
}

struct Flags {
    /// Locked while it is fed.
    decoder: Mutex<Decoder>,
    /// The session is closed: input that waits is still read and reported, later input is not.
    session_closed: AtomicBool,
    /// The thread waits for input.
    idle: AtomicBool,
}

impl Stdin {
    /// Starts to read messages.
    pub(crate) fn start(handle: Handle, decoder: Decoder) -> io::Result<Self> {
        let (sender, inputs) = channel(CHANNEL);
        let flags = Arc::new(Flags {
            decoder: Mutex::new(decoder),
            session_closed: AtomicBool::new(false),
            idle: AtomicBool::new(false),
        });
        let reader = Reader { handle, sender, flags: Arc::clone(&flags) };
        thread::Builder::new()
            .name("stdin".into())
            .spawn(move || async_io::block_on(reader.run()))?;
        Ok(Self { inputs, flags })
    }

    /// Reports to the thread that the session is closed.
    pub(crate) fn session_closed(&self) {
        self.flags.session_closed.store(true, SeqCst);
    }

    /// The message whose end was not read before the session was closed, after [`Self::is_done`].
    pub(crate) fn unfinished(&self) -> Option<Input> {
        Some(match self.flags.finish()? {
            Decoded::Message(message) => Input::Dropped(DropReason::SessionEnded.name(), message),
            Decoded::Rejected(reason, frame) => Input::Dropped(reason, frame),
        })
    }

    /// Whether the thread sends no more input, once the session is closed.
    pub(crate) fn is_done(&self) -> bool {
        // The flag is read twice, since the thread may read the waiting input between the two
        // reads.
        !cfg!(unix)
            || (self.flags.idle.load(SeqCst) && !is_readable(false) && self.flags.idle.load(SeqCst))
    }
}

impl Flags {
    fn feed(&self, bytes: &[u8], each: impl FnMut(Decoded)) {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner).feed(bytes, each);
    }

    fn finish(&self) -> Option<Decoded> {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner).finish()
    }
}

struct Reader {
    handle: Handle,
    sender: Sender<Input>,
    flags: Arc<Flags>,
}

impl Reader {
    async fn run(mut self) {
        let mut lines = Vec::new();
        let mut read_after_close = 0;
        loop {
            if !is_readable(false) {
                self.flags.idle.store(true, SeqCst);
                if self.flags.session_closed.load(SeqCst) {
                    break;
                }
                is_readable(true);
                self.flags.idle.store(false, SeqCst);
            }
            // The buffer is consumed completely each time, so that `poll` sees all unread input.
            let mut stdin = io::stdin().lock();
            let length = match stdin.fill_buf() {
                Ok([]) => {
                    lines.extend(self.flags.finish());
                    drop(stdin);
                    self.enqueue(&mut lines).await;
                    break;
                }
                Ok(bytes) => {
                    self.flags.feed(bytes, |line| lines.push(line));
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

    async fn enqueue(&mut self, messages: &mut Vec<Decoded>) {
        for message in messages.drain(..) {
            let input = match message {
                Decoded::Message(message) => match self.handle.queue_with_receipt(message).await {
                    Ok(receipt) => Input::Accepted(receipt),
                    Err(error) => Input::Dropped(reason(&error), error.into_message()),
                },
                Decoded::Rejected(reason, frame) => Input::Dropped(reason, frame),
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

/// Whether a read of standard input would return immediately. With `wait` it first waits until it
/// would.
#[cfg(unix)]
fn is_readable(wait: bool) -> bool {
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
fn is_readable(_: bool) -> bool {
    true
}
