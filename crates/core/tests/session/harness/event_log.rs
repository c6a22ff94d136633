//! [`EventLog`]: the events of a session with their times.

use std::{cell::RefCell, rc::Rc};

use websocket_heartbeat::{Event, Message};
use websocket_heartbeat_mock::{Clock, Grammar};

use super::time::in_millis;

/// The events of a session with their times in milliseconds. It checks their order.
#[derive(Clone)]
pub(crate) struct EventLog {
    clock: Clock,
    grammar: Rc<RefCell<Grammar>>,
    events: Rc<RefCell<Vec<(u64, Event)>>>,
}

impl EventLog {
    /// A log from the first event of a session on.
    pub(crate) fn new(clock: &Clock) -> Self {
        Self::with(clock, Grammar::new())
    }

    /// A log from any event of a session on.
    pub(crate) fn midway(clock: &Clock) -> Self {
        Self::with(clock, Grammar::midway())
    }

    fn with(clock: &Clock, grammar: Grammar) -> Self {
        let grammar = Rc::new(RefCell::new(grammar));
        Self { clock: clock.clone(), grammar, events: Rc::default() }
    }

    #[track_caller]
    pub(crate) fn push(&self, event: Event) {
        self.grammar.borrow_mut().read(&event);
        let at = in_millis(self.clock.now().since_epoch());
        self.events.borrow_mut().push((at, event));
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().iter().map(|(_, event)| event.clone()).collect()
    }

    pub(crate) fn timed_events(&self) -> Vec<(u64, Event)> {
        self.events.borrow().clone()
    }

    pub(crate) fn timed_words(&self) -> Vec<(u64, String)> {
        self.events.borrow().iter().map(|(at, event)| (*at, in_words(event))).collect()
    }

    #[track_caller]
    pub(crate) fn assert(&self, expected: &[(u64, &str)]) {
        let found = self.timed_words();
        let found: Vec<_> = found.iter().map(|(at, words)| (*at, words.as_str())).collect();
        assert_eq!(found, expected);
    }
}

pub(crate) fn in_words(event: &Event) -> String {
    match event {
        Event::Connecting(e) => format!("connecting {} attempt {}", e.connection, e.attempt),
        Event::Open(e) => format!("open {}", e.connection),
        Event::Message(m) => format!("message {}", m.as_text().unwrap_or("?")),
        Event::Lost(e) => format!("lost {} {}", e.connection, e.cause.name()),
        Event::Retry(e) => format!("retry {} in {:?}", e.attempt, e.delay),
        Event::Closed(e) => format!("closed {}", e.reason.name()),
        Event::Lagged(count) => format!("lagged {count}"),
        other => format!("{other:?}"),
    }
}

pub(crate) fn words<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<String> {
    events.into_iter().map(in_words).collect()
}

pub(crate) fn texts<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<String> {
    messages.into_iter().map(|message| message.as_text().unwrap_or("?").to_owned()).collect()
}
