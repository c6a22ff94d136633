//! What the relay needs of an engine: a stream that stores entries in order and detects doubles,
//! buckets with conditional writes, and messages to all workers that are not stored.
//!
//! [`Engine`] is all that the relay uses. `nats` implements it by NATS JetStream, and tests by memory.

#[cfg(test)]
pub(crate) mod memory;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{
    fleet::Written,
    record::{Bucket, Stamp},
};

/// An entry of the stream.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is stored.
    pub subject: Arc<str>,
    /// Within a window of time, the stream stores one entry with this id.
    pub id: Box<str>,
    /// What it is.
    pub head: Head,
    /// The content.
    pub payload: Bytes,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A message of the upstream.
    Data(Data),
    /// A record, with the name of its kind.
    Note(&'static str),
}

/// Where and when a message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data {
    /// The owner.
    pub epoch: u64,
    /// The number of the connection.
    pub connection: u64,
    /// Counts the messages of the connection, from 1.
    pub sequence: u64,
    /// When it was received.
    pub received: Stamp,
    /// A text, otherwise binary.
    pub is_text: bool,
}

impl Entry {
    /// The bytes that it takes up while it waits for its acknowledgement, with what is kept about it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload.len() + self.id.len() + OVERHEAD
    }

    /// It has no content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }
}

/// What an entry takes up beside its content: its fields, its places in two queues, and what an allocation
/// costs. Of small messages it is the larger part.
const OVERHEAD: usize = 256;

/// The answer of the stream to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The sequence number in the stream.
    pub sequence: u64,
    /// An entry with this id was stored before, so this one is not.
    pub is_double: bool,
}

/// Why an entry is not stored, or not known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Whether it is stored is not known, or the stream accepts nothing at present. Try again.
    Unavailable(Box<str>),
    /// The stream never accepts this entry: it is too large.
    TooLarge,
    /// The fence of a batch, or the condition of a record, is not fulfilled.
    Fenced,
    /// A batch has an entry whose id is stored. Nothing of it is stored.
    Double,
    /// Too many batches are on their way. Try again.
    Busy,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the stream is not available: {why}"),
            Self::TooLarge => f.write_str("the stream does not accept messages of this size"),
            Self::Fenced => f.write_str("the subscription has another owner"),
            Self::Double => f.write_str("an entry with this id is stored"),
            Self::Busy => f.write_str("too many batches are on their way"),
        }
    }
}

/// The last entry with a subject.
#[derive(Clone, Debug)]
pub struct Last {
    /// Its sequence number in the stream.
    pub sequence: u64,
    /// Its id.
    pub id: Box<str>,
    /// What it is, if it is data.
    pub data: Option<Data>,
    /// The content.
    pub payload: Bytes,
}

/// An operation of the engine could not be done. The text has no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError(pub Box<str>);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}

/// News of a bucket.
#[derive(Clone, Debug)]
pub enum News {
    /// A record was written, or deleted if it has no value.
    Record {
        /// The key.
        key: Box<str>,
        /// The value.
        value: Option<Bytes>,
        /// Its revision.
        revision: u64,
    },
    /// All records that existed when the watch began were reported. The watch begins anew after an
    /// interruption: then records that are not reported before this were deleted meanwhile.
    Complete,
}

/// A command for an upstream.
#[derive(Clone, Debug)]
pub struct Command {
    /// The id that its sender gave, or its sequence number in the queue.
    pub id: Box<str>,
    /// The content.
    pub payload: Bytes,
    /// It is sent as a text if its content is one.
    pub is_text: bool,
    /// How often it was delivered, from 1.
    pub attempt: u64,
    /// Where the engine awaits the verdict.
    pub reply: Box<str>,
}

/// What happens to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its fate is known: it does not come again.
    Done,
    /// It comes again, after this time.
    Again(Duration),
    /// It is being worked on, so it does not come again yet.
    Working,
}

/// A stream, buckets and messages. Clones share one connection.
pub trait Engine: Clone + Send + Sync + 'static {
    /// The answer to an entry that was sent.
    type Answer: Future<Output = Result<Stored, Refusal>> + Send + Unpin;

    /// Sends an entry. Entries with one subject are stored in the order of these calls.
    ///
    /// After an interruption of the connection, an entry must not be stored before those that were lost
    /// by it. So the answers to these are refusals before the next entry is sent, and during the
    /// interruption this call returns one.
    fn send(&self, entry: &Entry) -> impl Future<Output = Result<Self::Answer, Refusal>> + Send;

    /// Stores an entry if the last one with its subject has this sequence number; 0: there is none.
    fn store_after(
        &self,
        entry: &Entry,
        last: u64,
    ) -> impl Future<Output = Result<Stored, Refusal>> + Send;

    /// Stores all entries or none. None, if the last entry with the subject `fence.0` has not the
    /// sequence number `fence.1`, or if the id of any is stored.
    fn store_all(
        &self,
        entries: &[Entry],
        fence: (&str, u64),
    ) -> impl Future<Output = Result<Stored, Refusal>> + Send;

    /// The last entry with this subject.
    fn last(&self, subject: &str)
    -> impl Future<Output = Result<Option<Last>, EngineError>> + Send;

    /// The value of a record, and its revision.
    fn get(
        &self,
        bucket: Bucket,
        key: &str,
    ) -> impl Future<Output = Result<Option<(Bytes, u64)>, EngineError>> + Send;

    /// Writes a record if it has the revision `after`; 0: if there is none.
    fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Bytes,
        after: u64,
    ) -> impl Future<Output = Written> + Send;

    /// Deletes a record if it has the revision `after`.
    fn delete(&self, bucket: Bucket, key: &str, after: u64)
    -> impl Future<Output = Written> + Send;

    /// All records of a bucket, and then its news. It ends never, and reports interruptions in the log.
    fn watch(&self, bucket: Bucket) -> BoxStream<'static, News>;

    /// The commands with this subject, in order, each to be settled. It never ends, and reports
    /// interruptions in the log.
    fn commands(&self, subject: &str) -> BoxStream<'static, Command>;

    /// Reports what happens to a command. If this is lost, the command comes again.
    fn settle(&self, command: &Command, verdict: Verdict) -> impl Future<Output = ()> + Send;

    /// Sends a beat to all workers, with this one. It may be lost.
    fn beat(&self, beat: Bytes) -> impl Future<Output = ()> + Send;

    /// The beats of all workers.
    fn beats(&self) -> BoxStream<'static, Bytes>;
}
