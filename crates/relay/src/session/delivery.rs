//! How entries get into the stream: one after another without waiting, or in batches with a fence.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

use crate::{
    engine::{Engine, Entry, Refusal, Stored},
    outflow::Outflow,
};

/// The wait after an entry was not stored. Much less than an election, and long enough that a stream
/// which is not available costs nothing.
const RETRY: Duration = Duration::from_millis(250);

/// The wait after a batch was refused since too many are on their way.
const BUSY: Duration = Duration::from_millis(20);

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
            Self::Fenced(batches) => batches.next(outflow).await,
        }
    }
}

/// Entries whose answers are awaited, in order.
pub(super) struct Pipeline<E: Engine> {
    engine: E,
    answers: VecDeque<E::Answer>,
    pause: Option<Instant>,
}

impl<E: Engine> Pipeline<E> {
    pub(super) fn new(engine: E) -> Self {
        Self { engine, answers: VecDeque::new(), pause: None }
    }

    async fn send<T>(&mut self, outflow: &mut Outflow<T>) {
        if self.pause.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.pause = None;
        while let Some(entry) = outflow.next() {
            match self.engine.send(entry).await {
                Ok(answer) => {
                    self.answers.push_back(answer);
                    outflow.sent();
                }
                Err(refusal) => {
                    tracing::debug!(%refusal, "an entry could not be sent");
                    return self.go_back(outflow);
                }
            }
        }
    }

    async fn next<T>(&mut self, outflow: &mut Outflow<T>) -> Option<Settled> {
        if let Some(until) = self.pause {
            sleep_until(until).await;
            self.pause = None;
            return None;
        }
        let Some(first) = self.answers.front_mut() else { return std::future::pending().await };
        let result = first.await;
        match result {
            Err(refusal @ (Refusal::Unavailable(_) | Refusal::Busy | Refusal::Fenced)) => {
                tracing::debug!(%refusal, "an entry is not stored");
                self.go_back(outflow);
                None
            }
            result => {
                self.answers.pop_front();
                Some(Settled { count: 1, result })
            }
        }
    }

    fn go_back<T>(&mut self, outflow: &mut Outflow<T>) {
        self.answers.clear();
        outflow.go_back();
        self.pause = Some(Instant::now() + RETRY);
    }
}

type Batch = Pin<Box<dyn Future<Output = Result<Stored, Refusal>> + Send>>;

/// One batch on its way at a time.
pub(super) struct Batches<E: Engine> {
    engine: E,
    /// The batches of the whole worker.
    permits: Arc<Semaphore>,
    fence: (Arc<str>, u64),
    current: Option<(usize, Batch)>,
    /// How many of the first entries are stored one by one, since one of them is stored already.
    single: usize,
    pause: Option<Instant>,
}

impl<E: Engine> Batches<E> {
    pub(super) fn new(engine: E, permits: Arc<Semaphore>, fence: (Arc<str>, u64)) -> Self {
        Self { engine, permits, fence, current: None, single: 0, pause: None }
    }

    fn begin<T>(&mut self, outflow: &Outflow<T>) {
        if self.current.is_some() || outflow.is_empty() {
            return;
        }
        let count = if self.single > 0 { 1 } else { BATCH_ENTRIES };
        let entries = outflow.batch(count, BATCH_BYTES);
        let (engine, permits) = (self.engine.clone(), Arc::clone(&self.permits));
        let (fence, pause) = (self.fence.clone(), self.pause.take());
        let count = entries.len();
        let store = async move {
            if let Some(until) = pause {
                sleep_until(until).await;
            }
            let _permit = permits.acquire().await;
            store_all(&engine, &entries, &fence).await
        };
        self.current = Some((count, Box::pin(store)));
    }

    async fn next<T>(&mut self, _: &mut Outflow<T>) -> Option<Settled> {
        let Some((count, batch)) = &mut self.current else { return std::future::pending().await };
        let (count, result) = (*count, batch.as_mut().await);
        self.current = None;
        self.single = self.single.saturating_sub(usize::from(result.is_ok()));
        match result {
            Err(Refusal::Double) if count == 1 => {
                self.single = self.single.saturating_sub(1);
                let stored = Stored { sequence: 0, is_double: true };
                Some(Settled { count, result: Ok(stored) })
            }
            Err(Refusal::Double) => {
                self.single = count;
                None
            }
            Err(refusal @ (Refusal::Unavailable(_) | Refusal::Busy)) => {
                let wait = if refusal == Refusal::Busy { BUSY } else { RETRY };
                tracing::debug!(%refusal, "a batch is not stored");
                self.pause = Some(Instant::now() + wait);
                None
            }
            result => Some(Settled { count, result }),
        }
    }
}

async fn store_all<E: Engine>(
    engine: &E,
    entries: &[Entry],
    fence: &(Arc<str>, u64),
) -> Result<Stored, Refusal> {
    engine.store_all(entries, (&fence.0, fence.1)).await
}
