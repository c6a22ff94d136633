//! From where another owner resumes a subscription: [`Checkpoint`].

use std::{collections::BTreeMap, future::pending, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use websocket_heartbeat_tokio::{Handle, Message};

use super::{Common, intake::Intake};
use crate::{
    engine::Engine,
    fleet::Written,
    record::{Bucket, SCHEMA},
};

/// The latest values by which a subscription is resumed, by their names.
pub type Values = BTreeMap<String, String>;

#[derive(Serialize, Deserialize)]
struct Record {
    schema: u32,
    values: Values,
}

/// The values of a record in the store.
#[must_use]
pub fn values_from(record: &[u8]) -> Option<Values> {
    serde_json::from_slice(record).ok().map(|record: Record| record.values)
}

/// How a subscription is resumed.
pub trait Resume: Send {
    /// Reads the values of a message. Returns all latest values if one has changed.
    fn read(&mut self, message: &Message) -> Option<Arc<Values>>;

    /// Changes what the next connection sends first.
    fn prepare(&mut self, handle: &Handle);
}

/// The shortest time between two writes of a checkpoint.
const INTERVAL: Duration = Duration::from_secs(1);

/// The record in the store. Only values of messages that are stored are written.
pub(super) struct Checkpoint<E: Engine> {
    engine: E,
    key: Arc<str>,
    revision: u64,
    /// Values that are not written.
    values: Option<Arc<Values>>,
    next: Instant,
}

impl<E: Engine> Checkpoint<E> {
    pub(super) fn new(common: &Common<E>, intake: &Intake) -> Self {
        let (key, revision) = intake.checkpoint();
        let engine = common.engine.clone();
        Self { engine, key, revision, values: None, next: Instant::now() }
    }

    /// The message with these values is stored.
    pub(super) fn acknowledge(&mut self, values: Option<Arc<Values>>) {
        if values.is_some() {
            self.values = values;
        }
    }

    /// Waits until a write is due. Cancel-safe.
    pub(super) async fn due(&self) {
        match self.values {
            Some(_) => sleep_until(self.next).await,
            None => pending().await,
        }
    }

    pub(super) async fn write(&mut self) {
        let Some(values) = self.values.take() else { return };
        self.next = Instant::now() + INTERVAL;
        let record = Record { schema: SCHEMA, values: Values::clone(&values) };
        let value = serde_json::to_vec(&record).expect("texts as keys").into();
        match self.engine.put(Bucket::Checkpoints, &self.key, value, self.revision).await {
            Written::Stored(revision) => self.revision = revision,
            // Another process wrote it, or this one without knowing.
            Written::Refused | Written::Unknown => {
                if let Ok(record) = self.engine.get(Bucket::Checkpoints, &self.key).await {
                    self.revision = record.map_or(0, |(_, revision)| revision);
                }
                self.values.get_or_insert(values);
            }
        }
    }

    /// Writes the last values.
    pub(super) async fn finish(&mut self) {
        for _ in 0..3 {
            self.write().await;
        }
    }
}
