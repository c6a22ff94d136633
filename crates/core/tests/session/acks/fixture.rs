//! [`AckFixture`]: acknowledged delivery over a session, and its records.

use std::{cell::RefCell, rc::Rc};

use futures::Stream;
use websocket_heartbeat::{
    Constant, Event, Frame, Handle, Heartbeat, Message, OutboxSettings, Supervisor,
    acks::{Ack, AckReceipt, AckSender, AckSettings, Acknowledged, Unacknowledged},
};
use websocket_heartbeat_mock::{Clock, Grammar, Remote, Runner, Script, mock};

use crate::harness::{MockSupervisor, in_millis, ms, secs};

/// Words with their times in milliseconds.
pub(super) type Log = Rc<RefCell<Vec<(u64, String)>>>;

/// Acknowledged delivery over a session, and its records.
pub(super) struct AckFixture {
    pub(super) clock: Clock,
    pub(super) remote: Remote,
    pub(super) runner: Runner,
    pub(super) sender: AckSender<u64>,
    pub(super) handle: Handle,
    /// Messages, opens, losses and the end, as the application sees them.
    pub(super) events: Log,
    /// The outcomes of messages.
    pub(super) outcomes: Log,
}

pub(super) fn find(message: &Message) -> Option<Ack<u64>> {
    let text = message.as_text()?;
    let one = |words: &str| text.strip_prefix(words)?.parse().ok();
    if let Some(ids) = text.strip_prefix("acks ") {
        return ids.split(' ').map(|id| id.parse().ok()).collect::<Option<_>>().map(Ack::Each);
    }
    one("ack ").map(Ack::One).or_else(|| one("upto ").map(Ack::UpTo))
}

/// A server that acknowledges each message.
pub(super) fn ack_each(message: Message) -> Option<Message> {
    Some(format!("ack {}", message.as_text()?).into())
}

/// A session without a heartbeat, with 1 s between attempts.
pub(super) fn session(
    script: impl FnMut(u64) -> Script + Send + 'static,
) -> (Clock, Remote, MockSupervisor) {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(script);
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new())
        .backoff(Constant::new(secs(1)))
        .build()
        .unwrap();
    (clock, remote, supervisor)
}

impl AckFixture {
    /// The layer over a supervisor, polled by a task.
    pub(super) fn new(
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(AckSettings<u64>) -> AckSettings<u64>,
    ) -> Self {
        let (clock, remote, supervisor) = session(script);
        let handle = supervisor.handle();
        Self::over(supervisor, handle, clock, remote, set(AckSettings::new(find)))
    }

    /// The layer over an inbox, with the driver in a task of its own.
    pub(super) fn with_driver(
        inbox: usize,
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(AckSettings<u64>) -> AckSettings<u64>,
    ) -> Self {
        let (clock, remote, supervisor) = session(script);
        let handle = supervisor.handle();
        let (driver, inbox) = supervisor.into_driver(inbox).unwrap();
        let mut fixture = Self::over(inbox, handle, clock, remote, set(AckSettings::new(find)));
        fixture.runner.spawn(driver).detach();
        fixture
    }

    pub(super) fn over(
        events: impl Stream<Item = Event> + Unpin + 'static,
        handle: Handle,
        clock: Clock,
        remote: Remote,
        acks: AckSettings<u64>,
    ) -> Self {
        let mut layer = Acknowledged::new(events, handle.clone(), clock.timer(), acks).unwrap();
        let sender = layer.sender();
        let events = Log::default();
        let mut runner = Runner::new(&clock);
        let (log, now) = (Rc::clone(&events), clock.clone());
        runner
            .spawn(async move {
                let mut grammar = Grammar::new();
                while let Some(event) = layer.next().await {
                    grammar.read(&event);
                    note(&log, &now, &event);
                }
            })
            .detach();
        Self { clock, remote, runner, sender, handle, events, outcomes: Log::default() }
    }

    /// Queues a message, and records its outcome.
    pub(super) fn post(&mut self, id: u64) {
        let receipt = self.sender.try_queue(id, id.to_string()).unwrap();
        self.follow(id, receipt);
    }

    pub(super) fn follow(&mut self, id: u64, receipt: AckReceipt<u64>) {
        let (log, clock) = (Rc::clone(&self.outcomes), self.clock.clone());
        self.runner.spawn(async move { note_outcome(&log, &clock, id, receipt.await) }).detach();
    }

    pub(super) fn run(&mut self, millis: u64) {
        self.runner.run_for(ms(millis));
    }

    /// The messages that arrived on a connection, with their times.
    pub(super) fn arrivals(&self, connection: usize) -> Vec<(u64, String)> {
        let peer = &self.remote.peers()[connection - 1];
        let received = peer.received().into_iter().filter_map(|(at, frame)| match frame {
            Frame::Message(message) => {
                Some((in_millis(at.since_epoch()), message.as_text()?.to_owned()))
            }
            _ => None,
        });
        received.collect()
    }

    /// The messages that arrived on a connection, without the times.
    pub(super) fn received(&self, connection: usize) -> Vec<String> {
        self.arrivals(connection).into_iter().map(|(_, text)| text).collect()
    }

    #[track_caller]
    pub(super) fn assert_events(&self, expected: &[(u64, &str)]) {
        assert_log(&self.events, expected);
    }

    #[track_caller]
    pub(super) fn assert_outcomes(&self, expected: &[(u64, &str)]) {
        assert_log(&self.outcomes, expected);
    }
}

pub(super) fn note(log: &Log, clock: &Clock, event: &Event) {
    let words = match event {
        Event::Open(open) => format!("open {}", open.connection),
        Event::Message(message) => message.as_text().unwrap_or("?").to_owned(),
        Event::Lost(lost) if lost.opened => format!("lost {}", lost.connection),
        Event::Closed(_) => "closed".to_owned(),
        _ => return,
    };
    log.borrow_mut().push((now(clock), words));
}

pub(super) fn note_outcome(
    log: &Log,
    clock: &Clock,
    id: u64,
    outcome: Result<(), Unacknowledged<u64>>,
) {
    let words = match outcome {
        Ok(()) => format!("{id} ok"),
        Err(failed) => {
            assert_eq!(failed.id, id);
            assert_eq!(failed.message.as_text(), Some(&*id.to_string()), "the message is returned");
            format!("{id} {} after {} sends", failed.reason.name(), failed.sends)
        }
    };
    log.borrow_mut().push((now(clock), words));
}

pub(super) fn now(clock: &Clock) -> u64 {
    in_millis(clock.now().since_epoch())
}

#[track_caller]
pub(super) fn assert_log(log: &Log, expected: &[(u64, &str)]) {
    let log = log.borrow();
    let log: Vec<_> = log.iter().map(|(at, words)| (*at, words.as_str())).collect();
    assert_eq!(log, expected);
}
