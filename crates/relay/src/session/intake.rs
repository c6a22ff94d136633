//! From events of the session to entries of the stream: [`Intake`].

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use websocket_heartbeat_tokio::{Closed, Event, Handle, Lost, LostCause, Message};

use super::{
    Common, FleetClock, Heard, Part, Progress,
    checkpoint::Values,
    continuity::{Before, Continuity, Doubt},
};
use crate::{
    engine::{Data, Engine, Entry, Head, Last, Stored},
    fleet::Worker,
    outflow::{Outflow, Quota},
    record::{Note, Stamp, unix_now},
};

/// How long the owner before must be silent until it counts as dead.
const SUSPICION: Duration = Duration::from_secs(2);

/// What the configuration of a subscription says about its messages.
pub struct Rules {
    /// The id of a message, without the name of the subscription. `None`: it has none.
    pub id: Box<dyn Fn(&Message) -> Option<String> + Send>,
    /// A message without an id is dropped. Otherwise it gets the number of its connection as its id.
    pub drop_without_id: bool,
    /// All messages have ids by which doubles are found, or none has.
    pub counts_all: bool,
    /// It has one owner at a time, and earlier owners are refused.
    pub is_exclusive: bool,
    /// A new owner is ready when its connection is open, without a message.
    pub ready_when_open: bool,
    /// A message that is too large ends the subscription. Otherwise it is skipped.
    pub stop_when_too_large: bool,
    /// What is kept of messages so that another owner can resume, and how.
    pub resume: Option<Box<dyn super::checkpoint::Resume>>,
    /// Commands are sent to the upstream.
    pub commands: bool,
    /// How often a command whose fate is unknown is sent again.
    pub resend: u32,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("is_exclusive", &self.is_exclusive).finish_non_exhaustive()
    }
}

type Ask = Pin<Box<dyn Future<Output = Option<Last>> + Send>>;

/// What an entry carries until it is stored.
pub(super) type With = Option<Arc<Values>>;

/// The state of one subscription between the upstream and the window.
pub(super) struct Intake {
    part: Part,
    worker: Worker,
    rules: Rules,
    subjects: Subjects,
    quota: Quota,
    clock: FleetClock,
    max_message: usize,
    handle: Handle,
    ask_last: Box<dyn Fn() -> Ask + Send>,

    before: Before,
    continuity: Continuity,
    doubt: Option<Doubt>,
    /// The first message of a connection waits for the last one of the owner before.
    held: Option<(Message, Stamp, Duration, Ask)>,

    base: u64,
    connection: u64,
    sequence: u64,
    notes: u64,
    /// When the last sign of the upstream was taken: a message, or the opening of the connection.
    last: Stamp,
    /// Since when messages wait for room. They have this time, since theirs is not known.
    behind: Option<Stamp>,
    /// The sequence number of the last stored entry.
    stored: Option<u64>,
    ready: Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Not,
    /// To be reported.
    Now,
    Reported,
}

struct Subjects {
    data: Arc<str>,
    records: Arc<str>,
    owners: Arc<str>,
}

impl Intake {
    pub(super) fn new<E: Engine>(
        common: &Common<E>,
        part: Part,
        rules: Rules,
        before: Before,
        handle: Handle,
    ) -> Self {
        let names = &common.names;
        let subjects = Subjects {
            data: names.data(&part.name).into(),
            records: names.records(&part.name).into(),
            owners: names.owners(&part.name).into(),
        };
        let ask_last: Box<dyn Fn() -> Ask + Send> = {
            let (engine, subject) = (common.engine.clone(), Arc::clone(&subjects.data));
            Box::new(move || {
                let (engine, subject) = (engine.clone(), Arc::clone(&subject));
                Box::pin(async move { super::until_done(|| engine.last(&subject)).await })
            })
        };
        let continuity = before.since().map_or(Continuity::Whole, Continuity::Broken);
        Self {
            worker: common.worker.clone(),
            subjects,
            quota: common.quota.clone(),
            clock: common.clock.clone(),
            max_message: common.max_message,
            handle,
            ask_last,
            before,
            continuity,
            doubt: None,
            held: None,
            base: part.progress.connections,
            connection: part.progress.connections,
            sequence: 0,
            notes: part.progress.notes,
            last: unix_now(),
            behind: None,
            stored: None,
            ready: Ready::Not,
            part,
            rules,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.part.name
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The key and the revision of the record from which it resumes.
    pub(super) fn checkpoint(&self) -> (Arc<str>, u64) {
        (Arc::clone(&self.part.name), self.part.checkpoint)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.part.epoch
    }

    pub(super) fn progress(&self) -> Progress {
        Progress { connections: self.connection, notes: self.notes }
    }

    /// The record of this owner.
    pub(super) fn owner(&mut self) -> Entry {
        let owner = Note::Owner {
            epoch: self.part.epoch,
            worker: self.worker.name.clone(),
            incarnation: format!("{:016x}", self.worker.incarnation),
            slot: self.part.slot,
        };
        let subject = Arc::clone(&self.subjects.owners);
        self.entry_of(&owner, subject)
    }

    pub(super) fn renumber(&mut self, epoch: u64, outflow: &mut Outflow<With>) {
        self.part.epoch = epoch;
        let owner = self.owner();
        self.push(owner, outflow);
    }

    /// Whether the first message has come since the last call that returned true.
    pub(super) fn take_ready(&mut self) -> bool {
        let is_ready = self.ready == Ready::Now;
        if is_ready {
            self.ready = Ready::Reported;
        }
        is_ready
    }

    /// Nothing waits for a decision.
    pub(super) fn is_settled(&self) -> bool {
        self.held.is_none()
    }

    pub(super) fn is_asking(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// The answer for the message that is held.
    pub(super) async fn answer(&mut self) -> Option<Last> {
        match &mut self.held {
            Some((_, _, _, ask)) => ask.as_mut().await,
            None => std::future::pending().await,
        }
    }

    /// Messages wait for room from now on.
    pub(super) fn fall_behind(&mut self) {
        self.behind.get_or_insert_with(unix_now);
    }

    /// All messages that had arrived are taken.
    pub(super) fn keep_up(&mut self) {
        self.behind = None;
    }

    fn received(&self) -> Stamp {
        self.behind.unwrap_or_else(unix_now)
    }

    /// Takes one event of the session.
    pub(super) fn take(&mut self, event: Event, outflow: &mut Outflow<With>) {
        match event {
            Event::Message(message) => self.message(message, outflow),
            Event::Open(open) => {
                self.connection = self.base + open.connection;
                self.sequence = 0;
                self.last = self.received();
                let (epoch, connection, at) = (self.part.epoch, self.connection, self.last);
                self.note(&Note::Open { epoch, connection, at }, outflow);
                if self.rules.ready_when_open {
                    self.set_ready();
                }
            }
            Event::Lost(lost) => self.lost(&lost, outflow),
            Event::Lagged(count) => {
                let from = self.last;
                self.continuity.lose(from, self.stored);
                self.note(&Note::Lagged { epoch: self.part.epoch, count }, outflow);
            }
            Event::Closed(closed) => self.closed(&closed),
            other => tracing::debug!(subscription = self.name(), event = %other, "session"),
        }
    }

    fn closed(&self, closed: &Closed) {
        tracing::info!(subscription = self.name(), reason = %closed.reason, "session closed");
    }

    fn lost(&mut self, lost: &Lost, outflow: &mut Outflow<With>) {
        if lost.skipped_cycles == 0 && !lost.opened {
            tracing::debug!(subscription = self.name(), cause = %lost.cause, "attempt failed");
            return;
        }
        let now = self.received();
        // The latest moment from which it is certain that nothing was missed before.
        let heard = match &lost.cause {
            _ if lost.skipped_cycles > 0 => self.last,
            LostCause::ClosedByPeer(_) => now,
            LostCause::HeartbeatTimeout(silence) => now.before(*silence).max(self.last),
            _ => self.last,
        };
        let note = Note::Lost {
            epoch: self.part.epoch,
            connection: self.connection,
            at: now,
            heard,
            cause: lost.cause.name().to_owned(),
            detail: lost.cause.to_string(),
        };
        self.continuity.lose(heard, self.stored);
        self.note(&note, outflow);
        if let Some(resume) = &mut self.rules.resume {
            resume.prepare(&self.handle);
        }
    }

    fn message(&mut self, message: Message, outflow: &mut Outflow<With>) {
        let received = self.received();
        self.last = received;
        let id = (self.rules.id)(&message);
        let counts = id.is_some() || self.rules.counts_all;
        if counts && self.continuity != Continuity::Whole {
            let overlaps = self.part.before.is_some() && self.before.is_open();
            if overlaps {
                self.held = Some((message, received, self.clock.now(), (self.ask_last)()));
                return;
            }
            self.heal(received, outflow);
        }
        self.store(message, id, received, outflow);
    }

    /// The first message is here: what lies before it may be missing.
    fn heal(&mut self, received: Stamp, outflow: &mut Outflow<With>) {
        if let Some(gap) = self.continuity.heal(self.part.epoch, received) {
            self.note(&gap, outflow);
        }
    }

    /// The last message of the owner before is known.
    pub(super) fn resolve(&mut self, last: Option<Last>, outflow: &mut Outflow<With>) {
        let Some((message, received, since, _)) = self.held.take() else { return };
        let before = self.part.before.take();
        // Messages without an id may have been stored by this owner.
        let ours = |last: &Last| last.data.is_none_or(|data| data.epoch == self.part.epoch);
        if let Some(last) = last.filter(|last| !ours(last)) {
            self.before.data = Some(last);
        }
        if let Some(since) = self.before.since() {
            self.continuity = Continuity::Broken(since);
        }
        match (before, self.continuity.heal(self.part.epoch, received)) {
            (Some(before), Some(gap)) => {
                self.doubt = Some(Doubt { before, since, gap });
            }
            (_, gap) => {
                if let Some(gap) = gap {
                    self.note(&gap, outflow);
                }
            }
        }
        let id = (self.rules.id)(&message);
        self.store(message, id, received, outflow);
    }

    /// News of the other workers: the gap to the owner before is recorded if it had died.
    pub(super) fn judge(&mut self, heard: &Heard, outflow: &mut Outflow<With>) {
        let Some(doubt) = &self.doubt else { return };
        let last = heard.workers.get(&doubt.before).copied().unwrap_or_default();
        if last > doubt.since {
            self.doubt = None;
        } else if heard.now > last + SUSPICION
            && let Some(doubt) = self.doubt.take()
        {
            self.note(&doubt.gap, outflow);
        }
    }

    fn store(
        &mut self,
        message: Message,
        id: Option<String>,
        received: Stamp,
        outflow: &mut Outflow<With>,
    ) {
        self.sequence += 1;
        if !self.rules.ready_when_open && (id.is_some() || self.rules.counts_all) {
            self.set_ready();
        }
        if id.is_none() && self.rules.drop_without_id {
            return;
        }
        let Part { name, epoch, .. } = &self.part;
        let id = match id {
            Some(id) => format!("{name}:{id}"),
            None => format!("{name}:s:{epoch}:{}:{}", self.connection, self.sequence),
        };
        let values = self.rules.resume.as_mut().and_then(|resume| resume.read(&message));
        let data = Data {
            epoch: self.part.epoch,
            connection: self.connection,
            sequence: self.sequence,
            received,
            is_text: matches!(message, Message::Text(_)),
        };
        let payload = match message {
            Message::Text(text) => Bytes::from(text),
            Message::Binary(bytes) => bytes,
        };
        let subject = Arc::clone(&self.subjects.data);
        let entry = Entry { subject, id: id.into(), head: Head::Data(data), payload };
        if entry.payload.len() > self.max_message {
            self.skip(&entry, outflow);
            return;
        }
        let share = self.quota.take(entry.len());
        outflow.push(entry, values, share);
    }

    fn skip(&mut self, entry: &Entry, outflow: &mut Outflow<With>) {
        let (bytes, limit) = (entry.payload.len() as u64, self.max_message as u64);
        tracing::warn!(subscription = self.name(), bytes, limit, "a message is too large");
        self.note(&Note::Skipped { epoch: self.part.epoch, bytes, limit }, outflow);
        if self.rules.stop_when_too_large {
            self.handle.close();
        }
    }

    /// The stream never accepts the first entry.
    pub(super) fn refused(&mut self, outflow: &mut Outflow<With>) {
        if let Some((entry, _)) = outflow.acknowledge() {
            self.skip(&entry, outflow);
        }
    }

    pub(super) fn acknowledge(&mut self, stored: Stored) {
        if stored.sequence > 0 {
            self.stored = Some(stored.sequence);
        }
        if stored.is_double {
            metrics::counter!("wsbeat_relay_duplicates_total").increment(1);
        }
    }

    /// The session has ended. Returns why.
    pub(super) fn close(
        &mut self,
        cause: Option<&'static str>,
        outflow: &mut Outflow<With>,
    ) -> String {
        let reason = self.handle.status().close_reason;
        let reason = reason.map_or_else(|| "aborted".to_owned(), |reason| reason.to_string());
        // Without a first message the end of the owner before is still the last certain moment.
        if self.continuity == Continuity::Whole {
            let cause = cause.map_or_else(|| reason.clone(), str::to_owned);
            let at = self.received();
            self.note(&Note::Stopped { epoch: self.part.epoch, at, cause }, outflow);
        }
        reason
    }

    fn set_ready(&mut self) {
        if self.ready == Ready::Not {
            self.ready = Ready::Now;
        }
    }

    fn note(&mut self, note: &Note, outflow: &mut Outflow<With>) {
        let subject = Arc::clone(&self.subjects.records);
        let entry = self.entry_of(note, subject);
        self.push(entry, outflow);
    }

    fn entry_of(&mut self, note: &Note, subject: Arc<str>) -> Entry {
        self.notes += 1;
        let id = format!("{}:r:{}:{}", self.part.name, self.part.epoch, self.notes);
        let payload = serde_json::to_vec(note).expect("a record has no maps");
        Entry { subject, id: id.into(), head: Head::Note(note.name()), payload: payload.into() }
    }

    fn push(&self, entry: Entry, outflow: &mut Outflow<With>) {
        let share = self.quota.take(entry.len());
        outflow.push(entry, None, share);
    }
}
