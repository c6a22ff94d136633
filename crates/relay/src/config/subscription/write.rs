//! Writes a [`Subscription`] as JSON, with the keys of its table.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{
    super::{Source, units},
    Heartbeat, Kind, Resume, Subscription,
};
use crate::id::Rule;

/// Also values that are defaults are written, so that a worker with other defaults reads the same.
impl Serialize for Subscription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl Subscription {
    /// The value of the bucket. It contains no secret, only the places where secrets stand.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    fn to_value(&self) -> Value {
        let headers: Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.to_value())).collect();
        let (kind, owners, resume) = match &self.kind {
            Kind::Overlap { owners } => ("overlap", *owners, None),
            Kind::Resume(resume) => ("resume", 1, Some(resume)),
            Kind::Exclusive => ("exclusive", 1, None),
        };
        let mut value = json!({
            "name": self.name,
            "url": self.url.to_value(),
            "headers": headers,
            "subprotocols": self.subprotocols,
            "open": sources(&self.open),
            "kind": kind,
            "replicas": owners,
            "id": rule(&self.id),
            "without_id": self.without_id.name(),
            "heartbeat": heartbeat(&self.heartbeat),
            "ready": self.ready.name(),
            "on_full": self.on_full.name(),
            "oversize": self.oversize.name(),
            "commands": self.commands,
            "resend": self.resend,
        });
        if let Some(key) = &self.dial_key {
            value["dial_key"] = json!(key);
        }
        if let Some(resume) = resume {
            value["resume"] = of_resume(resume);
        }
        value
    }
}

fn sources(sources: &[Source]) -> Vec<Value> {
    sources.iter().map(Source::to_value).collect()
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::Pointer(pointer) => json!({ "pointer": pointer.to_string() }),
        Rule::Bytes { from, to } => json!({ "bytes": [from, to] }),
        Rule::Hash => json!("hash"),
        Rule::None => json!("none"),
    }
}

fn heartbeat(heartbeat: &Heartbeat) -> Value {
    let mut value = json!({
        "interval": units::duration_text(heartbeat.interval),
        "timeout": units::duration_text(heartbeat.timeout),
    });
    if let Some(text) = &heartbeat.text {
        value["text"] = json!(text);
    }
    value
}

fn of_resume(resume: &Resume) -> Value {
    let values: Map<_, _> = resume
        .values
        .iter()
        .map(|(name, pointer)| (name.clone(), json!(pointer.to_string())))
        .collect();
    let mut value = json!({ "values": values, "open": sources(&resume.open) });
    if let Some(url) = &resume.url {
        value["url"] = url.to_value();
    }
    let mut reset = json!({ "codes": resume.reset.codes });
    if let Some((pointer, equals)) = &resume.reset.message {
        reset["pointer"] = json!(pointer.to_string());
        reset["equals"] = json!(equals);
    }
    value["reset"] = reset;
    value
}
