//! [`Account`]: what a stream holds, in its order.

use std::collections::BTreeMap;

use async_nats::jetstream::{
    self,
    consumer::{
        DeliverPolicy,
        pull::{Ordered, OrderedConfig},
    },
};
use futures::StreamExt;
use serde::Deserialize;
use tokio::time::timeout;

use super::{plan::GROUP, time};

/// All data and records, for each subscription in the order of the stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) subscriptions: BTreeMap<String, Vec<Entry>>,
}

/// A message of the stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The place in the stream.
    pub(crate) sequence: u64,
    /// When the server stored it, in nanoseconds since 1970.
    pub(crate) stored: u64,
    pub(crate) epoch: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Data {
        /// The number that the upstream gave.
        number: u64,
        connection: u64,
        /// When the worker received it, in nanoseconds since 1970.
        received: u64,
    },
    Record(Box<Record>),
    /// Data without a number, or a record of another kind.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Owner { worker: String, slot: u8 },
    Open { connection: u64 },
    Lost { connection: u64, cause: String },
    Gap(Gap),
    Lagged { count: u64 },
    Stopped { cause: String },
    Fate(Fate),
}

/// Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) certain: bool,
    /// The last stored message before it. 0 if there is none.
    pub(crate) after: u64,
}

/// The fate of a command.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Fate {
    /// The `Nats-Msg-Id` of the command.
    #[serde(rename = "command")]
    pub(crate) id: String,
    pub(crate) fate: String,
    pub(crate) attempt: u64,
}

/// An owner of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) worker: String,
    pub(crate) epoch: u64,
    /// When its record was stored, in nanoseconds since 1970.
    pub(crate) since: u64,
}

impl Account {
    /// Reads all that the stream holds now.
    pub(crate) async fn read(context: &jetstream::Context) -> Self {
        Self::read_subject(context, &format!("wsb.{GROUP}.>"), DeliverPolicy::All).await
    }

    /// Reads the owner records only.
    pub(crate) async fn owners(context: &jetstream::Context) -> Self {
        Self::read_subject(context, &format!("wsb.{GROUP}.own.*"), DeliverPolicy::All).await
    }

    /// Reads the fates of commands only.
    pub(crate) async fn fates_only(context: &jetstream::Context) -> Self {
        Self::read_subject(context, &format!("wsb.{GROUP}.fate.*"), DeliverPolicy::All).await
    }

    /// Reads the newest data of each subscription only.
    pub(crate) async fn newest(context: &jetstream::Context) -> Self {
        let subject = format!("wsb.{GROUP}.in.*");
        Self::read_subject(context, &subject, DeliverPolicy::LastPerSubject).await
    }

    async fn read_subject(
        context: &jetstream::Context,
        subject: &str,
        deliver_policy: DeliverPolicy,
    ) -> Self {
        let limit = time::secs(120);
        time::wait_for("account of the stream", limit, || async {
            Self::try_read(context, subject, deliver_policy).await.ok()
        })
        .await
    }

    async fn try_read(
        context: &jetstream::Context,
        subject: &str,
        deliver_policy: DeliverPolicy,
    ) -> Result<Self, async_nats::Error> {
        let stream = context.get_stream(format!("WSB_{GROUP}")).await?;
        let config = OrderedConfig {
            filter_subject: subject.to_owned(),
            deliver_policy,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let info = consumer.cached_info();
        // What is stored later is not waited for.
        let (name, count) = (info.name.clone(), info.num_pending);
        let account = Self::collect(consumer.messages().await?, count).await?;
        // Otherwise it stays for a while. It is gone if the server that had it was killed.
        let _ = stream.delete_consumer(&name).await;
        Ok(account)
    }

    /// Takes so many messages.
    async fn collect(mut messages: Ordered, count: u64) -> Result<Self, async_nats::Error> {
        let mut account = Self::default();
        for _ in 0..count {
            let next = timeout(time::secs(10), messages.next()).await?;
            let message = next.ok_or("the end of the consumer")??;
            let info = message.info()?;
            let (sequence, pending) = (info.stream_sequence, info.pending);
            let stored = u64::try_from(info.published.unix_timestamp_nanos())?;
            let (kind, name) = message.subject[4 + GROUP.len() + 1..]
                .split_once('.')
                .ok_or("a subject of another form")?;
            let (epoch, what) = parse(kind, &message);
            let entry = Entry { sequence, stored, epoch, what };
            account.subscriptions.entry(name.to_owned()).or_default().push(entry);
            if pending == 0 {
                break;
            }
        }
        Ok(account)
    }

    /// The present owner of each subscription and slot.
    pub(crate) fn present_owners(&self) -> BTreeMap<(String, u8), Owner> {
        self.owners_at(u64::MAX)
    }

    /// The owners at this time, in nanoseconds since 1970.
    pub(crate) fn owners_at(&self, time: u64) -> BTreeMap<(String, u8), Owner> {
        let mut owners = BTreeMap::<_, Owner>::new();
        for (name, entries) in &self.subscriptions {
            for entry in entries.iter().filter(|entry| entry.stored <= time) {
                let Some(Record::Owner { worker, slot }) = entry.record() else { continue };
                let owner =
                    Owner { worker: worker.clone(), epoch: entry.epoch, since: entry.stored };
                let known = owners.entry((name.clone(), *slot)).or_insert_with(|| owner.clone());
                if known.epoch < owner.epoch {
                    *known = owner;
                }
            }
        }
        owners
    }

    /// How often an owner changed: an owner record of another worker than the one before it, in the
    /// same slot. Stored after the time `since`.
    pub(crate) fn moves(&self, since: u64) -> Vec<(String, String, String)> {
        let mut moves = Vec::new();
        for (name, entries) in &self.subscriptions {
            let mut owners = BTreeMap::<u8, String>::new();
            for entry in entries {
                let Some(Record::Owner { worker, slot }) = entry.record() else { continue };
                let before = owners.insert(*slot, worker.clone());
                if let Some(before) = before
                    && before != *worker
                    && entry.stored > since
                {
                    moves.push((name.clone(), before, worker.clone()));
                }
            }
        }
        moves
    }

    /// All records of fates.
    pub(crate) fn fates(&self) -> impl Iterator<Item = &Fate> {
        self.subscriptions.values().flatten().filter_map(|entry| match entry.record()? {
            Record::Fate(fate) => Some(fate),
            _ => None,
        })
    }
}

impl Entry {
    pub(crate) fn record(&self) -> Option<&Record> {
        match &self.what {
            What::Record(record) => Some(record),
            _ => None,
        }
    }
}

fn parse(kind: &str, message: &async_nats::Message) -> (u64, What) {
    let header = |name: &str| {
        let value = message.headers.as_ref()?.get(name)?;
        Some(value.as_str().to_owned())
    };
    let number = |name: &str| header(name).and_then(|value| value.parse().ok());
    if kind == "in" {
        let data = serde_json::from_slice::<Numbered>(&message.payload).ok();
        let what = data.map(|data| What::Data {
            number: data.seq,
            connection: number("Wsb-Conn").unwrap_or(0),
            received: number("Wsb-Recv").unwrap_or(0),
        });
        return (number("Wsb-Epoch").unwrap_or(0), what.unwrap_or(What::Other));
    }
    let body: serde_json::Value = serde_json::from_slice(&message.payload).unwrap_or_default();
    let epoch = body["epoch"].as_u64().or_else(|| number("Wsb-Epoch")).unwrap_or(0);
    let record = header("Wsb-Record").and_then(|name| record(&name, &body));
    (epoch, record.map_or(What::Other, |record| What::Record(Box::new(record))))
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// `None` for a record of another kind, or with other fields.
fn record(name: &str, body: &serde_json::Value) -> Option<Record> {
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    let time = |key: &str| time::parse(body[key].as_str()?);
    Some(match name {
        "owner" => Record::Owner {
            worker: text("worker")?,
            slot: u8::try_from(body["slot"].as_u64()?).ok()?,
        },
        "open" => Record::Open { connection: body["connection"].as_u64()? },
        "lost" => Record::Lost { connection: body["connection"].as_u64()?, cause: text("cause")? },
        "gap" => Record::Gap(Gap {
            from: time("from")?,
            to: time("to")?,
            certain: body["certain"].as_bool()?,
            after: body["after"].as_u64().unwrap_or(0),
        }),
        "lagged" => Record::Lagged { count: body["count"].as_u64()? },
        "stopped" => Record::Stopped { cause: text("cause")? },
        "fate" => Record::Fate(Fate::deserialize(body).ok()?),
        _ => return None,
    })
}
