//! A feed: the task that makes its messages, the messages that are kept, and the account.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Options, lock, now};

/// The account of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The number of the newest message. 0 before the first one, whose number is 1.
    pub highest: u64,
    /// All connections, in the order of their handshakes.
    pub connections: Vec<Connection>,
    /// Each text that clients have sent, and how often.
    pub commands: BTreeMap<String, u64>,
}

/// The times of a connection in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// When its handshake was answered.
    pub opened: u64,
    /// When it ended. `None` while it is open.
    pub closed: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Feed {
    name: String,
    options: Options,
    highest: watch::Sender<u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest messages.
    kept: VecDeque<Utf8Bytes>,
    /// When each message was made: 8 bytes a message, for as long as the feed lives.
    made: Vec<u64>,
    connections: Vec<Connection>,
    commands: BTreeMap<String, u64>,
}

/// More than 40 s at 200 messages a second.
const KEPT: usize = 16_384;

/// A reader takes no more messages at a time, so that it holds the lock briefly.
const BATCH: usize = 256;

impl Feed {
    /// Also starts the task that makes the messages. It ends with the feed.
    pub(super) fn start(name: &str, options: Options) -> Arc<Self> {
        let feed = Arc::new(Self {
            name: name.to_owned(),
            options,
            highest: watch::Sender::default(),
            state: Mutex::default(),
        });
        if options.rate > 0 {
            tokio::spawn(make(Arc::downgrade(&feed), options.rate));
        }
        feed
    }

    pub(super) fn report(&self) -> Report {
        let state = lock(&self.state);
        Report {
            highest: state.made.len() as u64,
            connections: state.connections.clone(),
            commands: state.commands.clone(),
        }
    }

    pub(super) fn made(&self, number: u64) -> Option<u64> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        lock(&self.state).made.get(index).copied()
    }

    pub(super) fn open(&self) -> usize {
        let state = lock(&self.state);
        state.connections.iter().filter(|connection| connection.closed.is_none()).count()
    }

    pub(super) fn command(&self, text: &str) {
        *lock(&self.state).commands.entry(text.to_owned()).or_default() += 1;
    }

    /// Enters a connection in the account.
    pub(super) fn visit(self: &Arc<Self>) -> Visit {
        let mut state = lock(&self.state);
        state.connections.push(Connection { opened: now(), closed: None });
        Visit { feed: self.clone(), index: state.connections.len() - 1 }
    }

    /// The number of the next message.
    pub(super) fn next(&self) -> u64 {
        lock(&self.state).made.len() as u64 + 1
    }

    /// Changes with each new message.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.highest.subscribe()
    }

    /// Some of the messages from this number on. `Err` has the number of the oldest message, if the
    /// wanted one is no longer kept.
    pub(super) fn from(&self, number: u64) -> Result<Vec<Utf8Bytes>, u64> {
        let state = lock(&self.state);
        let oldest = (state.made.len() - state.kept.len()) as u64 + 1;
        match number.checked_sub(oldest) {
            Some(skipped) => {
                let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
                Ok(state.kept.iter().skip(skipped).take(BATCH).cloned().collect())
            }
            None => Err(oldest),
        }
    }

    /// Makes the messages up to this number.
    fn make(&self, number: u64) {
        let mut state = lock(&self.state);
        while (state.made.len() as u64) < number {
            let next = state.made.len() as u64 + 1;
            let at = now();
            state.kept.push_back(self.message(next, at));
            state.made.push(at);
            if state.kept.len() > KEPT {
                state.kept.pop_front();
            }
        }
        drop(state);
        self.highest.send_replace(number);
    }

    fn message(&self, number: u64, at: u64) -> Utf8Bytes {
        let Options { size, big, .. } = self.options;
        let size = if number.is_multiple_of(100) { size.max(big) } else { size };
        let mut text = format!(r#"{{"seq":{number},"at":{at},"feed":"{}"}}"#, self.name);
        let pad = r#","pad":"""#.len();
        if size > text.len() + pad {
            let pad = "x".repeat(size - text.len() - pad);
            text.truncate(text.len() - 1);
            text.push_str(&format!(r#","pad":"{pad}"}}"#));
        }
        text.into()
    }
}

/// A connection in the account of its feed. Dropping it enters the end.
#[derive(Debug)]
pub(super) struct Visit {
    feed: Arc<Feed>,
    index: usize,
}

impl Drop for Visit {
    fn drop(&mut self) {
        lock(&self.feed.state).connections[self.index].closed = Some(now());
    }
}

/// The number of messages follows from the time, so that a late tick loses none.
async fn make(feed: Weak<Feed>, rate: u32) {
    let begin = Instant::now();
    let period = Duration::from_secs_f64(1.0 / f64::from(rate));
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Some(feed) = feed.upgrade() else { return };
        feed.make((begin.elapsed().as_secs_f64() * f64::from(rate)) as u64);
    }
}
