//! The five callbacks of the original.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
};

use futures::{StreamExt, stream};
use websocket_heartbeat::{
    Attempts, CloseReason, Event, Handle, Lost, Message, Open, Retry,
    hooks::{self, Ending, Hooks, Panic},
};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, WakeCounter, in_words, secs};

/// Records calls with their times in milliseconds.
#[derive(Clone)]
struct Calls {
    clock: websocket_heartbeat_mock::Clock,
    lines: Rc<RefCell<Vec<(u64, String)>>>,
}

impl Calls {
    fn of(fixture: &Fixture) -> Self {
        Self { clock: fixture.clock.clone(), lines: Rc::default() }
    }

    fn note(&self, words: impl Into<String>) {
        let at = self.clock.now().since_epoch().as_millis() as u64;
        self.lines.borrow_mut().push((at, words.into()));
    }

    #[track_caller]
    fn assert(&self, expected: &[(u64, &str)]) {
        let found = self.lines.borrow();
        let found: Vec<_> = found.iter().map(|(at, words)| (*at, words.as_str())).collect();
        assert_eq!(found, expected);
    }
}

impl Hooks for Calls {
    fn on_open(&mut self, open: &Open) {
        self.note(format!("open {}", open.connection));
    }

    fn on_message(&mut self, message: Message) {
        self.note(message.as_text().unwrap_or("?"));
    }

    fn on_close(&mut self, ending: Ending<'_>) {
        match ending {
            Ending::Connection(lost) => self.note(format!("close: {}", lost.cause.name())),
            Ending::Session(closed) => self.note(format!("closed: {}", closed.reason.name())),
            _ => unreachable!(),
        }
    }

    fn on_error(&mut self, lost: &Lost) {
        self.note(format!("error: {}", lost.cause.name()));
    }

    fn on_reconnect(&mut self, retry: &Retry) {
        self.note(format!("reconnect in {:?}", retry.delay));
    }

    fn on_panic(&mut self, panic: Panic) {
        self.note(panic.to_string());
    }
}

#[test]
fn each_event_calls_one_callback_across_reconnects() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::accept().greet("hello").close_after(secs(5), 1001, "bye"),
        2 => Script::refuse_connection(),
        _ => Script::accept().silent().greet("again"),
    });
    let calls = Calls::of(&fixture);
    let session = builder.attempts(Attempts::at_most(3)).build().unwrap();
    let handle = session.handle();
    let running = fixture.runner.spawn(hooks::run(session, calls.clone()));
    fixture.runner.run_for(secs(40));
    handle.close();
    fixture.runner.run_for(secs(5));
    calls.assert(&[
        (0, "open 1"),
        (0, "hello"),
        (5_000, "close: closed_by_peer"),
        (5_000, "reconnect in 1s"),
        (6_000, "error: connect"),
        (6_000, "reconnect in 1s"),
        (7_000, "open 3"),
        (7_000, "again"),
        (32_000, "close: heartbeat_timeout"),
        (32_000, "reconnect in 1s"),
        (33_000, "open 4"),
        (33_000, "again"),
        (45_000, "closed: user"),
    ]);
    let outcome = fixture.runner.run_until(running);
    assert_eq!(outcome.closed.unwrap().reason, CloseReason::User);
    assert_eq!(outcome.panics, 0);
}

/// Panics in each callback, or in none.
struct Faulty {
    panics: bool,
    reports: Rc<RefCell<Vec<&'static str>>>,
}

impl Faulty {
    fn act(&self, name: &str) {
        assert!(!self.panics, "a fault of the application: {name}");
    }
}

impl Hooks for Faulty {
    fn on_open(&mut self, _: &Open) {
        self.act("open");
    }

    fn on_message(&mut self, _: Message) {
        self.act("message");
    }

    fn on_close(&mut self, _: Ending<'_>) {
        self.act("close");
    }

    fn on_error(&mut self, _: &Lost) {
        self.act("error");
    }

    fn on_reconnect(&mut self, _: &Retry) {
        self.act("reconnect");
    }

    fn on_panic(&mut self, panic: Panic) {
        self.reports.borrow_mut().push(panic.callback());
        assert_eq!(panic.message(), None, "there is a message, so the report also panics");
    }
}

#[test]
fn a_session_survives_panics_of_all_callbacks() {
    let script = |dial: u64| match dial % 3 {
        1 => Script::accept().greet("hello").end_after(secs(1)),
        2 => Script::refuse_connection(),
        _ => Script::accept().greet("hello").half_open_after(secs(1)),
    };
    let mut traces = Vec::new();
    for panics in [false, true] {
        let (mut fixture, builder) = Fixture::new(script);
        let session = builder.build().unwrap();
        let handle = session.handle();
        let reports = Rc::new(RefCell::new(Vec::new()));
        let hooks = Faulty { panics, reports: Rc::clone(&reports) };
        let running = fixture.runner.spawn(hooks::run(session, hooks));
        fixture.runner.run_for(secs(300));
        handle.close();
        let outcome = fixture.runner.run_until(running);
        let reports = reports.borrow();
        assert_eq!(outcome.panics, 2 * reports.len() as u64, "each callback and each report");
        if panics {
            for callback in ["on_open", "on_message", "on_close", "on_error", "on_reconnect"] {
                assert!(reports.iter().filter(|name| **name == callback).count() > 5);
            }
        } else {
            assert!(reports.is_empty());
        }
        traces.push(fixture.remote.trace().lines());
    }
    assert!(traces[0].len() > 50);
    assert_eq!(traces[0], traces[1], "heartbeats, losses and dials are the same");
}

/// Records two kinds of calls, and closes the session when a reconnect is scheduled.
struct Closing {
    calls: Calls,
    handle: Handle,
}

impl Hooks for Closing {
    fn on_open(&mut self, open: &Open) {
        self.calls.on_open(open);
    }

    fn on_close(&mut self, ending: Ending<'_>) {
        self.calls.on_close(ending);
    }

    fn on_reconnect(&mut self, _: &Retry) {
        self.handle.close();
    }
}

#[test]
fn a_close_in_on_reconnect_prevents_the_dial() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().end_after(secs(1)));
    let session = builder.build().unwrap();
    let handle = session.handle();
    let calls = Calls::of(&fixture);
    let hooks = Closing { calls: calls.clone(), handle };
    let outcome = fixture.runner.run_until(hooks::run(session, hooks));
    fixture.runner.run_for(secs(3_600));
    assert_eq!(fixture.remote.dials().len(), 1);
    calls.assert(&[(0, "open 1"), (1_000, "close: broken"), (1_000, "closed: user")]);
    assert_eq!(outcome.closed.unwrap().reason, CloseReason::User);
}

/// Uses every command of a handle in its callbacks.
struct Commanding {
    handle: Handle,
    opens: Rc<Cell<u32>>,
}

impl Hooks for Commanding {
    fn on_open(&mut self, open: &Open) {
        self.opens.set(self.opens.get() + 1);
        self.handle.try_queue("from on_open").unwrap();
        self.handle.probe_now();
        self.handle.pause();
        self.handle.resume();
        if open.connection == 3 {
            self.handle.abort();
        }
    }

    fn on_message(&mut self, _: Message) {
        self.handle.reconnect_now();
    }
}

#[test]
fn callbacks_may_use_every_command_of_a_handle() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().greet("hello"));
    let session = builder.build().unwrap();
    let handle = session.handle();
    let opens = Rc::default();
    let hooks = Commanding { handle, opens: Rc::clone(&opens) };
    let outcome = fixture.runner.run_until(hooks::run(session, hooks));
    assert_eq!((opens.get(), outcome.closed.unwrap().reason), (3, CloseReason::Aborted));
}

#[test]
fn hooks_over_an_inbox_whose_driver_is_dropped_end_without_closed() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let (driver, inbox) = builder.build().unwrap().into_driver(4).unwrap();
    let driving = fixture.runner.spawn(driver);
    let calls = Calls::of(&fixture);
    let running = fixture.runner.spawn(hooks::run(inbox, calls.clone()));
    fixture.runner.run_for(secs(1));
    driving.cancel();
    let outcome = fixture.runner.run_until(running);
    assert!(outcome.closed.is_none());
    calls.assert(&[(0, "open 1")]);
}

#[test]
fn hooks_accept_streams_that_are_not_unpin_and_are_cancel_safe() {
    let (fixture, builder) = Fixture::new(|_| Script::accept().greet("hello"));
    let mut session = builder.build().unwrap();
    let calls = Calls::of(&fixture);
    let counter = WakeCounter::new();
    {
        // The stream contains an async block, which is neither `Unpin` nor `Send`.
        let limited = session.by_ref().take(2).then(|event| async { event });
        let mut running = pin!(hooks::run(limited, calls.clone()));
        assert!(counter.poll(|cx| running.as_mut().poll(cx)).is_ready());
    }
    calls.assert(&[(0, "open 1")]);
    let rest = counter.drain(&mut session);
    assert_eq!(in_words(&rest[0]), "message hello");
}

/// Uses no callback.
struct Nothing;

impl Hooks for Nothing {}

#[test]
fn hooks_run_without_callbacks() {
    let events = stream::iter([] as [Event; 0]);
    let outcome = futures::executor::block_on(hooks::run(events, Nothing));
    assert!(outcome.closed.is_none() && outcome.panics == 0);
}
