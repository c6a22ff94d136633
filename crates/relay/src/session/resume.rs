//! By which values a subscription is resumed, and how its messages give them: [`Resume`].

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use websocket_heartbeat_tokio::Message;

/// The latest values by which a subscription is resumed, by their names.
pub type Values = BTreeMap<String, String>;

/// The values in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) schema: u32,
    /// The owner that wrote it.
    #[serde(default)]
    pub(super) epoch: u64,
    pub(super) values: Values,
}

/// The values of a record in the store.
#[must_use]
pub fn values_from(record: &[u8]) -> Option<Values> {
    serde_json::from_slice(record).ok().map(|record: Record| record.values)
}

/// How a subscription is resumed.
pub trait Resume: Send {
    /// Reads the values of a message of the connection that has this number in the session. Returns all
    /// latest values if one has changed.
    fn read(&mut self, connection: u64, message: &Message) -> Option<Arc<Values>>;

    /// How a message after an interruption follows on the last one before it, by their ids. `connection`
    /// is that of the message.
    fn follows(&mut self, _connection: u64, _last: &str, _id: &str) -> Follows {
        Follows::Unknown
    }
}

/// How a message after an interruption follows on the last one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// There may be others between.
    Unknown,
    /// It is one of those before, which the upstream sends again. A later one decides.
    Repeats,
    /// There is none between.
    Continues,
}
