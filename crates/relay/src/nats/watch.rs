//! The news of a bucket, again after each interruption.

use async_nats::jetstream::kv::{Operation, Store};
use futures::StreamExt;
use tokio::sync::mpsc;

use super::{AGAIN, failed};
use crate::engine::{EngineError, News};

/// Reports the news until nobody takes them.
pub(super) async fn run(store: Store, sender: mpsc::Sender<News>) {
    while !sender.is_closed() {
        if let Err(error) = once(&store, &sender).await {
            tracing::warn!(%error, bucket = store.name, "the bucket cannot be watched");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn once(store: &Store, sender: &mpsc::Sender<News>) -> Result<(), EngineError> {
    let is_empty = store.status().await.map_err(failed)?.values() == 0;
    let mut entries = store.watch_with_history(">").await.map_err(failed)?;
    let mut is_complete = is_empty;
    if is_empty && sender.send(News::Complete).await.is_err() {
        return Ok(());
    }
    loop {
        let entry = tokio::select! {
            entry = entries.next() => entry,
            () = sender.closed() => return Ok(()),
        };
        let Some(entry) = entry else { return Ok(()) };
        let entry = entry.map_err(failed)?;
        let value = (entry.operation == Operation::Put).then_some(entry.value);
        let (key, revision) = (entry.key.into(), entry.revision);
        let mut news = vec![News::Record { key, value, revision }];
        if entry.seen_current && !is_complete {
            is_complete = true;
            news.push(News::Complete);
        }
        for news in news {
            if sender.send(news).await.is_err() {
                return Ok(());
            }
        }
    }
}
