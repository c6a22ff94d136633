//! The task of a worker: it connects the machine of ownership with the engine and with the sessions.

mod blocks;
mod codec;
mod permits;
mod roster;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

pub use self::{
    blocks::Group,
    codec::{beat_from, lease_from, lease_key},
};
use self::{
    permits::Permits,
    roster::{Roster, Told},
};
use crate::{
    engine::{Engine, News},
    fleet::{self, Fleet, Key, Output, Written},
    health::Health,
    outflow::Quota,
    record::{Bucket, Names},
    session::{Common, Heard, Rules, Upstream, Values},
    telemetry::{self, Move},
};

/// A subscription that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its name.
    pub name: Arc<str>,
    /// How its owner changes, and how many it has.
    pub group: Group,
    /// It continues from a checkpoint.
    pub resumes: bool,
    /// All that was wished, as it stands in the bucket.
    pub value: Bytes,
}

/// A session with an upstream that has begun.
pub struct Opened {
    /// What happens with its messages.
    pub rules: Rules,
    /// Its handle and its messages.
    pub upstream: Upstream,
    /// Runs the session.
    pub driver: futures::future::BoxFuture<'static, ()>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

/// Reads wishes, and begins sessions.
pub trait Source: Send + Sync + 'static {
    /// Reads the record of a wish.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without secrets.
    fn wish(&self, name: &str, value: &Bytes) -> Result<Wish, String>;

    /// Begins a session. `inbox` is the number of bytes that may wait in its inbox.
    ///
    /// # Errors
    ///
    /// Why it cannot begin, without secrets.
    fn open(&self, wish: &Wish, values: Option<Values>, inbox: usize) -> Result<Opened, String>;

    /// The number of workers that are heard, with this one.
    fn members(&self, _count: usize) {}
}

/// The part of the configuration that the worker itself needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This worker's process.
    pub worker: fleet::Worker,
    /// Its share of the subscriptions, relative to the others.
    pub weight: u32,
    /// The number of blocks for each [`Group`].
    pub blocks: u32,
    /// The times of the fleet.
    pub times: fleet::Settings,
    /// The largest message that the stream accepts.
    pub max_message: usize,
    /// Where the worker reports whether it is ready.
    pub health: watch::Sender<Health>,
}

/// Why a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// After a drain.
    Drained,
    /// Another process has its name.
    Double(fleet::Worker),
}

/// The bytes of messages that a worker holds while the stream accepts nothing.
const MEMORY: usize = 64 << 20;

/// The part of [`MEMORY`] for the inboxes of sessions.
const INBOXES: usize = 16 << 20;

/// How long the result of a write of a lease is awaited. An answer that is lost must leave time for
/// several others before the fence.
const ANSWER: Duration = Duration::from_secs(2);

/// The bounds of one inbox: small, since there are thousands, and large enough for a fast feed.
const INBOX: std::ops::RangeInclusive<usize> = 4 << 10..=256 << 10;

/// A clock that counts suspends of the computer, if the system has one.
pub trait Clock: Send + 'static {
    /// The time since the start.
    fn now(&self) -> Duration;
}

impl<F: Fn() -> Duration + Send + 'static> Clock for F {
    fn now(&self) -> Duration {
        self()
    }
}

/// Runs a worker until it is drained. A message on `drain` begins the drain.
pub async fn run<E: Engine, S: Source>(
    engine: E,
    source: Arc<S>,
    names: Arc<Names>,
    settings: Settings,
    clock: impl Clock,
    mut drain: mpsc::Receiver<()>,
) -> End {
    let now = clock.now();
    let Settings { worker, weight, blocks, times, max_message, health } = settings;
    let suspicion = times.suspicion;
    let fleet = Fleet::new(now, worker.clone(), weight, times);
    let (heard_sender, heard) = watch::channel(Heard::default());
    let quota = Quota::new(MEMORY);
    let permits = Permits::default();
    let common = Common {
        engine: engine.clone(),
        names,
        worker,
        quota: quota.clone(),
        batches: permits.semaphore(),
        heard,
        max_message,
    };
    let (told_sender, mut told) = mpsc::unbounded_channel();
    let (written_sender, mut written) = mpsc::unbounded_channel();
    let mut this = Task {
        roster: Roster::new(common, Arc::clone(&source), blocks, told_sender),
        engine: engine.clone(),
        source,
        fleet,
        heard: heard_sender,
        health,
        suspicion,
        quota,
        permits,
        written: written_sender,
    };
    let mut leases = engine.watch(Bucket::Leases);
    let mut wishes = engine.watch(Bucket::Wishes);
    let mut beats: BoxStream<'_, Bytes> = engine.beats();
    loop {
        if let Some(end) = this.carry_out(clock.now()) {
            return end;
        }
        let wait = this.fleet.deadline().map(|at| at.saturating_sub(clock.now()));
        let due = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The clock first: after a pause, leases may have ended.
            biased;
            () = due => this.fleet.handle_deadline(clock.now()),
            Some((key, result)) = written.recv() => {
                this.fleet.handle_written(clock.now(), key, result);
            }
            Some(news) = told.recv() => this.told(clock.now(), news),
            Some(news) = leases.next() => this.lease(clock.now(), news),
            Some(beat) = beats.next() => this.beat(clock.now(), &beat),
            Some(news) = wishes.next() => this.wish(clock.now(), news),
            Some(()) = drain.recv() => {
                tracing::info!("draining");
                this.fleet.handle_drain(clock.now());
            }
        }
    }
}

struct Task<E: Engine, S: Source> {
    engine: E,
    source: Arc<S>,
    fleet: Fleet,
    roster: Roster<E, S>,
    heard: watch::Sender<Heard>,
    health: watch::Sender<Health>,
    suspicion: Duration,
    quota: Quota,
    permits: Permits,
    written: mpsc::UnboundedSender<(Key, Written)>,
}

impl<E: Engine, S: Source> Task<E, S> {
    fn beat(&mut self, now: Duration, beat: &Bytes) {
        let Some(beat) = beat_from(beat) else {
            tracing::debug!("a beat of another version was not understood");
            return;
        };
        let worker = beat.worker.clone();
        self.fleet.handle_beat(now, beat);
        self.heard.send_modify(|heard| {
            heard.now = now;
            heard.workers.insert(worker, now);
            heard.workers.retain(|_, last| now.saturating_sub(*last) < Duration::from_secs(60));
        });
        let alive = self.fleet.alive();
        self.permits.share(alive);
        self.source.members(alive);
    }

    fn lease(&mut self, now: Duration, news: News) {
        let News::Record { key, value, revision } = news else { return };
        let Some(key) = codec::key_from(&key) else { return };
        let record = value.as_ref().and_then(|value| lease_from(value));
        if value.is_some() && record.is_none() {
            tracing::warn!(?key, "a lease of another version was not understood");
            return;
        }
        self.fleet.handle_record(now, key, record, revision);
    }

    fn wish(&mut self, now: Duration, news: News) {
        let News::Record { key, value, .. } = news else { return };
        let wish = match value.map(|value| self.source.wish(&key, &value)).transpose() {
            Ok(wish) => wish,
            Err(error) => {
                // The subscription runs on as it was.
                tracing::error!(subscription = &*key, error, "a wish cannot be fulfilled");
                return;
            }
        };
        for (block, wanted) in self.roster.wish(&key, wish) {
            self.fleet.handle_block(now, block, wanted);
        }
        self.quota.set_bound(MEMORY - self.roster.inbox_bytes().min(INBOXES));
    }

    fn told(&mut self, now: Duration, told: Told) {
        let key = self.roster.told(told);
        self.look(now, key);
    }

    /// Reports to the machine if a block is open or closed.
    fn look(&mut self, now: Duration, key: Option<Key>) {
        let Some(key) = key else { return };
        if self.roster.is_stopped(key) {
            self.roster.forget(key);
            self.fleet.handle_stopped(now, key);
        } else if self.roster.is_ready(key) {
            self.fleet.handle_ready(now, key);
        }
    }

    /// Reports whether this worker is ready, and what it holds.
    fn report(&self, is_draining: bool) {
        let (owned, open) = self.roster.blocks();
        let running = Health::Running { owned, open };
        self.health.send_replace(if is_draining { Health::Draining } else { running });
        telemetry::holds(self.roster.running(), self.quota.used());
    }

    /// Why a block begins whose owner was `before`.
    fn reason(&self, now: Duration, before: Option<&fleet::Worker>) -> Move {
        let Some(before) = before else { return Move::Free };
        let heard = self.fleet.heard(before);
        let is_silent = heard.is_none_or(|at| now >= at + self.suspicion);
        if is_silent { Move::Silent } else { Move::Living }
    }

    /// Does what the machine wants.
    fn carry_out(&mut self, now: Duration) -> Option<End> {
        while let Some(output) = self.fleet.poll_output() {
            match output {
                Output::Beat(beat) => {
                    self.report(beat.drains);
                    let (engine, beat) = (self.engine.clone(), codec::beat(&beat));
                    tokio::spawn(async move { engine.beat(beat).await });
                }
                Output::Put { key, after, record } => {
                    let (engine, written) = (self.engine.clone(), self.written.clone());
                    tokio::spawn(async move {
                        let (name, value) = (lease_key(key), codec::lease(&record));
                        let result = engine.put(Bucket::Leases, &name, value, after);
                        let begun = Instant::now();
                        let result = timeout(ANSWER, result).await.unwrap_or(Written::Unknown);
                        telemetry::renewed(begun.elapsed());
                        let _ = written.send((key, result)); // ends with the worker
                    });
                }
                Output::Delete { key, after } => {
                    let (engine, written) = (self.engine.clone(), self.written.clone());
                    tokio::spawn(async move {
                        let name = lease_key(key);
                        let result = engine.delete(Bucket::Leases, &name, after);
                        let result = timeout(ANSWER, result).await.unwrap_or(Written::Unknown);
                        let _ = written.send((key, result)); // ends with the worker
                    });
                }
                Output::Start { key, epoch, before } => {
                    tracing::info!(?key, epoch, before = ?before, "owner");
                    telemetry::moved(self.reason(now, before.as_ref()));
                    self.roster.start(key, epoch, before);
                    self.look(now, Some(key));
                }
                Output::Renumber { key, epoch } => self.roster.renumber(key, epoch),
                Output::Stop { key } => {
                    tracing::info!(?key, "stopping");
                    self.roster.stop(key);
                    self.look(now, Some(key));
                }
                Output::Fence { key } => {
                    tracing::warn!(?key, "the lease is lost: all connections of the block end");
                    telemetry::fenced();
                    self.roster.fence(key);
                }
                Output::Double(worker) => return Some(End::Double(worker)),
                Output::Drained => return Some(End::Drained),
            }
        }
        None
    }
}
