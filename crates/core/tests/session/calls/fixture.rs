//! [`CallFixture`]: calls over a session, and their records.

use std::{cell::RefCell, rc::Rc};

use futures::Stream;
use websocket_heartbeat::{
    Constant, Event, Frame, Handle, Heartbeat, Message, Supervisor,
    calls::{Answer, Call, CallError, CallEvent, CallSettings, Caller, Calls},
};
use websocket_heartbeat_mock::{Clock, Grammar, Remote, Runner, Script, Task, mock};

use crate::harness::{MockSupervisor, in_millis, ms, secs};

/// Words with their times in milliseconds.
pub(super) type Log = Rc<RefCell<Vec<(u64, String)>>>;

pub(super) type Settings = CallSettings<String, String>;
pub(super) type Outcome = Result<String, CallError<String>>;

/// Calls over a session, and their records.
pub(super) struct CallFixture {
    pub(super) clock: Clock,
    pub(super) remote: Remote,
    pub(super) runner: Runner,
    pub(super) caller: Caller<String, String>,
    pub(super) handle: Handle,
    /// Messages, opens, losses, unclaimed answers and the end, as the application sees them.
    pub(super) events: Log,
    /// The outcomes of calls.
    pub(super) outcomes: Log,
}

pub(super) fn make_request(id: u64, request: &String) -> Message {
    format!("{id} {request}").into()
}

pub(super) fn find_answer(message: &Message) -> Option<Answer<String>> {
    let (id, result) = message.as_text()?.strip_prefix("answer ")?.split_once(' ')?;
    Some(Answer::new(id.parse().ok()?, result.to_owned()))
}

pub(super) fn settings() -> Settings {
    CallSettings::new(make_request, find_answer)
}

/// A server that answers each request.
pub(super) fn answer_each(message: Message) -> Option<Message> {
    Some(format!("answer {}", message.as_text()?).into())
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
        .backoff(Constant::new(secs(1)))
        .build()
        .unwrap();
    (clock, remote, supervisor)
}

impl CallFixture {
    /// The layer over a supervisor, polled by a task.
    pub(super) fn new(
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let (clock, remote, supervisor) = session(script);
        let handle = supervisor.handle();
        Self::over(supervisor, handle, clock, remote, set(settings()))
    }

    /// The layer over an inbox, with the driver in a task of its own.
    pub(super) fn with_driver(
        inbox: usize,
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let (clock, remote, supervisor) = session(script);
        let handle = supervisor.handle();
        let (driver, inbox) = supervisor.into_driver(inbox).unwrap();
        let mut fixture = Self::over(inbox, handle, clock, remote, set(settings()));
        fixture.runner.spawn(driver).detach();
        fixture
    }

    pub(super) fn over(
        events: impl Stream<Item = Event> + Unpin + 'static,
        handle: Handle,
        clock: Clock,
        remote: Remote,
        settings: Settings,
    ) -> Self {
        let mut layer = Calls::new(events, handle.clone(), clock.timer(), settings).unwrap();
        let caller = layer.caller();
        let events = Log::default();
        let mut runner = Runner::new(&clock);
        let (log, now) = (Rc::clone(&events), clock.clone());
        runner
            .spawn(async move {
                let mut grammar = Grammar::new();
                while let Some(event) = layer.next().await {
                    if let CallEvent::Event(event) = &event {
                        grammar.read(event);
                    }
                    note(&log, &now, &event);
                }
            })
            .detach();
        Self { clock, remote, runner, caller, handle, events, outcomes: Log::default() }
    }

    /// Calls, and records the outcome.
    pub(super) fn call(&mut self, request: &str) -> Task<()> {
        self.call_with(request, |call| call)
    }

    pub(super) fn call_idempotent(&mut self, request: &str) -> Task<()> {
        self.call_with(request, Call::idempotent)
    }

    pub(super) fn call_with(
        &mut self,
        request: &str,
        set: impl FnOnce(Call<String, String>) -> Call<String, String>,
    ) -> Task<()> {
        let call = set(self.caller.call(request.to_owned()));
        let (log, clock, request) =
            (Rc::clone(&self.outcomes), self.clock.clone(), request.to_owned());
        self.runner.spawn(async move { note_outcome(&log, &clock, &request, call.await) })
    }

    pub(super) fn run(&mut self, millis: u64) {
        self.runner.run_for(ms(millis));
    }

    /// The messages that arrived on a connection.
    pub(super) fn received(&self, connection: usize) -> Vec<String> {
        let peer = &self.remote.peers()[connection - 1];
        let received = peer.received().into_iter().filter_map(|(_, frame)| match frame {
            Frame::Message(message) => Some(message.as_text()?.to_owned()),
            _ => None,
        });
        received.collect()
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

pub(super) fn note(log: &Log, clock: &Clock, event: &CallEvent<String>) {
    let words = match event {
        CallEvent::Event(Event::Open(open)) => format!("open {}", open.connection),
        CallEvent::Event(Event::Message(message)) => message.as_text().unwrap_or("?").to_owned(),
        CallEvent::Event(Event::Lost(lost)) if lost.opened => format!("lost {}", lost.connection),
        CallEvent::Event(Event::Closed(_)) => "closed".to_owned(),
        CallEvent::Unclaimed(answer) => format!("unclaimed {} {}", answer.id, answer.result),
        _ => return,
    };
    log.borrow_mut().push((now(clock), words));
}

pub(super) fn note_outcome(log: &Log, clock: &Clock, request: &str, outcome: Outcome) {
    let words = match outcome {
        Ok(result) => {
            assert_eq!(result, request, "the answer to another request");
            format!("{request} ok")
        }
        Err(error) => {
            assert_eq!(error.request, request, "the request is returned");
            format!("{request} {} {}", error.reason.name(), error.fate.name())
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
