//! The close of the session by this program or by its user: [`Closer`].

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use async_io::{Timer, block_on};
use websocket_heartbeat_smol::{CloseFrame, Handle, Phase};

use crate::duration::show;

/// The time for the outbox to accept the lines that were already read, before the session closes. A
/// server that reads needs milliseconds, and the close timeout of the session follows.
const GRACE: Duration = Duration::from_secs(1);

/// Who closed the session, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A signal.
    User,
    /// All of standard input was sent.
    EndOfInput,
    /// The same, and no message came for this time.
    Silence(Duration),
    /// The time of `--duration`.
    Duration(Duration),
    /// This number of messages came.
    Messages(u64),
    OutputClosed,
    InputFailed,
}

/// The words for `detail` of the record `closed`.
impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("closed by the user"),
            Self::EndOfInput => f.write_str("closed at the end of standard input"),
            Self::Silence(time) => {
                let time = show(*time);
                write!(f, "closed at the end of standard input, after {time} without a message")
            }
            Self::Duration(time) => {
                write!(f, "closed after the time of --duration, {}", show(*time))
            }
            Self::Messages(1) => f.write_str("closed after 1 message"),
            Self::Messages(count) => write!(f, "closed after {count} messages"),
            Self::OutputClosed => {
                f.write_str("closed because standard output was closed or cannot be written")
            }
            Self::InputFailed => f.write_str("closed because standard input cannot be read"),
        }
    }
}

/// Closes the session, from any thread, when the outbox has the lines that were already read from
/// standard input.
#[derive(Clone)]
pub(super) struct Closer {
    handle: Handle,
    /// The close frame that the user chose.
    frame: Option<CloseFrame>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    by: OnceLock<By>,
    reader: Mutex<ReaderState>,
}

/// The state of the thread that reads standard input.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ReaderState {
    /// It has no lines.
    #[default]
    Idle,
    /// It reads, or has lines that are not in the outbox.
    Busy,
    /// It is busy, and closes the session after that.
    Closing,
}

impl Closer {
    pub(super) fn new(handle: Handle, frame: Option<CloseFrame>) -> Self {
        Self { handle, frame, shared: Arc::default() }
    }

    /// Closes the session gracefully: at once, or if the outbox has to accept lines, after at most
    /// [`GRACE`]. The first call decides the cause; later calls have no effect.
    pub(super) fn close(&self, by: By) {
        if self.shared.by.set(by).is_err() {
            return;
        }
        // Without a connection the outbox makes no room.
        let open = self.is_open();
        let mut reader = self.reader();
        if *reader == ReaderState::Idle || !open {
            drop(reader);
            return self.close_now();
        }
        *reader = ReaderState::Closing;
        drop(reader);
        // A separate thread, since all others may wait: for room in the outbox or for output.
        let closer = self.clone();
        let limit = move || {
            block_on(Timer::after(GRACE));
            closer.close_now();
        };
        if thread::Builder::new().name("close".into()).spawn(limit).is_err() {
            self.close_now();
        }
    }

    /// Whether a connection is open.
    pub(super) fn is_open(&self) -> bool {
        self.handle.status().phase == Phase::Open
    }

    fn close_now(&self) {
        match &self.frame {
            None => self.handle.close(),
            Some(frame) => {
                let closed = self.handle.close_with(frame.clone());
                debug_assert!(closed.is_ok(), "the options were checked");
            }
        }
    }

    /// Closes the session immediately.
    pub(super) fn abort(&self) {
        self.handle.abort();
    }

    /// The cause of the close, if it was requested.
    pub(super) fn by(&self) -> Option<&By> {
        self.shared.by.get()
    }

    /// Whether the session was closed since standard input was sent.
    pub(super) fn is_end_of_input(&self) -> bool {
        matches!(self.by(), Some(By::EndOfInput | By::Silence(_)))
    }

    /// The reader begins to read. False if it must not, because the session closes.
    pub(super) fn begin_reading(&self) -> bool {
        // The cause is set before the state is read, so a close either finds the reader busy or is
        // found here.
        let mut reader = self.reader();
        let begins = self.by().is_none();
        if begins {
            *reader = ReaderState::Busy;
        }
        begins
    }

    /// All lines that were read are in the outbox or refused.
    pub(super) fn end_reading(&self) {
        let state = std::mem::take(&mut *self.reader());
        if state == ReaderState::Closing {
            self.close_now();
        }
    }

    /// Whether the reader has no lines.
    pub(super) fn is_reader_idle(&self) -> bool {
        *self.reader() == ReaderState::Idle
    }

    fn reader(&self) -> MutexGuard<'_, ReaderState> {
        self.shared.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
