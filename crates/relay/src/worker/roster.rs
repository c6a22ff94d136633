//! The subscriptions that are wanted, and the sessions of those that this worker owns: [`Roster`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, UnboundedSender},
    task::JoinHandle,
};

use super::{Group, INBOX, INBOXES, Source, Wish};
use crate::{
    engine::Engine,
    fleet::{Block, Key, Worker},
    record::Bucket,
    session::{self, Common, Order, Part, Progress},
};

/// After this time, a session that has ended by itself begins again.
const AGAIN: Duration = Duration::from_secs(30);

/// What a session reports.
#[derive(Debug)]
pub(super) struct Told {
    name: Arc<str>,
    key: Key,
    /// The number of the session. A report of an earlier one is ignored.
    run: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Ready,
    Ended(session::End, Progress),
    Again,
}

/// A lease that this worker owns.
#[derive(Debug)]
struct Owned {
    epoch: u64,
    before: Option<Worker>,
    is_stopping: bool,
    /// The numbers that sessions of this epoch have used.
    progress: HashMap<Arc<str>, Progress>,
}

/// A session, or one that has ended and may begin again.
#[derive(Debug)]
struct Session {
    run: u64,
    /// `None`: it has ended.
    orders: Option<UnboundedSender<Order>>,
    task: Option<JoinHandle<()>>,
    is_ready: bool,
    /// It begins again as soon as it has ended, since its wish has changed.
    restarts: bool,
}

impl Session {
    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A session that is about to end reports it.
            drop(orders.send(order));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The wishes of the fleet, and the sessions of this worker.
pub(super) struct Roster<E: Engine, S: Source> {
    common: Common<E>,
    source: Arc<S>,
    blocks: u32,
    told: UnboundedSender<Told>,
    wishes: BTreeMap<Arc<str>, Wish>,
    /// The names in each block.
    members: HashMap<u32, Vec<Arc<str>>>,
    owned: HashMap<Key, Owned>,
    sessions: HashMap<(Arc<str>, Key), Session>,
    runs: u64,
}

impl<E: Engine, S: Source> Roster<E, S> {
    pub(super) fn new(
        common: Common<E>,
        source: Arc<S>,
        blocks: u32,
        told: UnboundedSender<Told>,
    ) -> Self {
        Self {
            common,
            source,
            blocks,
            told,
            wishes: BTreeMap::new(),
            members: HashMap::new(),
            owned: HashMap::new(),
            sessions: HashMap::new(),
            runs: 0,
        }
    }

    /// A subscription is wanted, changed, or with `None` not wanted any more. Returns the blocks that
    /// begin or end by this.
    pub(super) fn wish(&mut self, name: &str, wish: Option<Wish>) -> Vec<(u32, Option<Block>)> {
        let name: Arc<str> = name.into();
        let before = match &wish {
            Some(wish) => self.wishes.insert(Arc::clone(&name), wish.clone()),
            None => self.wishes.remove(&name),
        };
        if before == wish {
            return Vec::new();
        }
        let (old, new) = (before.map(|wish| wish.group), wish.map(|wish| wish.group));
        if old == new {
            new.into_iter().for_each(|group| self.restart(&name, group));
            return Vec::new();
        }
        let left = old.and_then(|group| self.leave(&name, group));
        let entered = new.and_then(|group| self.enter(&name, group));
        left.into_iter().chain(entered).collect()
    }

    /// The bytes of all inboxes of this worker.
    pub(super) fn inbox_bytes(&self) -> usize {
        self.sessions.len() * self.inbox()
    }

    fn inbox(&self) -> usize {
        (INBOXES / self.wishes.len().max(1)).clamp(*INBOX.start(), *INBOX.end())
    }

    fn leave(&mut self, name: &Arc<str>, group: Group) -> Option<(u32, Option<Block>)> {
        let block = group.block(name, self.blocks);
        for slot in 0..group.rules().owners {
            let id = (Arc::clone(name), Key { block, slot });
            match self.sessions.get_mut(&id) {
                Some(session) if session.orders.is_some() => {
                    session.restarts = false;
                    session.order(Order::Stop("removed"));
                }
                _ => drop(self.sessions.remove(&id)),
            }
        }
        let members = self.members.get_mut(&block)?;
        members.retain(|member| member != name);
        if !members.is_empty() {
            return None;
        }
        self.members.remove(&block);
        Some((block, None))
    }

    fn enter(&mut self, name: &Arc<str>, group: Group) -> Option<(u32, Option<Block>)> {
        let block = group.block(name, self.blocks);
        let members = self.members.entry(block).or_default();
        members.push(Arc::clone(name));
        let is_new = members.len() == 1;
        for slot in 0..group.rules().owners {
            self.begin_or_restart(Arc::clone(name), Key { block, slot });
        }
        is_new.then(|| (block, Some(group.rules())))
    }

    /// The wish has changed.
    fn restart(&mut self, name: &Arc<str>, group: Group) {
        let block = group.block(name, self.blocks);
        for slot in 0..group.rules().owners {
            self.begin_or_restart(Arc::clone(name), Key { block, slot });
        }
    }

    fn begin_or_restart(&mut self, name: Arc<str>, key: Key) {
        match self.sessions.get_mut(&(Arc::clone(&name), key)) {
            Some(session) if session.orders.is_some() => {
                session.restarts = true;
                session.order(Order::Stop("changed"));
            }
            _ => self.begin(name, key),
        }
    }

    /// This worker owns the block.
    pub(super) fn start(&mut self, key: Key, epoch: u64, before: Option<Worker>) {
        let progress = HashMap::new();
        self.owned.insert(key, Owned { epoch, before, is_stopping: false, progress });
        for name in self.names(key) {
            self.begin(name, key);
        }
    }

    /// Begins the session of a subscription, if this worker owns it.
    fn begin(&mut self, name: Arc<str>, key: Key) {
        let Some(owned) = self.owned.get(&key).filter(|owned| !owned.is_stopping) else { return };
        let Some(wish) = self.wishes.get(&name).cloned() else { return };
        let earlier = owned.progress.get(&name);
        // Only the first session overlaps with the owner before.
        let overlaps = earlier.is_none() && wish.group != Group::Exclusive;
        let part = Part {
            name: Arc::clone(&name),
            slot: key.slot,
            epoch: owned.epoch,
            before: owned.before.clone().filter(|_| overlaps),
            progress: earlier.copied().unwrap_or_default(),
            checkpoint: 0,
        };
        self.runs += 1;
        let (orders, receiver) = mpsc::unbounded_channel();
        let tell = Tell { told: self.told.clone(), name: Arc::clone(&name), key, run: self.runs };
        let session = run(
            self.common.clone(),
            Arc::clone(&self.source),
            wish,
            part,
            self.inbox(),
            receiver,
            tell,
        );
        let session = Session {
            run: self.runs,
            orders: Some(orders),
            task: Some(tokio::spawn(session)),
            is_ready: false,
            restarts: false,
        };
        self.sessions.insert((name, key), session);
    }

    pub(super) fn renumber(&mut self, key: Key, epoch: u64) {
        let Some(owned) = self.owned.get_mut(&key) else { return };
        owned.epoch = epoch;
        for session in self.sessions_of(key) {
            session.order(Order::Renumber(epoch));
        }
    }

    /// The sessions of the block close their connections.
    pub(super) fn stop(&mut self, key: Key) {
        let Some(owned) = self.owned.get_mut(&key) else { return };
        owned.is_stopping = true;
        for session in self.sessions_of(key) {
            session.order(Order::Stop("handover"));
        }
    }

    /// The sessions of the block end at once.
    pub(super) fn fence(&mut self, key: Key) {
        self.forget(key);
    }

    pub(super) fn forget(&mut self, key: Key) {
        self.owned.remove(&key);
        for name in self.names(key) {
            self.sessions.remove(&(name, key));
        }
    }

    /// A stop was ordered, and all sessions of the block have ended.
    pub(super) fn is_stopped(&self, key: Key) -> bool {
        self.owned.get(&key).is_none_or(|owned| owned.is_stopping)
            && self.sessions_of(key).all(|session| session.orders.is_none())
    }

    /// All sessions of the block are ready. One that has ended by itself does not delay the others.
    pub(super) fn is_ready(&self, key: Key) -> bool {
        self.owned.contains_key(&key)
            && self.sessions_of(key).all(|session| session.is_ready || session.orders.is_none())
    }

    /// Takes a report. Returns the block whose state may have changed.
    pub(super) fn told(&mut self, told: Told) -> Option<Key> {
        let Told { name, key, run, what } = told;
        let id = (Arc::clone(&name), key);
        let session = self.sessions.get_mut(&id).filter(|session| session.run == run)?;
        match what {
            What::Ready => session.is_ready = true,
            What::Again => self.begin(name, key),
            What::Ended(end, progress) => {
                session.orders = None;
                let restarts = session.restarts;
                if let Some(owned) = self.owned.get_mut(&key) {
                    owned.progress.insert(Arc::clone(&name), progress);
                }
                if !self.is_member(&name, key) {
                    self.sessions.remove(&id);
                } else if restarts {
                    self.begin(name, key);
                } else if end != session::End::Stopped {
                    tracing::error!(subscription = &*name, ?end, "a session has ended by itself");
                    let again = Told { name, key, run, what: What::Again };
                    let told = self.told.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(AGAIN).await;
                        drop(told.send(again));
                    });
                }
            }
        }
        Some(key)
    }

    /// The number of blocks that this worker owns, and of those that are ready.
    pub(super) fn blocks(&self) -> (usize, usize) {
        let open = self.owned.keys().filter(|key| self.is_ready(**key)).count();
        (self.owned.len(), open)
    }

    /// The number of sessions that run.
    pub(super) fn running(&self) -> usize {
        self.sessions.values().filter(|session| session.orders.is_some()).count()
    }

    fn is_member(&self, name: &Arc<str>, key: Key) -> bool {
        self.members.get(&key.block).is_some_and(|members| members.contains(name))
    }

    fn names(&self, key: Key) -> Vec<Arc<str>> {
        self.members.get(&key.block).cloned().unwrap_or_default()
    }

    fn sessions_of(&self, key: Key) -> impl Iterator<Item = &Session> {
        let names = self.members.get(&key.block).into_iter().flatten();
        names.filter_map(move |name| self.sessions.get(&(Arc::clone(name), key)))
    }
}

/// Where a session reports.
struct Tell {
    told: UnboundedSender<Told>,
    name: Arc<str>,
    key: Key,
    run: u64,
}

impl Tell {
    fn tell(&self, what: What) {
        let Self { told, name, key, run } = self;
        drop(told.send(Told { name: Arc::clone(name), key: *key, run: *run, what }));
    }
}

/// Ends a task on drop.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins a session, runs it to its end, and reports it.
async fn run<E: Engine, S: Source>(
    common: Common<E>,
    source: Arc<S>,
    wish: Wish,
    mut part: Part,
    inbox: usize,
    orders: mpsc::UnboundedReceiver<Order>,
    tell: Tell,
) {
    let values = if wish.resumes {
        let record = session::until_done(|| common.engine.get(Bucket::Checkpoints, &part.name));
        let record = record.await;
        part.checkpoint = record.as_ref().map_or(0, |(_, revision)| *revision);
        record.and_then(|(value, _)| session::values_from(&value))
    } else {
        None
    };
    let progress = part.progress;
    let opened = match source.open(&wish, values, inbox) {
        Ok(opened) => opened,
        Err(error) => {
            tell.tell(What::Ended(session::End::Closed(error), progress));
            return;
        }
    };
    let _driver = AbortOnDrop(tokio::spawn(opened.driver));
    let (rules, upstream) = (opened.rules, opened.upstream);
    let ready = || tell.tell(What::Ready);
    let (end, progress) = session::run(common, part, rules, upstream, orders, ready).await;
    tell.tell(What::Ended(end, progress));
}
