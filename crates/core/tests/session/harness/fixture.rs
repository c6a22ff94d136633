//! What the tests stand on: a session over the mock, its events in words, wakers that count.

use std::{
    cell::RefCell,
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures::{Stream, StreamExt};
use websocket_heartbeat::{Builder, Constant, Event, Heartbeat, Message, Preset, Supervisor};
use websocket_heartbeat_mock::{
    Clock, Grammar, MockTimer, MockTransport, Remote, Runner, Script, mock,
};

pub(crate) type Session = Supervisor<MockTransport, MockTimer>;
pub(crate) type Settings = Builder<MockTransport, MockTimer>;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) struct Stage {
    pub(crate) clock: Clock,
    pub(crate) remote: Remote,
    pub(crate) runner: Runner,
}

impl Stage {
    /// A stage and the settings of a session on it: pings after 15 s of silence with 10 s for the
    /// answer, 1 s between attempts, messages kept while offline.
    pub(crate) fn new(script: impl FnMut(u64) -> Script + Send + 'static) -> (Self, Settings) {
        let (stage, settings) = Self::manual();
        stage.remote.script(script);
        (stage, settings)
    }

    /// The same, with dials that the test answers itself.
    pub(crate) fn manual() -> (Self, Settings) {
        let clock = Clock::new();
        let (transport, remote) = mock(&clock);
        let settings = Supervisor::builder(transport, clock.timer())
            .preset(Preset::Resilient)
            .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
            .backoff(Constant::new(secs(1)));
        let runner = Runner::new(&clock);
        (Self { clock, remote, runner }, settings)
    }

    /// Reads a stream to its end in a task of its own.
    pub(crate) fn read(&mut self, stream: impl Stream<Item = Event> + 'static) -> Log {
        let log = Log::new(&self.clock);
        let events = log.clone();
        let reading = async move {
            let mut stream = pin!(stream);
            while let Some(event) = stream.next().await {
                events.push(event);
            }
        };
        self.runner.spawn(reading).detach();
        log
    }
}

/// Events with their milliseconds.
#[derive(Clone)]
pub(crate) struct Log {
    clock: Clock,
    grammar: Rc<RefCell<Grammar>>,
    events: Rc<RefCell<Vec<(u64, Event)>>>,
}

impl Log {
    pub(crate) fn new(clock: &Clock) -> Self {
        // A test may have read the first events itself.
        let grammar = Rc::new(RefCell::new(Grammar::midway()));
        Self { clock: clock.clone(), grammar, events: Rc::default() }
    }

    #[track_caller]
    pub(crate) fn push(&self, event: Event) {
        self.grammar.borrow_mut().read(&event);
        let at = self.clock.now().since_epoch().as_millis() as u64;
        self.events.borrow_mut().push((at, event));
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().iter().map(|(_, event)| event.clone()).collect()
    }

    #[track_caller]
    pub(crate) fn assert(&self, expected: &[(u64, &str)]) {
        let found = self.events.borrow();
        let found: Vec<_> = found.iter().map(|(at, event)| (*at, in_words(event))).collect();
        let found: Vec<_> = found.iter().map(|(at, words)| (*at, words.as_str())).collect();
        assert_eq!(found, expected);
    }
}

pub(crate) fn in_words(event: &Event) -> String {
    match event {
        Event::Connecting(e) => format!("connecting {}", e.connection),
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

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Counter {
    wakes: AtomicUsize,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How often it was woken since the last call.
    pub(crate) fn take(&self) -> usize {
        self.wakes.swap(0, Ordering::Relaxed)
    }

    /// Polls with this waker.
    pub(crate) fn poll<R>(self: &Arc<Self>, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let waker = Waker::from(Arc::clone(self));
        poll(&mut Context::from_waker(&waker))
    }

    pub(crate) fn next<S: Stream + Unpin>(
        self: &Arc<Self>,
        stream: &mut S,
    ) -> Poll<Option<S::Item>> {
        self.poll(|cx| Pin::new(stream).poll_next(cx))
    }

    /// Polls the stream for so many items at most, as far as it has them at present.
    pub(crate) fn drain_at_most<S: Stream + Unpin>(
        self: &Arc<Self>,
        stream: &mut S,
        count: usize,
    ) -> Vec<S::Item> {
        let items = (0..count).map_while(|_| match self.next(stream) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        });
        items.collect()
    }

    /// Polls the stream for all that it has at present.
    pub(crate) fn drain<S: Stream + Unpin>(self: &Arc<Self>, stream: &mut S) -> Vec<S::Item> {
        std::iter::from_fn(|| match self.next(stream) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        })
        .collect()
    }
}
