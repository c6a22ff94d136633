//! [`Trace`]: the record of a test, with times.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use websocket_heartbeat::{Frame, Message, Timestamp, TransportError};

use crate::time::Clock;

/// A [`Step`] prints at most this many characters of a text.
const TEXT_LIMIT: usize = 40;

/// The steps of a [`MockTransport`](crate::MockTransport) and its connections, as the client saw
/// them, with their virtual times.
///
/// Clones share one trace. It prints as a table:
///
/// ```text
/// 0:00:00.000000  #1 dial
/// 0:00:00.000000  #1 open
/// 0:00:15.000000  #1 -> ping
/// 0:00:25.000000  #1 dropped
/// ```
#[derive(Clone)]
pub struct Trace {
    clock: Clock,
    entries: Arc<Mutex<Vec<Entry>>>,
}

/// One line of a [`Trace`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The time of the step.
    pub at: Timestamp,
    /// The number of the connection, `None` for a note.
    pub connection: Option<u64>,
    /// The step.
    pub step: Step,
}

/// A step of an [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// An attempt began.
    Dial,
    /// An attempt succeeded.
    Open,
    /// An attempt failed.
    Refused(TransportError),
    /// The client dropped an unfinished attempt.
    Abandoned,
    /// The client has written the last byte of this frame.
    Sent(Frame),
    /// The client read this frame.
    Read(Frame),
    /// The client read the end of the stream.
    End,
    /// The client read this error.
    ReadError(TransportError),
    /// A write of the client failed with this error.
    WriteError(TransportError),
    /// The client dropped the connection.
    Dropped,
    /// A note of the test.
    Note(String),
}

impl Trace {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), entries: Arc::default() }
    }

    /// Adds a note, for example the name of an event.
    pub fn note(&self, words: impl fmt::Display) {
        self.add(None, Step::Note(words.to_string()));
    }

    /// All entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.with(|entries| entries.clone())
    }

    /// All lines so far, as milliseconds and words.
    pub fn lines(&self) -> Vec<(u64, String)> {
        self.with(|entries| entries.iter().map(Entry::line).collect())
    }

    /// The milliseconds of all lines with these words, for example `"#1 -> ping"`. Words without a
    /// number, for example `"dial"`, match every connection.
    pub fn times(&self, words: &str) -> Vec<u64> {
        let wanted = |(_, line): &(u64, String)| {
            line == words || line.split_once(' ').is_some_and(|(_, step)| step == words)
        };
        self.lines().into_iter().filter(wanted).map(|(at, _)| at).collect()
    }

    /// Removes all entries.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// Compares all lines so far with the expected ones.
    ///
    /// # Panics
    ///
    /// If they differ. The message shows both as tables.
    #[track_caller]
    pub fn assert<'a>(&self, expected: impl IntoIterator<Item = (u64, &'a str)>) {
        let expected: Vec<_> =
            expected.into_iter().map(|(at, words)| (at, words.to_owned())).collect();
        let found = self.lines();
        if found != expected {
            let table = |lines: &[(u64, String)]| {
                lines.iter().map(|(at, words)| format!("{at:>10}  {words}\n")).collect::<String>()
            };
            let same = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
            panic!(
                "the trace differs from its line {} on\nfound:\n{}expected:\n{}",
                same + 1,
                table(&found),
                table(&expected)
            );
        }
    }

    pub(crate) fn add(&self, connection: impl Into<Option<u64>>, step: Step) {
        let entry = Entry { at: self.clock.now(), connection: connection.into(), step };
        self.with(|entries| entries.push(entry));
    }

    fn with<R>(&self, look: impl FnOnce(&mut Vec<Entry>) -> R) -> R {
        look(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|entries| entries.iter().try_for_each(|entry| writeln!(f, "{entry}")))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|entries| {
            f.debug_list().entries(entries.iter().map(ToString::to_string)).finish()
        })
    }
}

impl Entry {
    fn line(&self) -> (u64, String) {
        let millis = u64::try_from(self.at.since_epoch().as_millis()).unwrap_or(u64::MAX);
        (millis, self.words())
    }

    fn words(&self) -> String {
        match self.connection {
            Some(number) => format!("#{number} {}", self.step),
            None => self.step.to_string(),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.at, self.words())
    }
}

/// Prints a few words: `dial`, `open`, `-> ping`, `<- text "hello"`, `<- close 1000`, `dropped`.
/// Pings and pongs are printed without their payloads, and long texts are cut.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial => f.write_str("dial"),
            Self::Open => f.write_str("open"),
            Self::Refused(error) => match error.http_status() {
                Some(status) => write!(f, "refused: http {status}"),
                None => write!(f, "refused: {}", error.kind()),
            },
            Self::Abandoned => f.write_str("abandoned"),
            Self::Sent(frame) => write!(f, "-> {}", InWords(frame)),
            Self::Read(frame) => write!(f, "<- {}", InWords(frame)),
            Self::End => f.write_str("<- end"),
            Self::ReadError(error) => write!(f, "<- error: {}", error.kind()),
            Self::WriteError(error) => write!(f, "-> error: {}", error.kind()),
            Self::Dropped => f.write_str("dropped"),
            Self::Note(words) => f.write_str(words),
        }
    }
}

struct InWords<'a>(&'a Frame);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Frame::Message(Message::Text(text)) if text.chars().count() > TEXT_LIMIT => {
                let start: String = text.chars().take(TEXT_LIMIT).collect();
                write!(f, "text {start:?}.. ({} bytes)", text.len())
            }
            Frame::Message(Message::Text(text)) => write!(f, "text {:?}", text.as_str()),
            Frame::Message(Message::Binary(bytes)) => write!(f, "binary ({} bytes)", bytes.len()),
            Frame::Ping(_) => f.write_str("ping"),
            Frame::Pong(_) => f.write_str("pong"),
            Frame::Close(None) => f.write_str("close"),
            Frame::Close(Some(close)) if close.reason.is_empty() => {
                write!(f, "close {}", close.code)
            }
            Frame::Close(Some(close)) => {
                write!(f, "close {} {:?}", close.code, close.reason.as_str())
            }
        }
    }
}
