//! A publisher that writes data and records as a worker does, with planted faults.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{self, stream},
};
use serde_json::{Value, json};

use crate::bed::{
    plan::GROUP,
    time::{secs, wait_for},
};

/// One owner of one subscription.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    context: jetstream::Context,
    name: String,
    worker: String,
    epoch: u64,
    records: u64,
    messages: u64,
}

/// Makes the stream of the group, as far as readers see it.
pub(crate) async fn create_stream(context: &jetstream::Context, replicas: usize) {
    let config = stream::Config {
        name: format!("WSB_{GROUP}"),
        subjects: ["in", "ev", "own", "fate"].map(|kind| format!("wsb.{GROUP}.{kind}.*")).to_vec(),
        num_replicas: replicas,
        duplicate_window: Duration::from_secs(30),
        allow_direct: true,
        ..stream::Config::default()
    };
    // A cluster that has just begun may refuse it for a moment.
    wait_for("stream", secs(30), || async { context.create_stream(config.clone()).await.ok() })
        .await;
}

impl Publisher {
    /// Also writes the owner record.
    pub(crate) async fn begin(
        context: &jetstream::Context,
        name: &str,
        worker: &str,
        epoch: u64,
    ) -> Self {
        let (name, worker) = (name.to_owned(), worker.to_owned());
        let context = context.clone();
        let mut publisher = Self { context, name, worker, epoch, records: 0, messages: 0 };
        let body = json!({ "worker": publisher.worker, "incarnation": "0", "slot": 0 });
        publisher.record("own", "owner", body).await;
        publisher
    }

    /// Publishes the message with this number. The place in the stream.
    pub(crate) async fn data(&mut self, number: u64, received: u64) -> u64 {
        let id = format!("{}:i:{number}", self.name);
        self.data_as(&id, number, received).await
    }

    /// The same with another id.
    pub(crate) async fn data_as(&mut self, id: &str, number: u64, received: u64) -> u64 {
        self.messages += 1;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        headers.insert("Wsb-Epoch", self.epoch.to_string());
        headers.insert("Wsb-Conn", "1");
        headers.insert("Wsb-Seq", self.messages.to_string());
        headers.insert("Wsb-Recv", received.to_string());
        headers.insert("Wsb-Op", "text");
        let body = json!({ "seq": number, "at": received, "feed": self.name });
        self.publish("in", headers, body).await
    }

    /// Writes a record to the subjects of this kind.
    pub(crate) async fn record(&mut self, kind: &str, record: &str, mut body: Value) {
        self.records += 1;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{}:r:{}:{}", self.name, self.epoch, self.records));
        headers.insert("Wsb-Record", record);
        headers.insert("Wsb-Schema", "1");
        body["epoch"] = self.epoch.into();
        self.publish(kind, headers, body).await;
    }

    async fn publish(&self, kind: &str, headers: HeaderMap, body: Value) -> u64 {
        let subject = format!("wsb.{GROUP}.{kind}.{}", self.name);
        let fate = self.context.publish_with_headers(subject, headers, body.to_string().into());
        fate.await.expect("a client").await.expect("it is stored").sequence
    }
}
