//! [`Lines`]: a subscriber that records spans and events as lines with virtual times.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::with_default,
};
use websocket_heartbeat_mock::Clock;

use crate::harness::in_millis;

/// One test after the other has a subscriber.
static TURN: Mutex<()> = Mutex::new(());

/// Records lines such as `0 INFO [1] open`, where `[1]` is the current span. The fields `detail`,
/// whose wording may change, are recorded beside the lines.
#[derive(Clone)]
pub(crate) struct Lines {
    clock: Clock,
    state: Arc<Mutex<State>>,
    /// Each event, and each entry of a span, panics after it was recorded.
    panics: bool,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    details: Vec<String>,
    /// The number of references to each span.
    spans: BTreeMap<u64, u32>,
    last: u64,
    entered: Vec<u64>,
    entries: u64,
}

#[derive(Default)]
struct Fields {
    shown: String,
    detail: Option<String>,
}

impl Lines {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), state: Arc::default(), panics: false }
    }

    /// Panics in each event and each entry of a span.
    pub(crate) fn panicking(clock: &Clock) -> Self {
        Self { panics: true, ..Self::new(clock) }
    }

    /// Records what this function reports.
    pub(crate) fn record<R>(&self, work: impl FnOnce() -> R) -> R {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        with_default(self.clone(), work)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.state().lines.clone()
    }

    pub(crate) fn details(&self) -> Vec<String> {
        self.state().details.clone()
    }

    /// How often a span was entered.
    pub(crate) fn entries(&self) -> u64 {
        self.state().entries
    }

    #[track_caller]
    pub(crate) fn assert(&self, expected: &[&str]) {
        assert_eq!(self.lines(), expected, "{:#?}", self.lines());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, state: &mut State, line: &str) {
        state.lines.push(format!("{} {line}", in_millis(self.clock.now().since_epoch())));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.shown += &format!(" {value:?}"),
            "detail" => self.detail = Some(format!("{value:?}")),
            name => self.shown += &format!(" {name}={value:?}"),
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        assert_eq!(metadata.target(), "websocket_heartbeat");
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut state = self.state();
        state.last += 1;
        let (id, metadata) = (state.last, span.metadata());
        state.spans.insert(id, 1);
        let parent = state.entered.last().copied().filter(|_| span.is_contextual());
        let parent = parent.map(|parent| format!(" in {parent}")).unwrap_or_default();
        let (level, name) = (metadata.level(), metadata.name());
        self.add(&mut state, &format!("{level} span {id}{parent}: {name}{}", fields.shown));
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut state = self.state();
        let span = state.entered.last().map_or(String::new(), |span| format!(" [{span}]"));
        self.add(&mut state, &format!("{}{span}{}", event.metadata().level(), fields.shown));
        state.details.extend(fields.detail);
        drop(state);
        assert!(!self.panics, "a fault of the log");
    }

    fn enter(&self, span: &Id) {
        let mut state = self.state();
        state.entries += 1;
        assert!(!self.panics, "a fault of the log");
        state.entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        assert_eq!(self.state().entered.pop(), Some(span.into_u64()));
    }

    fn clone_span(&self, span: &Id) -> Id {
        *self.state().spans.get_mut(&span.into_u64()).unwrap() += 1;
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        let mut state = self.state();
        let id = span.into_u64();
        let count = state.spans.get_mut(&id).unwrap();
        *count -= 1;
        let closed = *count == 0;
        if closed {
            state.spans.remove(&id);
            self.add(&mut state, &format!("end of span {id}"));
        }
        closed
    }
}
