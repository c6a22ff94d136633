//! The stream and the buckets of a fleet: they are created once, and compared at each start.

use std::{fmt, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        self,
        context::{CreateStreamErrorKind, GetStreamErrorKind},
        stream::{DiscardPolicy, RetentionPolicy, StorageType},
    },
};

use crate::{
    config::{Config, Discard},
    fleet,
    record::{Bucket, Names, SCHEMA},
};

/// Why the stream or a bucket cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// It does not exist.
    Missing(String),
    /// It has another setting than the configuration.
    Different {
        /// The stream or the bucket.
        name: String,
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The value in the configuration.
        wanted: String,
    },
    /// The server refuses, or did not answer.
    Failed {
        /// The stream or the bucket.
        name: String,
        /// What the server says.
        error: String,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => {
                write!(f, "`{name}` does not exist: run `wsbeat relay init` once for each fleet")
            }
            Self::Different { name, setting, found, wanted } => write!(
                f,
                "`{name}` has {setting} {found}, and the configuration says {wanted}: change the \
                 file, or run `wsbeat relay init --update`"
            ),
            Self::Failed { name, error } => write!(f, "`{name}`: {error}"),
        }
    }
}

impl std::error::Error for SetupError {}

/// What `init` does with a stream or bucket that exists with other settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is refused.
    Keep,
    /// It is changed.
    Update,
}

/// Creates what does not exist. Returns the names of what was created or changed.
///
/// # Errors
///
/// If something exists with other settings and is kept, or if the server refuses.
pub async fn create(
    client: &Client,
    config: &Config,
    existing: Existing,
) -> Result<Vec<String>, SetupError> {
    let context = super::context(client);
    let names = Names::new(&config.nats.group);
    let mut done = Vec::new();
    for wanted in streams(config, &names) {
        let name = wanted.name.clone();
        match found(&context, &name).await? {
            None => {
                context.create_stream(&wanted).await.map_err(|error| match error.kind() {
                    CreateStreamErrorKind::JetStream(error) => refused(&wanted, &error),
                    _ => SetupError::Failed { name: name.clone(), error: error.to_string() },
                })?;
                done.push(format!("created `{name}`"));
            }
            Some(found) => match (compare(&found, &wanted), existing) {
                (Ok(()), _) => {}
                (Err(error), Existing::Keep) => return Err(error),
                (Err(_), Existing::Update) => {
                    context.update_stream(&wanted).await.map_err(|error| SetupError::Failed {
                        name: name.clone(),
                        error: error.to_string(),
                    })?;
                    done.push(format!("changed `{name}`"));
                }
            },
        }
    }
    Ok(done)
}

/// Compares the settings of the stream and the buckets with the configuration.
///
/// # Errors
///
/// The first one that is missing or different.
pub async fn check(client: &Client, config: &Config) -> Result<(), SetupError> {
    let context = super::context(client);
    let names = Names::new(&config.nats.group);
    for wanted in streams(config, &names) {
        match found(&context, &wanted.name).await? {
            None => return Err(SetupError::Missing(wanted.name)),
            Some(found) => compare(&found, &wanted)?,
        }
    }
    Ok(())
}

/// What the server says about a stream that it does not create.
fn refused(wanted: &jetstream::stream::Config, error: &jetstream::Error) -> SetupError {
    let name = wanted.name.clone();
    if error.error_code() == jetstream::ErrorCode::STORAGE_RESOURCES_EXCEEDED {
        let error = format!(
            "the servers have no room for {} bytes: lower `stream.max_bytes`, or raise \
             `max_file_store` of the servers",
            wanted.max_bytes
        );
        return SetupError::Failed { name, error };
    }
    SetupError::Failed { name, error: error.to_string() }
}

async fn found(
    context: &jetstream::Context,
    name: &str,
) -> Result<Option<jetstream::stream::Config>, SetupError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            _ => Err(SetupError::Failed { name: name.to_owned(), error: error.to_string() }),
        },
    }
}

/// The streams of a fleet. A bucket is a stream, too.
fn streams(config: &Config, names: &Names) -> Vec<jetstream::stream::Config> {
    let replicas = usize::from(config.nats.replicas);
    let stream = &config.stream;
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let messages = jetstream::stream::Config {
        name: names.stream(),
        subjects: names.stream_subjects(),
        max_age: stream.max_age,
        max_bytes: bytes(stream.max_bytes),
        max_message_size: i32::try_from(stream.max_message).unwrap_or(i32::MAX),
        discard: match stream.discard {
            Discard::Old => DiscardPolicy::Old,
            Discard::New => DiscardPolicy::New,
        },
        duplicate_window: stream.dedupe_window,
        storage: StorageType::File,
        num_replicas: replicas,
        allow_direct: true,
        allow_atomic_publish: true,
        // What all workers must have alike.
        description: Some(format!(
            "messages and records of wsbeat relay: schema {SCHEMA}, {} blocks",
            config.fleet.blocks
        )),
        ..Default::default()
    };
    let commands = jetstream::stream::Config {
        name: names.commands(),
        subjects: vec![names.command("*")],
        retention: RetentionPolicy::WorkQueue,
        max_age: stream.max_age,
        storage: StorageType::File,
        num_replicas: replicas,
        description: Some("commands of wsbeat relay".to_owned()),
        ..Default::default()
    };
    let bucket = |bucket| {
        let max_age = match bucket {
            Bucket::Leases => fleet::Settings::default().lease,
            Bucket::Wishes | Bucket::Checkpoints | Bucket::Dials => Duration::ZERO,
        };
        bucket_stream(names.bucket(bucket), max_age, replicas)
    };
    [messages, commands].into_iter().chain(Bucket::ALL.map(bucket)).collect()
}

/// The stream of a bucket, as all clients of NATS make it (ADR-8).
fn bucket_stream(name: String, max_age: Duration, replicas: usize) -> jetstream::stream::Config {
    // The longest time in which the server knows ids, but not longer than a record lives.
    let window = if max_age.is_zero() { Duration::from_secs(120) } else { max_age };
    jetstream::stream::Config {
        subjects: vec![format!("$KV.{name}.>")],
        name: format!("KV_{name}"),
        max_messages_per_subject: 1,
        max_age,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        storage: StorageType::File,
        num_replicas: replicas,
        duplicate_window: window.min(Duration::from_secs(120)),
        ..Default::default()
    }
}

/// Compares the settings that matter to a fleet.
fn compare(
    found: &jetstream::stream::Config,
    wanted: &jetstream::stream::Config,
) -> Result<(), SetupError> {
    let text = |value: &dyn fmt::Debug| format!("{value:?}");
    let settings: [(&'static str, String, String); 15] = [
        ("replicas", text(&found.num_replicas), text(&wanted.num_replicas)),
        ("max_age", text(&found.max_age), text(&wanted.max_age)),
        ("max_bytes", text(&found.max_bytes), text(&wanted.max_bytes)),
        ("max_message", text(&found.max_message_size), text(&wanted.max_message_size)),
        ("discard", text(&found.discard), text(&wanted.discard)),
        ("dedupe_window", text(&found.duplicate_window), text(&wanted.duplicate_window)),
        ("the description", text(&found.description), text(&wanted.description)),
        ("the subjects", text(&found.subjects), text(&wanted.subjects)),
        ("atomic batches", text(&found.allow_atomic_publish), text(&wanted.allow_atomic_publish)),
        ("direct reads", text(&found.allow_direct), text(&wanted.allow_direct)),
        ("retention", text(&found.retention), text(&wanted.retention)),
        ("storage", text(&found.storage), text(&wanted.storage)),
        ("no acknowledgements", text(&found.no_ack), text(&wanted.no_ack)),
        // A limit that the relay does not set would delete or refuse messages.
        ("max_msgs", text(&found.max_messages), text(&wanted.max_messages)),
        (
            "max_msgs_per_subject",
            text(&found.max_messages_per_subject),
            text(&wanted.max_messages_per_subject),
        ),
    ];
    for (setting, found, wanted_value) in settings {
        // A bucket or queue has only the limits that the relay sets.
        let is_unset = matches!(wanted_value.as_str(), "0" | "-1" | "0ns");
        let is_same = found == wanted_value
            || is_unset && matches!(found.as_str(), "0" | "-1" | "0ns")
            || is_unset && setting == "dedupe_window";
        if !is_same {
            let name = wanted.name.clone();
            return Err(SetupError::Different { name, setting, found, wanted: wanted_value });
        }
    }
    Ok(())
}

/// The subjects that a worker needs, for the permissions of its user. The other commands need more: `init`
/// creates streams, and `apply`, `tail` and `send` are for people.
#[must_use]
pub fn permissions(names: &Names) -> String {
    let stream = names.stream();
    let commands = names.commands();
    let mut publish = names.stream_subjects();
    publish.extend([
        names.beats(),
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.STREAM.INFO.{commands}"),
        format!("$JS.API.CONSUMER.INFO.{commands}.*"),
        format!("$JS.API.CONSUMER.CREATE.{commands}.>"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{commands}.*"),
        format!("$JS.ACK.{commands}.>"),
    ]);
    for bucket in Bucket::ALL {
        let name = names.bucket(bucket);
        publish.push(format!("$JS.API.STREAM.INFO.KV_{name}"));
        if bucket != Bucket::Wishes {
            publish.push(format!("$KV.{name}.>"));
            publish.push(format!("$JS.API.DIRECT.GET.KV_{name}.>"));
        }
        if matches!(bucket, Bucket::Wishes | Bucket::Leases) {
            publish.push(format!("$JS.API.CONSUMER.CREATE.KV_{name}"));
            publish.push(format!("$JS.API.CONSUMER.DELETE.KV_{name}.*"));
            publish.push(format!("$JS.FC.KV_{name}.>"));
        }
    }
    let subscribe = [names.beats(), names.control("*"), format!("{}.>", names.inboxes())];
    let lines = |subjects: &[String]| {
        let lines = subjects.iter().map(|subject| format!("      \"{subject}\"\n"));
        lines.collect::<String>()
    };
    // The answer to a request goes to the inbox of the one who asks.
    format!(
        "permissions: {{\n  publish: {{\n    allow: [\n{}    ]\n  }}\n  subscribe: {{\n    \
         allow: [\n{}    ]\n  }}\n  allow_responses: true\n}}",
        lines(&publish),
        lines(&subscribe)
    )
}
