//! The engine by NATS JetStream: [`Nats`].

mod batch;
mod connect;
mod headers;
mod refusal;
mod setup;
mod watch;

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::{
    Client, Statistics,
    connection::State,
    jetstream::{
        self, AckKind, Message, consumer,
        context::{PublishAckFuture, PublishErrorKind},
        kv::Store,
        publish::PublishAck,
        stream::{LastRawMessageErrorKind, Stream},
    },
};
use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;

pub use self::{
    connect::{ConnectError, Patience, connect},
    setup::{Existing, SetupError, check, create, permissions},
};
use crate::{
    engine::{Command, Engine, EngineError, Entry, Last, News, Refusal, Stored, Verdict},
    fleet::Written,
    record::{Bucket, Names},
};

/// How long the answer to an entry is awaited. An election takes longer, so then entries are sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The time in which the server awaits the verdict on a command, or a sign that it is worked on.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// How many commands of one subscription are worked on at the same time.
pub const COMMAND_WINDOW: usize = 64;

/// The wait before an interrupted watch or subscription begins anew.
const AGAIN: Duration = Duration::from_millis(500);

/// A connection to NATS, with the stream and the buckets of a fleet. Each session has several clones.
#[derive(Clone, Debug)]
pub struct Nats {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    context: jetstream::Context,
    names: Arc<Names>,
    stream: Stream<()>,
    /// In the order of [`Bucket::ALL`].
    buckets: [Store; 4],
}

/// The JetStream of a client, with the timeouts of the relay.
#[must_use]
pub fn context(client: &Client) -> jetstream::Context {
    jetstream::context::ContextBuilder::new()
        .timeout(ANSWER_TIMEOUT)
        .ack_timeout(ANSWER_TIMEOUT)
        // The windows of subscriptions are the bound.
        .max_ack_inflight(1 << 20)
        .build(client.clone())
}

impl Nats {
    /// Uses the stream and the buckets of a fleet, which exist.
    ///
    /// # Errors
    ///
    /// If one does not exist or cannot be reached.
    pub async fn new(client: Client, names: Arc<Names>) -> Result<Self, EngineError> {
        let context = context(&client);
        let stream = context.get_stream_no_info(names.stream()).await.map_err(failed)?;
        let open = |bucket| {
            let (context, name) = (&context, names.bucket(bucket));
            async move { context.get_key_value(name).await.map_err(failed) }
        };
        let [wishes, leases, checkpoints, dials] = Bucket::ALL.map(open);
        let buckets = [wishes.await?, leases.await?, checkpoints.await?, dials.await?];
        Ok(Self { shared: Arc::new(Shared { client, context, names, stream, buckets }) })
    }

    fn bucket(&self, bucket: Bucket) -> &Store {
        &self.shared.buckets[bucket as usize]
    }

    /// The client, for requests that are not of the engine.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.shared.client
    }
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError(error.to_string().into())
}

/// The answer to an entry.
pub struct Answer {
    result: Pin<Box<PublishFuture>>,
    statistics: Arc<Statistics>,
    /// The number of connections when the entry was sent. With a later one it may be lost, while
    /// entries after it are stored.
    connects: u64,
}

type PublishFuture =
    dyn Future<Output = Result<PublishAck, async_nats::error::Error<PublishErrorKind>>> + Send;

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

impl Answer {
    fn new(client: &Client, future: PublishAckFuture) -> Self {
        let statistics = client.statistics();
        let connects = statistics.connects.load(Ordering::Relaxed);
        Self { result: future.into_future(), statistics, connects }
    }
}

impl Future for Answer {
    type Output = Result<Stored, Refusal>;

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        if self.statistics.connects.load(Ordering::Relaxed) != self.connects {
            let interrupted = Refusal::Unavailable("the connection was interrupted".into());
            return std::task::Poll::Ready(Err(interrupted));
        }
        self.result.poll_unpin(cx).map(|result| match result {
            Ok(ack) => Ok(Stored { sequence: ack.sequence, is_double: ack.duplicate }),
            Err(error) => Err(refusal::of_publish(&error)),
        })
    }
}

impl Engine for Nats {
    type Answer = Answer;

    async fn send(&self, entry: &Entry) -> Result<Answer, Refusal> {
        if self.shared.client.connection_state() != State::Connected {
            // The client would keep it, and send it before entries that are lost.
            return Err(Refusal::Unavailable("there is no connection".into()));
        }
        let message = headers::message(entry);
        let sent = self.shared.context.send_publish(entry.subject.to_string(), message).await;
        let answer = sent.map(|future| Answer::new(&self.shared.client, future));
        answer.map_err(|error| refusal::of_publish(&error))
    }

    async fn store_after(&self, entry: &Entry, last: u64) -> Result<Stored, Refusal> {
        let message = headers::message(entry).expected_last_subject_sequence(last);
        let sent = self.shared.context.send_publish(entry.subject.to_string(), message).await;
        Answer::new(&self.shared.client, sent.map_err(|error| refusal::of_publish(&error))?).await
    }

    async fn store_all(&self, entries: &[Entry], fence: (&str, u64)) -> Result<Stored, Refusal> {
        batch::store(self, entries, fence).await
    }

    async fn last(&self, subject: &str) -> Result<Option<Last>, EngineError> {
        // By the leader: a replica that answers directly can be behind.
        match self.shared.stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some(headers::last(message))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<(Bytes, u64)>, EngineError> {
        match self.bucket(bucket).entry(key).await {
            Ok(entry) => Ok(entry
                .filter(|entry| entry.operation == jetstream::kv::Operation::Put)
                .map(|entry| (entry.value, entry.revision))),
            Err(error) => Err(failed(error)),
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, value: Bytes, after: u64) -> Written {
        let store = self.bucket(bucket);
        if after == 0 {
            // Also over the mark of a deletion.
            return match store.create(key, value).await {
                Ok(revision) => Written::Stored(revision),
                Err(error) => refusal::of_create(&error),
            };
        }
        match store.update(key, value, after).await {
            Ok(revision) => Written::Stored(revision),
            Err(error) => refusal::of_update(&error),
        }
    }

    async fn delete(&self, bucket: Bucket, key: &str, after: u64) -> Written {
        match self.bucket(bucket).delete_expect_revision(key, Some(after)).await {
            // The revision of the mark is not reported here; the watch reports it.
            Ok(()) => Written::Stored(after),
            Err(error) => refusal::of_delete(&error),
        }
    }

    fn watch(&self, bucket: Bucket) -> BoxStream<'static, News> {
        let (sender, receiver) = mpsc::channel(1_024);
        tokio::spawn(watch::run(self.bucket(bucket).clone(), sender));
        from_channel(receiver)
    }

    fn commands(&self, subject: &str) -> BoxStream<'static, Command> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(fetch(self.clone(), subject.to_owned(), sender));
        from_channel(receiver)
    }

    async fn settle(&self, command: &Command, verdict: Verdict) {
        let kind = match verdict {
            Verdict::Done => AckKind::Ack,
            Verdict::Again(delay) => AckKind::Nak(Some(delay)),
            Verdict::Working => AckKind::Progress,
        };
        let sent = self.shared.client.publish(command.reply.to_string(), Bytes::from(kind)).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "the verdict on a command could not be sent");
        }
    }

    async fn beat(&self, beat: Bytes) {
        if let Err(error) = self.shared.client.publish(self.shared.names.beats(), beat).await {
            tracing::debug!(%error, "a beat could not be sent");
        }
    }

    fn beats(&self) -> BoxStream<'static, Bytes> {
        let (client, subject) = (self.shared.client.clone(), self.shared.names.beats());
        let subscribe = move |()| {
            let (client, subject) = (client.clone(), subject.clone());
            async move {
                loop {
                    match client.subscribe(subject.clone()).await {
                        Ok(beats) => break Some((beats.map(|message| message.payload), ())),
                        Err(error) => {
                            tracing::warn!(%error, "beats cannot be received");
                            tokio::time::sleep(AGAIN).await;
                        }
                    }
                }
            }
        };
        stream::unfold((), subscribe).flatten().boxed()
    }
}

fn from_channel<T: Send + 'static>(mut receiver: mpsc::Receiver<T>) -> BoxStream<'static, T> {
    stream::poll_fn(move |cx| receiver.poll_recv(cx)).boxed()
}

/// Receives the commands of one subscription, until nobody takes them.
async fn fetch(nats: Nats, subject: String, sender: mpsc::Sender<Command>) {
    while !sender.is_closed() {
        if let Err(error) = fetch_some(&nats, &subject, &sender).await {
            tracing::warn!(%error, subject, "commands cannot be received");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn fetch_some(
    nats: &Nats,
    subject: &str,
    sender: &mpsc::Sender<Command>,
) -> Result<(), EngineError> {
    let queue = nats.shared.context.get_stream_no_info(nats.shared.names.commands()).await;
    let name = subject.rsplit('.').next().unwrap_or_default();
    let settings = consumer::pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subject: subject.to_owned(),
        ack_policy: consumer::AckPolicy::Explicit,
        ack_wait: COMMAND_TIMEOUT,
        max_ack_pending: COMMAND_WINDOW as i64,
        ..Default::default()
    };
    let queue = queue.map_err(failed)?;
    let consumer = queue.get_or_create_consumer(name, settings).await.map_err(failed)?;
    let messages = consumer.stream().max_messages_per_batch(COMMAND_WINDOW).messages().await;
    let mut messages = messages.map_err(failed)?;
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            () = sender.closed() => return Ok(()),
        };
        let Some(message) = message else { return Ok(()) };
        let command = command(&message.map_err(failed)?);
        if let Some(command) = command
            && sender.send(command).await.is_err()
        {
            return Ok(());
        }
    }
}

fn command(message: &Message) -> Option<Command> {
    let info = message.info().ok()?;
    let headers = message.headers.as_ref();
    let header = |name: &str| headers.and_then(|headers| headers.get(name));
    let id = header("Nats-Msg-Id").map(ToString::to_string);
    Some(Command {
        id: id.unwrap_or_else(|| info.stream_sequence.to_string()).into(),
        is_text: header("Wsb-Op").is_none_or(|op| op.as_str() != "binary"),
        payload: message.payload.clone(),
        attempt: u64::try_from(info.delivered).unwrap_or(1),
        reply: message.reply.as_ref()?.as_str().into(),
    })
}
