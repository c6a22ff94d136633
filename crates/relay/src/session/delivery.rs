//! How entries get into the stream: one after another without waiting, or in batches with a fence.

use std::{
    collections::VecDeque,
    future::{Future, pending, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

use crate::{
    engine::{Engine, EngineError, Entry, Head, Refusal, Stored},
    outflow::Outflow,
    telemetry::Latency,
};

/// The wait after an entry was not stored. Much less than an election, and long enough that a stream
/// which is not available costs nothing.
const RETRY: Duration = Duration::from_millis(250);

/// The wait after a batch was refused since too many are on their way.
const BUSY: Duration = Duration::from_millis(20);

/// After so many refusals in a row, the entries of a batch are stored one by one. The servers also call a
/// batch incomplete if they did not accept one of its entries, and do not say which.
const MANY: u32 = 10;

/// Without an answer for this time, nothing more is sent: if the first entry is lost, one that follows
/// it must not be stored before it. Much more than an answer takes, and less than an election.
const HOLD: Duration = Duration::from_secs(1);

/// After so long without an answer, the stream may have forgotten the ids of entries that it has stored. So
/// it is asked what it has before they are sent again. Half of the shortest window that is advised, and more
/// than an election takes.
const DOUBT: Duration = Duration::from_secs(10);

/// The result of an entry that was stored before.
const DOUBLE: Stored = Stored { sequence: 0, is_double: true };

/// The bounds of a batch. The servers accept 1,000 entries.
const BATCH_ENTRIES: usize = 500;
const BATCH_BYTES: usize = 1 << 20;

/// The way into the stream.
pub(super) enum Delivery<E: Engine> {
    /// For subscriptions whose ids detect doubles.
    Pipelined(Pipeline<E>),
    /// For subscriptions with one owner, whose earlier owners are refused.
    Fenced(Batches<E>),
}

/// The result of the first entries.
pub(super) struct Settled {
    /// How many of the first entries.
    pub(super) count: usize,
    pub(super) result: Result<Stored, Refusal>,
}

impl<E: Engine> Delivery<E> {
    /// Sends what can be sent. Not cancel-safe.
    pub(super) async fn send<T>(&mut self, outflow: &mut Outflow<T>) {
        match self {
            Self::Pipelined(pipeline) => pipeline.send(outflow).await,
            Self::Fenced(batches) => batches.begin(outflow),
        }
    }

    /// Waits for the next result, and applies it to the window unless it is the result of entries.
    /// `None`: something can be sent again. Cancel-safe.
    pub(super) async fn next<T>(&mut self, outflow: &mut Outflow<T>) -> Option<Settled> {
        match self {
            Self::Pipelined(pipeline) => pipeline.next(outflow).await,
            Self::Fenced(batches) => batches.next().await,
        }
    }

    /// Another fence, since that of the earlier batches has expired.
    pub(super) fn fence(&mut self, fence: (Arc<str>, u64)) {
        if let Self::Fenced(batches) = self {
            batches.fence = fence;
        }
    }
}

/// Entries whose answers are awaited, in order.
pub(super) struct Pipeline<E: Engine> {
    engine: E,
    sent: VecDeque<Sent<E::Answer>>,
    latency: Latency,
    pause: Option<Instant>,
    /// When the first entry was sent that may be stored and has no answer.
    doubt: Option<Instant>,
}

struct Sent<A> {
    at: Instant,
    answer: Answer<A>,
}

enum Answer<A> {
    Awaited(A),
    Known(Result<Stored, Refusal>),
}

impl<A: Future<Output = Result<Stored, Refusal>> + Unpin> Answer<A> {
    async fn wait(&mut self) -> Result<Stored, Refusal> {
        if let Self::Awaited(answer) = self {
            *self = Self::Known(answer.await);
        }
        match self {
            Self::Known(result) => result.clone(),
            Self::Awaited(_) => pending().await,
        }
    }

    /// The result, if it is known already.
    fn known(&mut self) -> Option<&Result<Stored, Refusal>> {
        if let Self::Awaited(answer) = self
            && let Some(result) = answer.now_or_never()
        {
            *self = Self::Known(result);
        }
        match self {
            Self::Known(result) => Some(result),
            Self::Awaited(_) => None,
        }
    }

    /// It is known already that the entry is not stored, and has to be sent again.
    fn has_failed(&mut self) -> bool {
        matches!(self.known(), Some(Err(refusal)) if *refusal != Refusal::TooLarge)
    }

    /// It is known already that the entry is stored, and was not before.
    fn is_stored(&mut self) -> Option<Stored> {
        self.known()?.as_ref().ok().filter(|stored| !stored.is_double).copied()
    }
}

impl<E: Engine> Pipeline<E> {
    pub(super) fn new(engine: E) -> Self {
        Self {
            engine,
            sent: VecDeque::new(),
            latency: Latency::default(),
            pause: None,
            doubt: None,
        }
    }

    async fn send<T>(&mut self, outflow: &mut Outflow<T>) {
        if outflow.next().is_none() {
            return;
        }
        let now = Instant::now();
        if self.pause.is_some_and(|until| now < until) {
            return;
        }
        self.pause = None;
        if self.sent.front().is_some_and(|first| now.duration_since(first.at) >= HOLD) {
            // The answer to the first wakes the task.
            return;
        }
        // The first answer can be late although later entries were refused meanwhile.
        if self.sent.back_mut().is_some_and(|last| last.answer.has_failed()) {
            return self.go_back(outflow);
        }
        if self.sent.is_empty() && self.doubt.is_some_and(|since| now - since >= DOUBT) {
            match count_stored(&self.engine, &outflow.batch(usize::MAX, usize::MAX)).await {
                Ok(count) => self.settle(count, outflow),
                Err(error) => {
                    tracing::debug!(%error, "the end of the stream is not known");
                    return self.go_back(outflow);
                }
            }
        }
        while let Some(entry) = outflow.next() {
            let answer = match self.engine.send(entry).await {
                Ok(answer) => Answer::Awaited(answer),
                Err(Refusal::TooLarge) => Answer::Known(Err(Refusal::TooLarge)),
                Err(refusal) => {
                    tracing::debug!(%refusal, "an entry could not be sent");
                    return self.go_back(outflow);
                }
            };
            self.sent.push_back(Sent { at: now, answer });
            self.latency.sent(self.sent.len());
            outflow.sent();
        }
    }

    async fn next<T>(&mut self, outflow: &mut Outflow<T>) -> Option<Settled> {
        if let Some(until) = self.pause {
            sleep_until(until).await;
            self.pause = None;
            return None;
        }
        let Some(first) = self.sent.front_mut() else { return pending().await };
        match first.answer.wait().await {
            Err(refusal @ (Refusal::Unavailable(_) | Refusal::Busy | Refusal::Fenced)) => {
                tracing::debug!(%refusal, "an entry is not stored");
                self.go_back(outflow);
                None
            }
            result => {
                self.doubt = None;
                self.sent.pop_front();
                self.latency.answered();
                let mut result = match result {
                    Err(Refusal::Double) => Ok(DOUBLE),
                    result => result,
                };
                let mut count = 1;
                if let Ok(last) = &mut result
                    && !last.is_double
                {
                    // A wake brings many answers.
                    while let Some(stored) =
                        self.sent.front_mut().and_then(|sent| sent.answer.is_stored())
                    {
                        *last = stored;
                        count += 1;
                        self.sent.pop_front();
                        self.latency.answered();
                    }
                }
                Some(Settled { count, result })
            }
        }
    }

    /// So many of the first entries are stored.
    fn settle<T>(&mut self, count: usize, outflow: &mut Outflow<T>) {
        self.doubt = None;
        for _ in 0..count {
            self.sent.push_back(Sent { at: Instant::now(), answer: Answer::Known(Ok(DOUBLE)) });
            self.latency.sent(self.sent.len());
            outflow.sent();
        }
    }

    fn go_back<T>(&mut self, outflow: &mut Outflow<T>) {
        if let Some(first) = self.sent.front() {
            self.doubt.get_or_insert(first.at);
        }
        self.sent.clear();
        self.latency.reset();
        outflow.go_back();
        self.pause = Some(Instant::now() + RETRY);
    }
}

/// The number of the entries, and their result.
type Batch = Pin<Box<dyn Future<Output = (usize, Result<Stored, Refusal>)> + Send>>;

/// One batch on its way at a time.
pub(super) struct Batches<E: Engine> {
    engine: E,
    /// The batches of the whole worker.
    permits: Arc<Semaphore>,
    fence: (Arc<str>, u64),
    current: Option<Batch>,
    /// How many of the first entries are stored one by one, since one of them is not accepted in a
    /// batch.
    single: usize,
    /// How often the servers had too many batches, in a row.
    busy: u32,
    pause: Option<Instant>,
    /// When the first batch was sent that may be stored and has no answer.
    doubt: Option<Instant>,
}

impl<E: Engine> Batches<E> {
    pub(super) fn new(engine: E, permits: Arc<Semaphore>, fence: (Arc<str>, u64)) -> Self {
        Self { engine, permits, fence, current: None, single: 0, busy: 0, pause: None, doubt: None }
    }

    fn begin<T>(&mut self, outflow: &Outflow<T>) {
        if self.current.is_some() || outflow.is_empty() {
            return;
        }
        let count = if self.single > 0 { 1 } else { BATCH_ENTRIES };
        let entries = outflow.batch(count, BATCH_BYTES);
        let (engine, permits) = (self.engine.clone(), Arc::clone(&self.permits));
        let (fence, pause) = (self.fence.clone(), self.pause.take());
        let doubt = *self.doubt.get_or_insert_with(Instant::now);
        let store = async move {
            if let Some(until) = pause {
                sleep_until(until).await;
            }
            let _permit = permits.acquire().await;
            if doubt.elapsed() >= DOUBT {
                match count_stored(&engine, &entries).await {
                    Ok(0) => {}
                    Ok(count) => return (count, Ok(DOUBLE)),
                    Err(error) => return (entries.len(), Err(Refusal::Unavailable(error.0))),
                }
            }
            let mut latency = Latency::default();
            latency.sent(1);
            let result = engine.store_all(&entries, (&fence.0, fence.1)).await;
            latency.answered();
            (entries.len(), result)
        };
        self.current = Some(Box::pin(store));
    }

    async fn next(&mut self) -> Option<Settled> {
        let (count, result) = poll_fn(|cx| match &mut self.current {
            Some(batch) => batch.as_mut().poll(cx),
            None => Poll::Pending,
        })
        .await;
        self.current = None;
        self.busy = if result == Err(Refusal::Busy) { self.busy + 1 } else { 0 };
        if self.busy >= MANY && count > 1 {
            (self.busy, self.single) = (0, count);
        }
        match result {
            Err(Refusal::Double) if count == 1 => {
                self.single = self.single.saturating_sub(1);
                self.doubt = None;
                Some(Settled { count, result: Ok(DOUBLE) })
            }
            Err(Refusal::Double | Refusal::TooLarge) if count > 1 => {
                self.single = count;
                None
            }
            Err(refusal @ (Refusal::Unavailable(_) | Refusal::Busy)) => {
                let wait = if refusal == Refusal::Busy { BUSY } else { RETRY };
                tracing::debug!(%refusal, "a batch is not stored");
                self.pause = Some(Instant::now() + wait);
                None
            }
            result => {
                if result != Err(Refusal::Fenced) {
                    self.single = self.single.saturating_sub(1);
                }
                self.doubt = None;
                Some(Settled { count, result })
            }
        }
    }
}

/// How many of the first entries are stored, by the last entry of each of their subjects. An entry of another
/// owner with the same id proves nothing: it may not have those before.
async fn count_stored<E: Engine>(engine: &E, entries: &[Entry]) -> Result<usize, EngineError> {
    let mut subjects: Vec<_> = entries.iter().map(|entry| &entry.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let mut count = 0;
    for subject in subjects {
        let Some(last) = engine.last(subject).await? else { continue };
        let is_last = |entry: &Entry| match &entry.head {
            Head::Data(data) => entry.id == last.id && last.data.as_ref() == Some(data),
            Head::Note(_) => entry.id == last.id,
        };
        count = count.max(entries.iter().position(is_last).map_or(0, |at| at + 1));
    }
    Ok(count)
}
