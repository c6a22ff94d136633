//! From where another owner resumes a subscription: [`Checkpoint`].

use std::{future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, sleep_until};

use super::{
    Common,
    intake::Intake,
    resume::{Record, Values},
};
use crate::{
    engine::Engine,
    fleet::Written,
    record::{Bucket, SCHEMA},
};

/// The shortest time between two writes of a checkpoint.
const INTERVAL: Duration = Duration::from_secs(1);

/// The record in the store. Only values of messages that are stored are written.
pub(super) struct Checkpoint<E: Engine> {
    engine: E,
    key: Arc<str>,
    epoch: u64,
    revision: u64,
    /// Values that are not written.
    values: Option<Arc<Values>>,
    next: Instant,
    /// The write that is on the way, with its values.
    writing: Option<(Arc<Values>, BoxFuture<'static, Outcome>)>,
}

/// The result of a write.
enum Outcome {
    Stored(u64),
    /// The record has this revision: another process wrote it, or this one without knowing.
    Found(u64),
    /// A later owner wrote it.
    Replaced,
}

impl<E: Engine> Checkpoint<E> {
    pub(super) fn new(common: &Common<E>, intake: &Intake) -> Self {
        let (key, revision) = intake.checkpoint();
        Self {
            engine: common.engine.clone(),
            key,
            epoch: intake.epoch(),
            revision,
            values: None,
            next: Instant::now(),
            writing: None,
        }
    }

    /// The message with these values is stored.
    pub(super) fn acknowledge(&mut self, values: Option<Arc<Values>>) {
        if values.is_some() {
            self.values = values;
        }
    }

    /// Waits until a write is due, and for its result. Cancel-safe: a write goes on with the next call.
    pub(super) async fn write(&mut self) {
        if self.writing.is_none() {
            if self.values.is_none() {
                return pending().await;
            }
            sleep_until(self.next).await;
        }
        let Some((_, result)) = &mut self.writing else { return self.begin() };
        let outcome = result.await;
        let Some((values, _)) = self.writing.take() else { return };
        match outcome {
            Outcome::Stored(revision) => self.revision = revision,
            Outcome::Found(revision) => {
                self.revision = revision;
                self.values.get_or_insert(values);
            }
            Outcome::Replaced => self.values = None,
        }
    }

    fn begin(&mut self) {
        let Some(values) = self.values.take() else { return };
        self.next = Instant::now() + INTERVAL;
        let record = Record { schema: SCHEMA, epoch: self.epoch, values: Values::clone(&values) };
        let value = serde_json::to_vec(&record).expect("texts as keys").into();
        let (engine, key) = (self.engine.clone(), Arc::clone(&self.key));
        let write = put(engine, key, value, self.epoch, self.revision);
        self.writing = Some((values, write.boxed()));
    }

    /// Writes the last values.
    pub(super) async fn finish(&mut self) {
        for _ in 0..3 {
            if self.writing.is_none() {
                self.begin();
            }
            if self.writing.is_none() {
                return;
            }
            self.write().await;
        }
    }
}

async fn put<E: Engine>(
    engine: E,
    key: Arc<str>,
    value: Bytes,
    epoch: u64,
    revision: u64,
) -> Outcome {
    if let Written::Stored(revision) = engine.put(Bucket::Checkpoints, &key, value, revision).await
    {
        return Outcome::Stored(revision);
    }
    match engine.get(Bucket::Checkpoints, &key).await {
        Err(_) => Outcome::Found(revision),
        Ok(None) => Outcome::Found(0),
        Ok(Some((value, revision))) => {
            let record: Option<Record> = serde_json::from_slice(&value).ok();
            match record {
                Some(record) if record.epoch > epoch => Outcome::Replaced,
                _ => Outcome::Found(revision),
            }
        }
    }
}
