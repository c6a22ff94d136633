//! Commands for the upstream: from the work queue of the fleet to the session.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    task::JoinHandle,
    time::{Instant, interval_at, sleep},
};
use websocket_heartbeat_tokio::{Fate, Handle, Message, QueueError, Receipt};

use super::{Common, intake::Intake};
use crate::{
    engine::{Command, Engine, Entry, Head, Verdict},
    record::Names,
};

/// The task that carries out commands. It ends on drop; commands without a fate come again.
pub(super) struct Commands(Option<JoinHandle<()>>);

impl Commands {
    pub(super) fn begin<E: Engine>(common: &Common<E>, intake: &Intake, handle: Handle) -> Self {
        if !intake.rules().commands {
            return Self(None);
        }
        let name: Arc<str> = intake.name().into();
        let (engine, names) = (common.engine.clone(), Arc::clone(&common.names));
        let resend = intake.rules().resend;
        Self(Some(tokio::spawn(carry_out(engine, names, name, handle, resend))))
    }

    pub(super) fn end(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.end();
    }
}

/// The time between two reports that a command is being worked on. A third of the time in which the
/// queue awaits its verdict.
const WORKING: Duration = Duration::from_secs(3);

/// Sends the commands in their order, and awaits the fates of many at the same time.
async fn carry_out<E: Engine>(
    engine: E,
    names: Arc<Names>,
    name: Arc<str>,
    handle: Handle,
    resend: u32,
) {
    let mut commands = engine.commands(&names.command(&name));
    let fates = Fates { engine, subject: names.fate(&name).into(), name, resend };
    let mut current = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(command) = commands.next() => {
                let message = match std::str::from_utf8(&command.payload) {
                    Ok(text) if command.is_text => Message::text(text.to_owned()),
                    _ => Message::binary(command.payload.clone()),
                };
                // In order; and meanwhile the others go on, since the outbox can be full for long.
                let mut queued = pin!(handle.queue_with_receipt(message));
                let mut working = interval_at(Instant::now() + WORKING, WORKING);
                let receipt = loop {
                    tokio::select! {
                        receipt = &mut queued => break receipt,
                        Some(()) = current.next() => {}
                        _ = working.tick() => fates.verdict(&command, Verdict::Working).await,
                    }
                };
                current.push(fates.settle(command, receipt));
            }
            Some(()) = current.next() => {}
        }
    }
}

/// Where the fates of commands are stored.
struct Fates<E> {
    engine: E,
    subject: Arc<str>,
    name: Arc<str>,
    resend: u32,
}

impl<E: Engine> Fates<E> {
    /// Awaits the fate of a command, stores it, and acknowledges the command then.
    async fn settle(&self, command: Command, receipt: Result<Receipt, QueueError>) {
        let Ok(mut receipt) = receipt else {
            return self.verdict(&command, Verdict::Again(Duration::from_secs(1))).await;
        };
        let fate = loop {
            tokio::select! {
                fate = &mut receipt => break fate,
                () = sleep(WORKING) => self.verdict(&command, Verdict::Working).await,
            }
        };
        let (fate, connection) = match fate {
            Fate::Written { connection } => ("written", connection),
            Fate::Unknown { connection, .. } if command.attempt > u64::from(self.resend) => {
                ("unknown", connection)
            }
            // It may have arrived, and is sent again as the configuration allows.
            Fate::Unknown { .. } => {
                return self.verdict(&command, Verdict::Again(Duration::ZERO)).await;
            }
            // No connection has it, since the session ends.
            _ => return self.verdict(&command, Verdict::Again(Duration::from_secs(1))).await,
        };
        let fate = self.entry(&command, fate, connection);
        // Before the verdict: a command whose fate is not stored comes again.
        let stored = async {
            while store(&self.engine, &fate).await.is_err() {
                sleep(Duration::from_millis(250)).await;
            }
        };
        let mut stored = pin!(stored);
        loop {
            tokio::select! {
                () = &mut stored => break,
                () = sleep(WORKING) => self.verdict(&command, Verdict::Working).await,
            }
        }
        self.verdict(&command, Verdict::Done).await;
    }

    async fn verdict(&self, command: &Command, verdict: Verdict) {
        self.engine.settle(command, verdict).await;
    }

    fn entry(&self, command: &Command, fate: &str, connection: u64) -> Entry {
        let record = serde_json::json!({
            "record": "fate",
            "command": command.id,
            "fate": fate,
            "connection": connection,
            "attempt": command.attempt,
        });
        let payload = Bytes::from(record.to_string());
        let id = format!("{}:f:{}", self.name, command.id).into();
        Entry { subject: Arc::clone(&self.subject), id, head: Head::Note("fate"), payload }
    }
}

async fn store<E: Engine>(engine: &E, entry: &Entry) -> Result<(), crate::engine::Refusal> {
    engine.send(entry).await?.await.map(|_| ())
}
