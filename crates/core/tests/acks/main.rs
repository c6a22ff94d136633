//! Acknowledged delivery, against scripted servers in virtual time.
//!
//! Message 7 is the text "7"; the server acknowledges it by "ack 7", or by "upto 7" together with
//! all before it.

#![allow(clippy::disallowed_types, reason = "a test may have a plain lock of its own")]

mod delivery;
mod failure;
mod locks;
mod property;
mod window;

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::{Stream, StreamExt};
use websocket_heartbeat::{
    Ack, AckReceipt, AckSender, AckSettings, Acknowledged, Constant, Event, Handle, Heartbeat,
    Inbox, Message, OutboxSettings, Supervisor,
};
use websocket_heartbeat_mock::{
    Clock, Grammar, MockTimer, MockTransport, Remote, Runner, Script, mock,
};

const SECOND: Duration = Duration::from_secs(1);

/// Words with their moments in milliseconds.
type Log = Rc<RefCell<Vec<(u64, String)>>>;

type Session = Supervisor<MockTransport, MockTimer>;

struct Stage {
    clock: Clock,
    remote: Remote,
    runner: Runner,
    sender: AckSender<u64>,
    handle: Handle,
    /// Messages, opens, losses and the end, as the application sees them.
    events: Log,
    /// What became of the messages.
    outcomes: Log,
}

fn find(message: &Message) -> Option<Ack<u64>> {
    let text = message.as_text()?;
    let one = |words: &str| text.strip_prefix(words)?.parse().ok();
    if let Some(ids) = text.strip_prefix("acks ") {
        return ids.split(' ').map(|id| id.parse().ok()).collect::<Option<_>>().map(Ack::Each);
    }
    one("ack ").map(Ack::One).or_else(|| one("upto ").map(Ack::UpTo))
}

/// A server that acknowledges each message.
fn ack_each(message: Message) -> Option<Message> {
    Some(format!("ack {}", message.as_text()?).into())
}

/// A session that waits 1 s between attempts and has no heartbeat.
fn session(script: impl FnMut(u64) -> Script + Send + 'static) -> (Clock, Remote, Session) {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(script);
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new())
        .backoff(Constant::new(SECOND))
        .build()
        .unwrap();
    (clock, remote, supervisor)
}

impl Stage {
    /// The layer over a supervisor, with these settings, polled by a task.
    fn new(
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(AckSettings<u64>) -> AckSettings<u64>,
    ) -> Self {
        let (clock, remote, supervisor) = session(script);
        let handle = supervisor.handle();
        Self::over(supervisor, handle, clock, remote, set(AckSettings::new(find)))
    }

    /// The same over an inbox, with a driver in a task of its own.
    fn with_driver(
        inbox: Inbox,
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(AckSettings<u64>) -> AckSettings<u64>,
    ) -> Self {
        let (clock, remote, supervisor) = session(script);
        let handle = supervisor.handle();
        let (driver, inbox) = supervisor.into_driver(inbox).unwrap();
        let mut stage = Self::over(inbox, handle, clock, remote, set(AckSettings::new(find)));
        stage.runner.spawn(driver).detach();
        stage
    }

    fn over(
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

    /// Queues a message; what becomes of it is noted.
    fn post(&mut self, id: u64) {
        let receipt = self.sender.try_queue(id, id.to_string()).unwrap();
        self.follow(id, receipt);
    }

    fn follow(&mut self, id: u64, receipt: AckReceipt<u64>) {
        let (log, clock) = (Rc::clone(&self.outcomes), self.clock.clone());
        self.runner.spawn(async move { note_outcome(&log, &clock, id, receipt.await) }).detach();
    }

    fn run(&mut self, millis: u64) {
        self.runner.run_for(Duration::from_millis(millis));
    }

    /// The messages that arrived on a connection, with their moments.
    fn arrivals(&self, connection: usize) -> Vec<(u64, String)> {
        let peer = &self.remote.peers()[connection - 1];
        let received = peer.received().into_iter().filter_map(|(at, frame)| match frame {
            websocket_heartbeat::Frame::Message(message) => {
                Some((at.since_epoch().as_millis() as u64, message.as_text()?.to_owned()))
            }
            _ => None,
        });
        received.collect()
    }

    /// The same without the moments.
    fn received(&self, connection: usize) -> Vec<String> {
        self.arrivals(connection).into_iter().map(|(_, text)| text).collect()
    }

    #[track_caller]
    fn assert_events(&self, expected: &[(u64, &str)]) {
        assert_log(&self.events, expected);
    }

    #[track_caller]
    fn assert_outcomes(&self, expected: &[(u64, &str)]) {
        assert_log(&self.outcomes, expected);
    }
}

fn note(log: &Log, clock: &Clock, event: &Event) {
    let words = match event {
        Event::Open(open) => format!("open {}", open.connection),
        Event::Message(message) => message.as_text().unwrap_or("?").to_owned(),
        Event::Lost(lost) if lost.opened => format!("lost {}", lost.connection),
        Event::Closed(_) => "closed".to_owned(),
        _ => return,
    };
    log.borrow_mut().push((millis(clock), words));
}

fn note_outcome(
    log: &Log,
    clock: &Clock,
    id: u64,
    outcome: Result<(), websocket_heartbeat::Unacknowledged<u64>>,
) {
    let words = match outcome {
        Ok(()) => format!("{id} ok"),
        Err(failed) => {
            assert_eq!(failed.id, id);
            assert_eq!(failed.message.as_text(), Some(&*id.to_string()), "the message comes back");
            format!("{id} {} after {} sends", failed.reason.name(), failed.sends)
        }
    };
    log.borrow_mut().push((millis(clock), words));
}

fn millis(clock: &Clock) -> u64 {
    clock.now().since_epoch().as_millis() as u64
}

#[track_caller]
fn assert_log(log: &Log, expected: &[(u64, &str)]) {
    let log = log.borrow();
    let log: Vec<_> = log.iter().map(|(at, words)| (*at, words.as_str())).collect();
    assert_eq!(log, expected);
}
