//! Several entries that are stored together or not at all (NATS 2.12, ADR-50).

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::{HeaderValue, client::PublishErrorKind};

use super::{Answer, Nats, headers, refusal};
use crate::engine::{Entry, Refusal, Stored};

/// Stores all entries, after the fence is checked.
pub(super) async fn store(
    nats: &Nats,
    entries: &[Entry],
    fence: (&str, u64),
) -> Result<Stored, Refusal> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Unique among all clients: the inbox prefix of this connection is random.
    let super::Shared { client, context, .. } = &*nats.shared;
    let inbox = client.new_inbox();
    let random = inbox.rsplit('.').next().unwrap_or_default();
    let batch = format!("{random}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let (subject, sequence) = fence;
    let last = entries.len() - 1;
    for (index, entry) in entries.iter().enumerate() {
        let mut headers = headers::headers(entry);
        headers.insert("Nats-Batch-Id", batch.as_str());
        headers.insert("Nats-Batch-Sequence", HeaderValue::from(index as u64 + 1));
        if index == 0 {
            headers.insert("Nats-Expected-Last-Subject-Sequence", HeaderValue::from(sequence));
            headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", subject);
        }
        if index < last {
            // Without an answer. If it is refused, the last entry is, too.
            let subject = entry.subject.to_string();
            let sent = client.publish_with_headers(subject, headers, entry.payload.clone());
            sent.await.map_err(|error| match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => Refusal::TooLarge,
                _ => Refusal::Unavailable(error.to_string().into()),
            })?;
            continue;
        }
        headers.insert("Nats-Batch-Commit", "1");
        let message = async_nats::jetstream::message::PublishMessage::build()
            .headers(headers)
            .payload(entry.payload.clone());
        let sent = context.send_publish(entry.subject.to_string(), message).await;
        return Answer::new(client, sent.map_err(|error| refusal::of_publish(&error))?).await;
    }
    unreachable!("a batch has entries")
}
