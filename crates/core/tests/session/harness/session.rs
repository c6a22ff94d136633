//! A supervisor over the mock, with a reader that notes each event with its moment.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::StreamExt;
use websocket_heartbeat::{Builder, Event, Handle, Message, Supervisor, Transport};
use websocket_heartbeat_mock::{
    Clock, Grammar, MockTimer, MockTransport, Peer, Remote, Runner, Script, mock,
};

pub(crate) type MockBuilder = Builder<MockTransport, MockTimer>;
type Told = Rc<RefCell<Vec<(u64, Event)>>>;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) struct Session {
    pub(crate) clock: Clock,
    pub(crate) remote: Remote,
    pub(crate) runner: Runner,
    pub(crate) handle: Handle,
    told: Told,
}

impl Session {
    /// A session with `Preset::Original`, changed by `set`, whose dials are answered by `script`.
    pub(crate) fn new(
        script: impl FnMut(u64) -> Script + Send + 'static,
        set: impl FnOnce(MockBuilder) -> MockBuilder,
    ) -> Self {
        let clock = Clock::new();
        let (transport, remote) = mock(&clock);
        remote.script(script);
        let supervisor = set(Supervisor::builder(transport, clock.timer())).build();
        Self::over(&clock, remote, supervisor.expect("the settings make sense"))
    }

    /// With nothing changed.
    pub(crate) fn original(script: impl FnMut(u64) -> Script + Send + 'static) -> Self {
        Self::new(script, |builder| builder)
    }

    pub(crate) fn over<T: Transport + 'static>(
        clock: &Clock,
        remote: Remote,
        mut supervisor: Supervisor<T, MockTimer>,
    ) -> Self {
        let handle = supervisor.handle();
        let mut runner = Runner::new(clock);
        let told = Told::default();
        let (events, now) = (Rc::clone(&told), clock.clone());
        runner
            .spawn(async move {
                let mut grammar = Grammar::new();
                while let Some(event) = supervisor.next().await {
                    grammar.read(&event);
                    let millis = in_millis(now.now().since_epoch());
                    events.borrow_mut().push((millis, event));
                }
            })
            .detach();
        Self { clock: clock.clone(), remote, runner, handle, told }
    }

    pub(crate) fn now(&self) -> u64 {
        in_millis(self.clock.now().since_epoch())
    }

    /// Runs up to and including that moment.
    #[track_caller]
    pub(crate) fn run_to(&mut self, millis: u64) {
        let left = millis.checked_sub(self.now()).expect("time does not go back");
        self.runner.run_for(ms(left));
    }

    pub(crate) fn peer(&self) -> Peer {
        self.remote.last_peer().expect("a connection was opened")
    }

    /// All events, with their times in milliseconds.
    pub(crate) fn told(&self) -> Vec<(u64, Event)> {
        self.told.borrow().clone()
    }

    /// All events in words.
    pub(crate) fn events(&self) -> Vec<(u64, String)> {
        self.told.borrow().iter().map(|(at, event)| (*at, in_words(event))).collect()
    }

    /// The moments of the events whose words begin so.
    pub(crate) fn times(&self, beginning: &str) -> Vec<u64> {
        let events = self.events().into_iter();
        events.filter(|(_, words)| words.starts_with(beginning)).map(|(at, _)| at).collect()
    }

    pub(crate) fn last(&self) -> (u64, String) {
        self.events().pop().unwrap_or_default()
    }

    pub(crate) fn dials(&self) -> Vec<u64> {
        self.remote.dials().iter().map(|at| in_millis(at.since_epoch())).collect()
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        let told = self.told.borrow();
        let messages = told.iter().filter_map(|(_, event)| match event {
            Event::Message(message) => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    #[track_caller]
    pub(crate) fn assert_events(&self, expected: &[(u64, &str)]) {
        let found = self.events();
        let found: Vec<_> = found.iter().map(|(at, words)| (*at, words.as_str())).collect();
        assert_eq!(found, expected);
    }
}

pub(crate) fn in_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("tests end before that")
}

pub(crate) fn in_words(event: &Event) -> String {
    match event {
        Event::Connecting(e) => format!("connecting {} attempt {}", e.connection, e.attempt),
        Event::Open(e) => format!("open {}", e.connection),
        Event::Message(m) => format!("message {}", m.as_text().unwrap_or("?")),
        Event::Lost(e) => format!("lost {} {}", e.connection, e.cause.name()),
        Event::Retry(e) => format!("retry {} in {:?}", e.attempt, e.delay),
        Event::Closed(e) => format!("closed {}", e.reason.name()),
        other => format!("{other:?}"),
    }
}
