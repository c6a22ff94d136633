//! The task of one subscription on its owner: messages of the upstream become entries of the stream.

mod checkpoint;
mod commands;
mod continuity;
mod delivery;
mod intake;
mod resume;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::Instant,
};
use websocket_heartbeat_tokio::{Handle, Inbox};

use self::{
    checkpoint::Checkpoint,
    continuity::Before,
    delivery::{Batches, Delivery, Pipeline},
    intake::Intake,
};
pub use self::{
    intake::Rules,
    resume::{Follows, Resume, Values, values_from},
};
use crate::{
    engine::{Engine, EngineError, Entry, Last, Refusal},
    fleet::Worker,
    outflow::{Outflow, Quota},
    record::{Names, Note, unix_now},
};

/// What all sessions of a worker share.
#[derive(Clone, Debug)]
pub struct Common<E> {
    /// The stream and the buckets.
    pub engine: E,
    /// The names of subjects.
    pub names: Arc<Names>,
    /// This worker.
    pub worker: Worker,
    /// The bytes of all windows.
    pub quota: Quota,
    /// The batches of all exclusive subscriptions.
    pub batches: Arc<Semaphore>,
    /// When other workers were heard, and the current time on the same clock.
    pub heard: watch::Receiver<Heard>,
    /// The largest message that the stream accepts, with its headers.
    pub max_message: usize,
}

/// When workers were heard, on the clock of the fleet.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The time of the last beat of each.
    pub workers: BTreeMap<Worker, Duration>,
    /// The current time.
    pub now: Duration,
}

/// The part of this worker in one subscription.
#[derive(Clone, Debug)]
pub struct Part {
    /// The name of the subscription.
    pub name: Arc<str>,
    /// The number of this owner among those of the subscription.
    pub slot: u8,
    /// The number of the ownership.
    pub epoch: u64,
    /// The owner before, if it may still run: the subscription overlaps.
    pub before: Option<Worker>,
    /// How far an earlier session of this epoch came.
    pub progress: Progress,
    /// The revision of the record from which it resumes; 0: there is none.
    pub checkpoint: u64,
}

/// The numbers that a session has used. Ids contain them, so none may be used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last number of a connection.
    pub connections: u64,
    /// The last number of a record.
    pub notes: u64,
}

/// The session with the upstream. Its driver runs in another task.
#[derive(Debug)]
pub struct Upstream {
    /// Closes the session, and sends commands.
    pub handle: Handle,
    /// The messages and events.
    pub inbox: Inbox,
}

/// An order to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The ownership has another number.
    Renumber(u64),
    /// Close the connection, store all that was received, and end.
    Stop(&'static str),
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// After [`Order::Stop`]. Everything is stored.
    Stopped,
    /// The library gave up, with this reason.
    Closed(String),
    /// The subscription has another owner.
    Fenced,
}

/// Runs one subscription until its end. `ready` is called once the first message arrived, or with the
/// first connection if [`Rules::ready_when_open`].
///
/// Dropping the future ends the session at once. Entries that were sent before may still be stored.
pub async fn run<E: Engine>(
    common: Common<E>,
    part: Part,
    rules: Rules,
    upstream: Upstream,
    mut orders: mpsc::UnboundedReceiver<Order>,
    ready: impl FnOnce() + Send,
) -> (End, Progress) {
    let Upstream { handle, mut inbox } = upstream;
    let (began, since) = (Instant::now(), unix_now());
    let before = until_done(|| read_before(&common, &part.name)).await;
    let mut outflow = Outflow::default();
    let is_fenced = rules.is_exclusive;
    let mut intake = Intake::new(&common, part, rules, before, handle.clone());
    let owner = intake.owner();
    let mut delivery = if is_fenced {
        match Box::pin(fence(&common, &owner, intake.epoch())).await {
            Some(fence) => {
                let permits = Arc::clone(&common.batches);
                Delivery::Fenced(Batches::new(common.engine.clone(), permits, fence))
            }
            None => return (End::Fenced, intake.progress()),
        }
    } else {
        let share = common.quota.take(owner.len());
        outflow.push(owner, None, share);
        Delivery::Pipelined(Pipeline::new(common.engine.clone()))
    };
    if began.elapsed() > BLOCKED {
        intake.fall_behind(since);
    }
    let commands = commands::Commands::begin(&common, &intake, handle);
    let mut checkpoint = Checkpoint::new(&common, &intake);
    let mut ready = Some(ready);
    let mut stopping: Option<&'static str> = None;
    let mut closed: Option<String> = None;
    let mut heard = common.heard.clone();
    loop {
        if let Some(ready) = intake.take_ready().then(|| ready.take()).flatten() {
            ready();
        }
        let sending = Instant::now();
        delivery.send(&mut outflow).await;
        let blocked = sending.elapsed();
        if blocked > BLOCKED {
            intake.fall_behind(unix_now().before(blocked));
        }
        let ends = closed.is_some() && outflow.is_empty();
        if ends && intake.is_settled() {
            commands.end();
            checkpoint.finish().await;
            let end = match (stopping, closed) {
                (None, Some(reason)) => End::Closed(reason),
                _ => End::Stopped,
            };
            return (end, intake.progress());
        }
        // Without room nothing is taken, and the driver goes on with its heartbeats.
        let has_room = outflow.has_room() && common.quota.has_room();
        let takes = closed.is_none() && has_room && !intake.is_asking();
        if closed.is_none() && !takes {
            intake.fall_behind(unix_now());
        }
        tokio::select! {
            biased;
            Some(order) = orders.recv() => match order {
                Order::Renumber(epoch) => intake.renumber(epoch, &mut outflow),
                Order::Stop(cause) => {
                    stopping = Some(cause);
                    intake.begin_close();
                }
            },
            settled = delivery.next(&mut outflow) => if let Some(settled) = settled {
                match settled.result {
                    Ok(stored) => for _ in 0..settled.count {
                        if let Some((_, values)) = outflow.acknowledge() {
                            checkpoint.acknowledge(values);
                            intake.acknowledge(stored);
                        }
                    },
                    Err(Refusal::TooLarge) => intake.refused(&mut outflow),
                    Err(refusal) => {
                        // The record of this owner may have expired in the stream.
                        let owner = intake.owner();
                        let fence = Box::pin(fence(&common, &owner, intake.epoch()));
                        let Some(fence) = fence.await else {
                            tracing::warn!(subscription = intake.name(), %refusal, "fenced");
                            commands.end();
                            return (End::Fenced, intake.progress());
                        };
                        delivery.fence(fence);
                    }
                }
            },
            () = checkpoint.write() => {}
            _ = heard.changed(), if intake.is_in_doubt() => {
                intake.inquire(&heard.borrow_and_update());
            }
            event = inbox.next(), if takes => {
                let mut next = event;
                // A wake brings many events.
                loop {
                    match next {
                        Some(event) => intake.take(event, &mut outflow),
                        None => {
                            closed = Some(intake.close(stopping, &mut outflow));
                            break;
                        }
                    }
                    if intake.is_asking() || !outflow.has_room() || !common.quota.has_room() {
                        break;
                    }
                    match futures::FutureExt::now_or_never(inbox.next()) {
                        Some(event) => next = event,
                        None => {
                            intake.keep_up();
                            break;
                        }
                    }
                }
            }
            due = intake.due() => intake.take_due(due, &mut outflow),
            () = common.quota.room(), if closed.is_none() && !common.quota.has_room() => {}
        }
    }
}

/// An entry that is sent takes less time, unless the connection to the engine accepts nothing.
const BLOCKED: Duration = Duration::from_millis(20);

/// Repeats an operation of the engine until it succeeds.
pub(crate) async fn until_done<T, F>(mut operation: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, EngineError>>,
{
    loop {
        // On the heap: it is rare, and the task of an idle session would keep its size.
        match Box::pin(operation()).await {
            Ok(result) => return result,
            Err(error) => {
                tracing::debug!(%error, "the stream cannot be read");
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    }
}

/// Reads what the stream has of a subscription.
async fn read_before<E: Engine>(common: &Common<E>, name: &str) -> Result<Before, EngineError> {
    let (owners, records) = (common.names.owners(name), common.names.records(name));
    let data = common.names.data(name);
    let engine = &common.engine;
    let (owner, last_note, data) =
        tokio::try_join!(engine.last(&owners), engine.last(&records), engine.last(&data))?;
    let note = |last: Last| serde_json::from_slice::<Note>(&last.payload).ok();
    let owner = owner.and_then(note).map(|owner| owner.epoch());
    Ok(Before { owner, note: last_note.and_then(note), data })
}

/// Records the ownership so that batches of earlier owners are refused. `None`: there is a later owner.
async fn fence<E: Engine>(
    common: &Common<E>,
    owner: &Entry,
    epoch: u64,
) -> Option<(Arc<str>, u64)> {
    loop {
        let last = until_done(|| common.engine.last(&owner.subject)).await;
        let sequence = last.as_ref().map_or(0, |last| last.sequence);
        if let Some(last) = &last {
            if last.id == owner.id {
                return Some((Arc::clone(&owner.subject), sequence));
            }
            let later =
                serde_json::from_slice(&last.payload).is_ok_and(|note: Note| note.epoch() > epoch);
            if later {
                return None;
            }
        }
        match common.engine.store_after(owner, sequence).await {
            Ok(stored) if !stored.is_double => {
                return Some((Arc::clone(&owner.subject), stored.sequence));
            }
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
