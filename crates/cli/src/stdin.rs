//! Standard input, line by line into the outbox.
//!
//! It is read on a thread of its own: a read of it blocks, and it cannot be put into non-blocking
//! mode without doing so to the terminal as well. When the outbox is full the thread waits, and so
//! does whoever writes to the other end of the pipe.

use std::{
    io::{self, BufRead},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use futures::{
    SinkExt,
    channel::mpsc::{Receiver, Sender, channel},
};
use websocket_heartbeat_smol::{DropReason, Handle, Message, QueueError, Receipt};

use crate::lines::{Piece, Splitter};

/// How much is still read, to be reported, when the session is over: many times what a pipe
/// holds, and an end to what never ends.
const AFTERMATH: usize = 1 << 20;

/// Lines on their way to the main thread.
const CHANNEL: usize = 256;

/// What became of a line, so far.
pub(crate) enum Input {
    /// The outbox has it.
    Accepted(Receipt),
    /// It was not accepted.
    Dropped(&'static str, Message),
    /// The end of standard input, or of what is read of it after the session.
    Ended,
    /// After the session more waits than is read.
    Left,
    /// Standard input cannot be read.
    Failed(io::Error),
}

/// The reader, as the main thread sees it.
pub(crate) struct Stdin {
    pub(crate) inputs: Receiver<Input>,
    signs: Arc<Signs>,
}

#[derive(Default)]
struct Signs {
    /// The session is over: what waits is read and reported, and then no more.
    over: AtomicBool,
    /// The thread waits for something to read.
    rests: AtomicBool,
}

impl Stdin {
    /// Begins to read lines of at most `limit` bytes.
    pub(crate) fn start(handle: Handle, limit: usize) -> io::Result<Self> {
        let (sender, inputs) = channel(CHANNEL);
        let signs = Arc::new(Signs::default());
        let reader = Reader { handle, sender, signs: Arc::clone(&signs) };
        thread::Builder::new()
            .name("stdin".into())
            .spawn(move || async_io::block_on(reader.run(limit)))?;
        Ok(Self { inputs, signs })
    }

    /// Says that the session is over; true if nothing more will come of standard input.
    pub(crate) fn is_done_after_session(&self) -> bool {
        self.signs.over.store(true, SeqCst);
        // Looked at twice: in between the thread may have read what there was.
        !cfg!(unix)
            || (self.signs.rests.load(SeqCst) && !waits(false) && self.signs.rests.load(SeqCst))
    }
}

struct Reader {
    handle: Handle,
    sender: Sender<Input>,
    signs: Arc<Signs>,
}

impl Reader {
    async fn run(mut self, limit: usize) {
        let mut splitter = Splitter::new(limit);
        let mut pieces = Vec::new();
        let mut aftermath = 0;
        loop {
            if !waits(false) {
                self.signs.rests.store(true, SeqCst);
                if self.signs.over.load(SeqCst) {
                    break;
                }
                waits(true);
                self.signs.rests.store(false, SeqCst);
            }
            // Consumed whole each time, so that nothing hides in its buffer.
            let mut stdin = io::stdin().lock();
            let length = match stdin.fill_buf() {
                Ok([]) => {
                    pieces.extend(splitter.finish());
                    drop(stdin);
                    self.pass_on(&mut pieces).await;
                    break;
                }
                Ok(bytes) => {
                    splitter.feed(bytes, |piece| pieces.push(piece));
                    bytes.len()
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    drop(stdin);
                    self.tell(Input::Failed(error)).await;
                    break;
                }
            };
            stdin.consume(length);
            drop(stdin);
            self.pass_on(&mut pieces).await;
            if self.signs.over.load(SeqCst) {
                aftermath += length;
                if aftermath >= AFTERMATH {
                    self.tell(Input::Left).await;
                    break;
                }
            }
        }
        self.tell(Input::Ended).await;
    }

    async fn pass_on(&mut self, pieces: &mut Vec<Piece>) {
        for piece in pieces.drain(..) {
            let input = match piece {
                Piece::Line(line) => match String::from_utf8(line) {
                    Ok(line) => match self.handle.queue_with_receipt(line).await {
                        Ok(receipt) => Input::Accepted(receipt),
                        Err(error) => Input::Dropped(reason(&error), error.into_message()),
                    },
                    Err(error) => Input::Dropped("not_utf8", error.into_bytes().into()),
                },
                Piece::TooLong(head) => {
                    let message = match String::from_utf8(head) {
                        Ok(head) => head.into(),
                        Err(error) => error.into_bytes().into(),
                    };
                    Input::Dropped(DropReason::TooLarge.name(), message)
                }
            };
            // If nobody listens any more there is nobody to tell.
            let _ = self.sender.send(input).await;
        }
    }

    async fn tell(&mut self, input: Input) {
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

/// Whether a read of standard input would not block; asked to be `patient`, waits until it would
/// not.
#[cfg(unix)]
fn waits(patient: bool) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let timeout = (!patient).then_some(Timespec { tv_sec: 0, tv_nsec: 0 });
    loop {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], timeout.as_ref()) {
            Ok(count) => return count > 0,
            Err(rustix::io::Errno::INTR) => {}
            // The read itself will say what is wrong.
            Err(_) => return true,
        }
    }
}

/// Elsewhere the read itself waits, and what has not been read by the end is left.
#[cfg(not(unix))]
fn waits(_: bool) -> bool {
    true
}
