//! An engine in memory for several workers in one runtime, with faults that a test switches on.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future::pending,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use tokio::{
    sync::{
        mpsc::{self, UnboundedSender},
        oneshot,
    },
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Command, Engine, EngineError, Entry, Head, Last, News, Refusal, Stored, Verdict};
use crate::{fleet::Written, record::Bucket};

/// The way to the engine, and the way back.
const LATENCY: Duration = Duration::from_millis(1);

/// How long an answer is awaited.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The age at which leases are deleted.
const LEASE: Duration = Duration::from_secs(15);

/// The time in which the verdict on a command is awaited.
const COMMAND: Duration = Duration::from_secs(10);

/// The engine of a fleet.
#[derive(Clone, Default)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
}

/// The connection of one worker to the engine.
#[derive(Clone)]
pub(crate) struct Memory {
    world: World,
    link: usize,
    pipe: UnboundedSender<(Instant, Op)>,
}

/// An entry of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) sequence: u64,
    pub(crate) entry: Entry,
}

/// What the stream does with entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stream {
    #[default]
    Normal,
    /// Entries get lost, without an answer.
    Loses,
    /// Entries are stored, and the answers get lost.
    Mute,
    /// There is no leader: entries are refused at once, and nothing can be read.
    Refuses,
}

#[derive(Default)]
pub(crate) struct State {
    /// All that was stored, in order, also if it was purged.
    pub(crate) entries: Vec<Kept>,
    pub(crate) stream: Stream,
    /// This many batches are refused since there are too many.
    pub(crate) busy: usize,
    /// Entries with more payload are refused.
    pub(crate) max_payload: Option<usize>,
    /// Buckets do not answer.
    pub(crate) buckets_down: bool,
    /// Two entries with one id and different contents.
    pub(crate) clashes: Vec<Box<str>>,
    /// The writes of checkpoints.
    pub(crate) checkpoints: Vec<(Instant, Bytes)>,
    /// The batches that were stored or refused.
    pub(crate) batches: usize,
    last: HashMap<Arc<str>, usize>,
    ids: HashMap<Box<str>, usize>,
    buckets: HashMap<&'static str, BTreeMap<String, Value>>,
    revision: u64,
    links: Vec<Link>,
    watches: Vec<(usize, Bucket, UnboundedSender<News>)>,
    beats: Vec<(usize, UnboundedSender<Bytes>)>,
    commands: HashMap<String, VecDeque<Waiting>>,
}

#[derive(Default)]
struct Link {
    is_dead: bool,
    is_cut: bool,
    /// The news of buckets do not arrive.
    is_stale: bool,
    /// Counts interruptions.
    cuts: u64,
}

struct Value {
    value: Option<Bytes>,
    revision: u64,
    at: Instant,
}

struct Waiting {
    command: Command,
    /// Not before this time.
    at: Instant,
}

struct Op {
    entries: Vec<Entry>,
    /// The expected sequence number of the last entry with this subject.
    fence: Option<(Arc<str>, u64)>,
    is_batch: bool,
    answer: oneshot::Sender<(Instant, Result<Stored, Refusal>)>,
}

fn bucket_name(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Wishes => "wishes",
        Bucket::Leases => "leases",
        Bucket::Checkpoints => "checkpoints",
        Bucket::Dials => "dials",
    }
}

fn unavailable<T>() -> Result<T, Refusal> {
    Err(Refusal::Unavailable("no answer".into()))
}

impl World {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for a worker.
    pub(crate) fn connect(&self) -> Memory {
        let mut state = self.lock();
        let link = state.links.len();
        state.links.push(Link::default());
        drop(state);
        let (pipe, mut ops) = mpsc::unbounded_channel::<(Instant, Op)>();
        let world = self.clone();
        tokio::spawn(async move {
            while let Some((at, op)) = ops.recv().await {
                sleep_until(at).await;
                world.lock().arrive(link, op);
            }
        });
        Memory { world: self.clone(), link, pipe }
    }

    /// The worker is dead: nothing more comes of it.
    pub(crate) fn kill(&self, link: usize) {
        let mut state = self.lock();
        state.links[link].is_dead = true;
        state.watches.retain(|(of, ..)| *of != link);
        state.beats.retain(|(of, _)| *of != link);
    }

    /// Nothing arrives from this worker, and nothing arrives there.
    pub(crate) fn cut(&self, link: usize, is_cut: bool) {
        let mut state = self.lock();
        state.links[link].is_cut = is_cut;
        state.links[link].cuts += 1;
        if !is_cut {
            state.tell_again(link);
        }
    }

    /// The news of buckets do not arrive at this worker.
    pub(crate) fn stale(&self, link: usize, is_stale: bool) {
        let mut state = self.lock();
        state.links[link].is_stale = is_stale;
        if !is_stale {
            state.tell_again(link);
        }
    }

    /// Writes a record, as a program of the user.
    pub(crate) fn set(&self, bucket: Bucket, key: &str, value: Option<Bytes>) {
        self.lock().write(bucket, key, value);
    }

    pub(crate) fn value(&self, bucket: Bucket, key: &str) -> Option<Bytes> {
        self.lock().current(bucket, key).map(|(value, _)| value)
    }

    /// The records of the owners of a subscription expire.
    pub(crate) fn expire(&self, subject: &str) {
        self.lock().last.remove(subject);
    }

    /// Adds a command to the queue.
    pub(crate) fn command(&self, subject: &str, id: &str, text: &str) {
        let command = Command {
            id: id.into(),
            payload: Bytes::from(text.to_owned()),
            is_text: true,
            attempt: 0,
            reply: format!("{subject} {id}").into(),
        };
        let mut state = self.lock();
        let queue = state.commands.entry(subject.to_owned()).or_default();
        queue.push_back(Waiting { command, at: Instant::now() });
    }

    /// The commands without a final verdict.
    pub(crate) fn open_commands(&self) -> usize {
        self.lock().commands.values().map(VecDeque::len).sum()
    }
}

impl State {
    /// The window of time in which ids are known ends.
    pub(crate) fn forget_ids(&mut self) {
        self.ids.clear();
    }

    fn is_up(&self, link: usize) -> bool {
        !self.links[link].is_dead && !self.links[link].is_cut
    }

    fn arrive(&mut self, link: usize, op: Op) {
        if !self.is_up(link) {
            return;
        }
        let result = match self.stream {
            Stream::Loses => return,
            Stream::Refuses => unavailable(),
            Stream::Normal | Stream::Mute => self.store(&op),
        };
        if self.stream != Stream::Mute {
            let _ = op.answer.send((Instant::now() + LATENCY, result));
        }
    }

    fn store(&mut self, op: &Op) -> Result<Stored, Refusal> {
        if op.is_batch {
            self.batches += 1;
            if self.busy > 0 {
                self.busy -= 1;
                return Err(Refusal::Busy);
            }
        }
        if let Some((subject, sequence)) = &op.fence {
            let last = self.last.get(subject).map_or(0, |index| self.entries[*index].sequence);
            if last != *sequence {
                return Err(Refusal::Fenced);
            }
        }
        let too_large =
            |entry: &Entry| self.max_payload.is_some_and(|max| entry.payload.len() > max);
        if let Some((last, others)) = op.entries.split_last() {
            // The servers drop such an entry, and call the batch incomplete at its end.
            if others.iter().any(too_large) {
                return Err(Refusal::Busy);
            }
            if too_large(last) {
                return Err(Refusal::TooLarge);
            }
        }
        let mut stored = None;
        for entry in &op.entries {
            if let Some(index) = self.ids.get(&entry.id) {
                let before = &self.entries[*index];
                if before.entry.payload != entry.payload {
                    self.clashes.push(entry.id.clone());
                }
                if op.is_batch {
                    return Err(Refusal::Double);
                }
                stored = Some(Stored { sequence: before.sequence, is_double: true });
            }
        }
        if let Some(stored) = stored {
            return Ok(stored);
        }
        for entry in &op.entries {
            let index = self.entries.len();
            let sequence = index as u64 + 1;
            self.entries.push(Kept { sequence, entry: entry.clone() });
            self.last.insert(Arc::clone(&entry.subject), index);
            assert!(self.ids.insert(entry.id.clone(), index).is_none(), "an id twice in a batch");
        }
        Ok(Stored { sequence: self.entries.len() as u64, is_double: false })
    }

    fn current(&self, bucket: Bucket, key: &str) -> Option<(Bytes, u64)> {
        let value = self.buckets.get(bucket_name(bucket))?.get(key)?;
        let is_old = bucket == Bucket::Leases && value.at.elapsed() >= LEASE;
        let bytes = value.value.clone().filter(|_| !is_old)?;
        Some((bytes, value.revision))
    }

    fn write(&mut self, bucket: Bucket, key: &str, value: Option<Bytes>) -> u64 {
        self.revision += 1;
        let revision = self.revision;
        if bucket == Bucket::Checkpoints
            && let Some(value) = &value
        {
            self.checkpoints.push((Instant::now(), value.clone()));
        }
        let stored = Value { value: value.clone(), revision, at: Instant::now() };
        self.buckets.entry(bucket_name(bucket)).or_default().insert(key.to_owned(), stored);
        for (link, of, sender) in &self.watches {
            if *of == bucket && self.is_up(*link) && !self.links[*link].is_stale {
                let _ =
                    sender.send(News::Record { key: key.into(), value: value.clone(), revision });
            }
        }
        revision
    }

    fn tell_again(&self, link: usize) {
        for (of, bucket, sender) in &self.watches {
            if *of == link {
                self.tell_all(*bucket, sender);
            }
        }
    }

    fn tell_all(&self, bucket: Bucket, sender: &UnboundedSender<News>) {
        for (key, value) in self.buckets.get(bucket_name(bucket)).into_iter().flatten() {
            if bucket == Bucket::Leases && value.at.elapsed() >= LEASE {
                continue;
            }
            let (value, revision) = (value.value.clone(), value.revision);
            let _ = sender.send(News::Record { key: key.as_str().into(), value, revision });
        }
        let _ = sender.send(News::Complete);
    }

    fn take_command(&mut self, subject: &str) -> Option<Command> {
        let now = Instant::now();
        let queue = self.commands.get_mut(subject)?;
        let waiting = queue.iter_mut().find(|waiting| waiting.at <= now)?;
        waiting.at = now + COMMAND;
        waiting.command.attempt += 1;
        Some(waiting.command.clone())
    }
}

impl Memory {
    pub(crate) fn link(&self) -> usize {
        self.link
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.world.lock()
    }

    /// A request: what it does at the engine. `None`: there is no answer in time.
    async fn request<T>(&self, operation: impl FnOnce(&mut State) -> Option<T>) -> Option<T> {
        sleep(LATENCY).await;
        let result = {
            let mut state = self.state();
            if state.is_up(self.link) { operation(&mut state) } else { None }
        };
        if self.state().links[self.link].is_dead {
            return pending().await;
        }
        match result {
            Some(result) => {
                sleep(LATENCY).await;
                if self.state().is_up(self.link) {
                    return Some(result);
                }
                sleep(TIMEOUT).await;
                None
            }
            None => {
                sleep(TIMEOUT).await;
                None
            }
        }
    }

    fn begin(&self, entries: &[Entry], fence: Option<(&str, u64)>, is_batch: bool) -> Answer {
        let (answer, result) = oneshot::channel();
        let fence = fence.map(|(subject, sequence)| (subject.into(), sequence));
        let op = Op { entries: entries.to_vec(), fence, is_batch, answer };
        let _ = self.pipe.send((Instant::now() + LATENCY, op));
        let (world, link) = (self.world.clone(), self.link);
        let cuts = world.lock().links[link].cuts;
        let interrupted = move || {
            let state = world.lock();
            if state.links[link].is_dead { None } else { Some(state.links[link].cuts != cuts) }
        };
        let is_cut = interrupted.clone();
        let answer = async move {
            match timeout(TIMEOUT, result).await {
                Ok(Ok((at, result))) => {
                    sleep_until(at).await;
                    match interrupted() {
                        None => pending().await,
                        Some(true) => unavailable(),
                        Some(false) => result,
                    }
                }
                // Lost without an answer.
                Ok(Err(_)) => {
                    sleep(TIMEOUT).await;
                    unavailable()
                }
                Err(_) => unavailable(),
            }
        };
        Answer { answer: answer.boxed(), is_cut: Box::new(move || is_cut() == Some(true)) }
    }
}

/// The answer to an entry.
pub(crate) struct Answer {
    answer: Pin<Box<dyn Future<Output = Result<Stored, Refusal>> + Send>>,
    is_cut: Box<dyn Fn() -> bool + Send>,
}

impl Future for Answer {
    type Output = Result<Stored, Refusal>;

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        if (self.is_cut)() {
            return std::task::Poll::Ready(unavailable());
        }
        self.answer.poll_unpin(cx)
    }
}

impl Engine for Memory {
    type Answer = Answer;

    async fn send(&self, entry: &Entry) -> Result<Answer, Refusal> {
        let (is_dead, is_cut) = {
            let link = &self.state().links[self.link];
            (link.is_dead, link.is_cut)
        };
        if is_dead {
            return pending().await;
        }
        if is_cut {
            return unavailable();
        }
        Ok(self.begin(std::slice::from_ref(entry), None, false))
    }

    async fn store_after(&self, entry: &Entry, last: u64) -> Result<Stored, Refusal> {
        self.begin(std::slice::from_ref(entry), Some((&entry.subject, last)), false).await
    }

    async fn store_all(&self, entries: &[Entry], fence: (&str, u64)) -> Result<Stored, Refusal> {
        self.begin(entries, Some(fence), true).await
    }

    async fn last(&self, subject: &str) -> Result<Option<Last>, EngineError> {
        let last = self.request(|state| {
            if state.stream != Stream::Normal {
                return None;
            }
            Some(state.last.get(subject).map(|index| {
                let Kept { sequence, entry } = &state.entries[*index];
                let data = match entry.head {
                    Head::Data(data) => Some(data),
                    Head::Note(_) => None,
                };
                Last {
                    sequence: *sequence,
                    id: entry.id.clone(),
                    data,
                    payload: entry.payload.clone(),
                }
            }))
        });
        last.await.ok_or_else(|| EngineError("no answer".into()))
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<(Bytes, u64)>, EngineError> {
        let got = self.request(|state| (!state.buckets_down).then(|| state.current(bucket, key)));
        got.await.ok_or_else(|| EngineError("no answer".into()))
    }

    async fn put(&self, bucket: Bucket, key: &str, value: Bytes, after: u64) -> Written {
        let written = self.request(|state| {
            if state.buckets_down {
                return None;
            }
            let current = state.current(bucket, key).map_or(0, |(_, revision)| revision);
            if current != after {
                return Some(Written::Refused);
            }
            Some(Written::Stored(state.write(bucket, key, Some(value))))
        });
        written.await.unwrap_or(Written::Unknown)
    }

    async fn delete(&self, bucket: Bucket, key: &str, after: u64) -> Written {
        let written = self.request(|state| {
            if state.buckets_down {
                return None;
            }
            let current = state.current(bucket, key).map_or(0, |(_, revision)| revision);
            if current != after {
                return Some(Written::Refused);
            }
            Some(Written::Stored(state.write(bucket, key, None)))
        });
        written.await.unwrap_or(Written::Unknown)
    }

    fn watch(&self, bucket: Bucket) -> BoxStream<'static, News> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.state();
        state.tell_all(bucket, &sender);
        state.watches.push((self.link, bucket, sender));
        from_channel(receiver)
    }

    fn commands(&self, subject: &str) -> BoxStream<'static, Command> {
        let (engine, subject) = (self.clone(), subject.to_owned());
        let take = move |()| {
            let (engine, subject) = (engine.clone(), subject.clone());
            async move {
                loop {
                    let command = {
                        let mut state = engine.state();
                        let is_up = state.is_up(engine.link);
                        is_up.then(|| state.take_command(&subject)).flatten()
                    };
                    match command {
                        Some(command) => return Some((command, ())),
                        None => sleep(Duration::from_millis(50)).await,
                    }
                }
            }
        };
        stream::unfold((), take).boxed()
    }

    async fn settle(&self, command: &Command, verdict: Verdict) {
        let mut state = self.state();
        if !state.is_up(self.link) {
            return;
        }
        let Some((subject, id)) = command.reply.split_once(' ') else { return };
        let Some(queue) = state.commands.get_mut(subject) else { return };
        match verdict {
            Verdict::Done => queue.retain(|waiting| &*waiting.command.id != id),
            Verdict::Again(_) | Verdict::Working => {
                let wait = if let Verdict::Again(wait) = verdict { wait } else { COMMAND };
                let of_id = queue.iter_mut().filter(|waiting| &*waiting.command.id == id);
                of_id.for_each(|waiting| waiting.at = Instant::now() + wait);
            }
        }
    }

    async fn beat(&self, beat: Bytes) {
        let state = self.state();
        if !state.is_up(self.link) {
            return;
        }
        for (link, sender) in &state.beats {
            if state.is_up(*link) {
                let _ = sender.send(beat.clone());
            }
        }
    }

    fn beats(&self) -> BoxStream<'static, Bytes> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().beats.push((self.link, sender));
        from_channel(receiver)
    }
}

fn from_channel<T: Send + 'static>(
    mut receiver: mpsc::UnboundedReceiver<T>,
) -> BoxStream<'static, T> {
    stream::poll_fn(move |cx| receiver.poll_recv(cx)).boxed()
}
