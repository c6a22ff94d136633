//! From events of the session to entries of the stream: [`Intake`].

use std::{fmt, future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, sleep_until};
use websocket_heartbeat_tokio::{Closed, Event, Handle, Lost, LostCause, Message};

use super::{
    Common, Heard, Part, Progress,
    continuity::{Before, Continuity, Doubt},
    resume::{Follows, Resume, Values},
};
use crate::{
    engine::{Data, Engine, Entry, Head, Last, Stored},
    fleet::Worker,
    outflow::{Outflow, Quota},
    record::{Note, Stamp, unix_now},
    telemetry,
};

/// How long the owner before must be silent until it counts as dead.
const SUSPICION: Duration = Duration::from_secs(2);

/// Finds the id of a message.
type FindId = Box<dyn Fn(&Message) -> Option<String> + Send>;

/// What the configuration of a subscription says about its messages.
pub struct Rules {
    /// The id of a message, without the name of the subscription. `None`: it has none.
    pub id: FindId,
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
    pub resume: Option<Box<dyn Resume>>,
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

/// What the stream has at the end: the last message and the last record.
pub(super) type Tail = (Option<Last>, Option<Note>);

type Ask = BoxFuture<'static, Tail>;

/// How long the driver may need to read what had arrived while messages waited for room.
const CATCH_UP: Duration = Duration::from_millis(250);

/// After this time the end of the owner before is not awaited any longer. Much more than a handover.
const PATIENCE: Duration = Duration::from_secs(60);

/// A close that takes longer was not answered, so the connection may have been dead.
const CLOSING: Duration = Duration::from_secs(1);

/// What an entry carries until it is stored.
pub(super) type With = Option<Arc<Values>>;

/// The state of one subscription between the upstream and the window.
pub(super) struct Intake {
    part: Part,
    worker: Worker,
    rules: Rules,
    subjects: Subjects,
    quota: Quota,
    max_message: usize,
    handle: Handle,
    ask_tail: Box<dyn Fn() -> Ask + Send>,

    before: Before,
    continuity: Continuity,
    doubt: Option<Doubt>,
    /// Until when the end of the owner before is awaited.
    doubt_until: Instant,
    /// The question about the end of the owner before, and whether it is the last one.
    inquiry: Option<(bool, Ask)>,
    /// The first message of a connection waits for the last one of the owner before.
    held: Option<(Message, Stamp, Ask)>,

    base: u64,
    connection: u64,
    sequence: u64,
    notes: u64,
    /// When the last sign of the upstream was taken: a message, or the opening of the connection.
    last: Stamp,
    /// Since when messages wait for room. They have this time, since theirs is not known.
    behind: Option<Behind>,
    /// When the close was ordered.
    closing: Option<Instant>,
    /// Why the session was closed by itself.
    own_cause: Option<&'static str>,
    /// The sequence number of the last stored entry.
    stored: Option<u64>,
    /// The id of the last message before which nothing is missing, if the upstream resumes.
    whole_until: Option<String>,
    ready: Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Not,
    /// To be reported.
    Now,
    Reported,
}

/// What happened without an event of the session.
pub(super) enum Due {
    /// The answer for the message that is held.
    Held(Tail),
    /// The answer to the question about the owner before.
    Inquiry(Tail),
    CaughtUp,
}

/// Messages have waited for room.
#[derive(Clone, Copy, Debug)]
struct Behind {
    /// Since this moment. All that were taken before had just arrived.
    since: Stamp,
    /// Until then, messages that arrived earlier may come.
    until: Instant,
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
        let ask_tail: Box<dyn Fn() -> Ask + Send> = {
            let (common, name) = (common.clone(), Arc::clone(&part.name));
            Box::new(move || {
                let (common, name) = (common.clone(), Arc::clone(&name));
                let read = async move {
                    let before = super::until_done(|| super::read_before(&common, &name)).await;
                    (before.data, before.note)
                };
                read.boxed()
            })
        };
        let continuity = before.since().map_or(Continuity::Whole, Continuity::Broken);
        let last_id = before.data.as_ref().and_then(|last| last.id.strip_prefix(&*part.name));
        let whole_until = last_id.and_then(|id| id.strip_prefix(':')).map(str::to_owned);
        Self {
            worker: common.worker.clone(),
            subjects,
            quota: common.quota.clone(),
            max_message: common.max_message,
            handle,
            ask_tail,
            before,
            continuity,
            doubt: None,
            doubt_until: Instant::now(),
            inquiry: None,
            held: None,
            base: part.progress.connections,
            connection: part.progress.connections,
            sequence: 0,
            notes: part.progress.notes,
            last: unix_now(),
            behind: None,
            closing: None,
            own_cause: None,
            stored: None,
            whole_until,
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

    /// Waits for the answer to a question to the stream, or until no message can have waited, if none
    /// comes meanwhile. Cancel-safe.
    pub(super) async fn due(&mut self) -> Due {
        let caught_up = self.behind.map(|behind| behind.until);
        let held = async {
            match &mut self.held {
                Some((_, _, ask)) => ask.await,
                None => pending().await,
            }
        };
        let inquiry = async {
            match &mut self.inquiry {
                Some((_, ask)) => ask.await,
                None => pending().await,
            }
        };
        let caught_up = async {
            match caught_up {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            tail = held => Due::Held(tail),
            tail = inquiry => Due::Inquiry(tail),
            () = caught_up => Due::CaughtUp,
        }
    }

    /// Takes what [`due`](Self::due) returned.
    pub(super) fn take_due(&mut self, due: Due, outflow: &mut Outflow<With>) {
        match due {
            Due::Held(tail) => self.resolve(tail, outflow),
            Due::Inquiry(tail) => self.judge(tail, outflow),
            Due::CaughtUp => self.keep_up(),
        }
    }

    /// Messages have waited since this moment, until now.
    pub(super) fn fall_behind(&mut self, since: Stamp) {
        let until = Instant::now() + CATCH_UP;
        let since = self.behind.map_or(since, |behind| behind.since);
        self.behind = Some(Behind { since, until });
    }

    /// No message waits at this moment.
    pub(super) fn keep_up(&mut self) {
        if self.behind.is_some_and(|behind| Instant::now() >= behind.until) {
            self.behind = None;
        }
    }

    /// When the message that is taken now was received, at the earliest.
    fn received(&self) -> Stamp {
        self.behind.map_or_else(unix_now, |behind| behind.since)
    }

    /// The close of the session is ordered.
    pub(super) fn begin_close(&mut self) {
        self.closing.get_or_insert_with(Instant::now);
        self.handle.close();
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
                let since = self.continuity.since();
                self.note(&Note::Open { epoch, connection, at, since }, outflow);
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

    fn closed(&mut self, closed: &Closed) {
        tracing::info!(subscription = self.name(), reason = %closed.reason, "session closed");
        if closed.unread > 0 {
            self.continuity.lose(self.last, self.stored);
        }
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
    }

    fn message(&mut self, message: Message, outflow: &mut Outflow<With>) {
        let received = self.received();
        self.last = received;
        let id = (self.rules.id)(&message);
        let counts = id.is_some() || self.rules.counts_all;
        if counts && self.continuity != Continuity::Whole {
            let overlaps = self.part.before.is_some() && self.before.is_open();
            if overlaps {
                self.held = Some((message, received, (self.ask_tail)()));
                return;
            }
            match self.follows(id.as_deref()) {
                Follows::Unknown => self.heal(outflow),
                Follows::Repeats => {}
                Follows::Continues => self.continuity = Continuity::Whole,
            }
        }
        if self.rules.resume.is_some() && self.continuity == Continuity::Whole && id.is_some() {
            self.whole_until.clone_from(&id);
        }
        self.store(message, id, received, outflow);
    }

    /// How a message with this id follows on the last one before the interruption.
    fn follows(&mut self, id: Option<&str>) -> Follows {
        let connection = self.connection - self.base;
        match (&mut self.rules.resume, &self.whole_until, id) {
            (Some(resume), Some(last), Some(id)) => resume.follows(connection, last, id),
            _ => Follows::Unknown,
        }
    }

    /// The first message is here: what lies before it may be missing.
    fn heal(&mut self, outflow: &mut Outflow<With>) {
        // Not when it was received: that may be earlier than the connection.
        if let Some(gap) = self.continuity.heal(self.part.epoch, unix_now()) {
            self.note(&gap, outflow);
        }
    }

    /// The last message and the last record of the owner before are known.
    fn resolve(&mut self, tail: Tail, outflow: &mut Outflow<With>) {
        let Some((message, received, _)) = self.held.take() else { return };
        let (last, note) = tail;
        let epoch = self.part.epoch;
        // Messages without an id may have been stored by this owner.
        if let Some(last) = last.filter(|last| last.data.is_some_and(|data| data.epoch != epoch)) {
            self.before.data = Some(last);
        }
        if let Some(note) = note.filter(|note| note.epoch() != epoch) {
            self.before.note = Some(note);
        }
        if let Some(since) = self.before.since() {
            self.continuity = Continuity::Broken(since);
        }
        let before = self.part.before.take().filter(|_| self.before.is_open());
        match (before, self.continuity.heal(epoch, unix_now())) {
            (Some(before), Some(Note::Gap { from, to, after, .. })) => {
                self.doubt = Some(Doubt { before, from, to, after });
                self.doubt_until = Instant::now() + PATIENCE;
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

    /// News of the other workers: the end of the owner before may be known.
    pub(super) fn inquire(&mut self, heard: &Heard) {
        let Some(doubt) = &self.doubt else { return };
        if self.inquiry.is_none() {
            let last = heard.workers.get(&doubt.before).copied().unwrap_or_default();
            let is_silent = heard.now > last + SUSPICION;
            let is_over = is_silent || Instant::now() >= self.doubt_until;
            self.inquiry = Some((is_over, (self.ask_tail)()));
        }
    }

    /// The last record is known: the gap to the owner before is recorded if there is one.
    fn judge(&mut self, tail: Tail, outflow: &mut Outflow<With>) {
        let Some((is_over, _)) = self.inquiry.take() else { return };
        let Some(doubt) = &self.doubt else { return };
        if let Some(gap) = doubt.decide(tail.1.as_ref(), self.part.epoch, is_over) {
            self.doubt = None;
            if let Some(gap) = gap {
                self.note(&gap, outflow);
            }
        }
    }

    /// Records the gap without waiting for the owner before: another record would hide that it is not
    /// decided.
    fn assume_gap(&mut self, outflow: &mut Outflow<With>) {
        let Some(doubt) = self.doubt.take() else { return };
        if let Some(Some(gap)) = doubt.decide(None, self.part.epoch, true) {
            self.note(&gap, outflow);
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
        let connection = self.connection - self.base;
        let resume = self.rules.resume.as_mut();
        let values = resume.and_then(|resume| resume.read(connection, &message));
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
            self.own_cause = Some("too_large");
            self.begin_close();
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
            // That of a double is the earlier one.
            self.stored = self.stored.max(Some(stored.sequence));
        }
        if stored.is_double {
            telemetry::duplicate();
        }
    }

    /// The session has ended. Returns why.
    pub(super) fn close(
        &mut self,
        cause: Option<&'static str>,
        outflow: &mut Outflow<With>,
    ) -> String {
        let reason = self.handle.status().close_reason;
        let is_closed = reason.is_some();
        let reason = reason.map_or_else(|| "aborted".to_owned(), |reason| reason.to_string());
        let cause = cause.or(self.own_cause).map_or(reason, str::to_owned);
        // Without a first message the end of the owner before is still the last certain moment.
        if self.continuity == Continuity::Whole {
            let is_answered = is_closed && self.closing.is_some_and(|at| at.elapsed() < CLOSING);
            let at = if is_answered { self.received() } else { self.last };
            let note = Note::Stopped { epoch: self.part.epoch, at, cause: cause.clone() };
            self.note(&note, outflow);
        }
        cause
    }

    fn set_ready(&mut self) {
        if self.ready == Ready::Not {
            self.ready = Ready::Now;
        }
    }

    fn note(&mut self, note: &Note, outflow: &mut Outflow<With>) {
        self.assume_gap(outflow);
        telemetry::recorded(note);
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
