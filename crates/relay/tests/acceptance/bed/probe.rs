//! A publisher that measures elections: the time without acknowledgements.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::jetstream;
use tokio::task::JoinHandle;

use super::time::{now, since, sleep};

/// Publishes to a subject twenty times a second. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Probe {
    task: JoinHandle<()>,
    /// When each acknowledgement arrived, in nanoseconds since 1970.
    acknowledged: Arc<Mutex<Vec<u64>>>,
}

impl Probe {
    pub(crate) fn start(context: jetstream::Context, subject: String) -> Self {
        let acknowledged = Arc::<Mutex<Vec<u64>>>::default();
        let arrived = acknowledged.clone();
        let task = tokio::spawn(async move {
            loop {
                // Without waiting, since an acknowledgement can be lost with the leader.
                if let Ok(fate) = context.publish(subject.clone(), "probe".into()).await {
                    let arrived = arrived.clone();
                    tokio::spawn(async move {
                        if fate.await.is_ok() {
                            arrived.lock().expect("no panic").push(now());
                        }
                    });
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        Self { task, acknowledged }
    }

    /// The longest time without an acknowledgement since a time, in nanoseconds since 1970, until now.
    pub(crate) fn longest_silence(&self, begin: u64) -> Duration {
        let mut times = self.acknowledged.lock().expect("no panic").clone();
        times.retain(|time| *time > begin);
        times.extend([begin, now()]);
        times.sort_unstable();
        let silences = times.windows(2).map(|pair| since(pair[0], pair[1]));
        silences.max().unwrap_or_default()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.task.abort();
    }
}
