//! A panic in a function of the application does not pass through `poll`, and is reported as a
//! value.

use std::{
    cell::Cell,
    future::Future,
    panic::panic_any,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt;
use websocket_heartbeat::{
    Attempt, Backoff, CloseReason, Closed, ErrorKind, Established, Event, Heartbeat, Lost,
    LostCause, Message, OutboxSettings, Preset, ProofOfLife, Supervisor, Transport, TransportError,
    UserFunction, Verdict,
    acks::{Ack, AckSettings, Acknowledged},
};
use websocket_heartbeat_mock::{
    Clock, MockConnect, MockConnection, MockTransport, Runner, Script, mock,
};

use crate::harness::{MockBuilder, Session, secs};

/// A function that panics after this many calls.
fn after(calls: u32) -> impl FnMut() + Send {
    let mut left = calls;
    move || {
        assert!(left > 0, "a fault of the application");
        left -= 1;
    }
}

pub(super) fn losses(session: &Session) -> Vec<Lost> {
    let reported = session.timed_events().into_iter();
    reported
        .filter_map(|(_, event)| if let Event::Lost(lost) = event { Some(*lost) } else { None })
        .collect()
}

/// The end of the session, which is its last event.
#[track_caller]
pub(super) fn closed(session: &Session) -> Closed {
    match session.timed_events().pop() {
        Some((_, Event::Closed(closed))) => *closed,
        other => panic!("the session has not ended: {other:?}"),
    }
}

#[track_caller]
fn assert_panicked(closed: &Closed, function: UserFunction) {
    let CloseReason::Panicked(panic) = &closed.reason else { panic!("{closed:?}") };
    assert_eq!((panic.function, &*panic.words), (function, "a fault of the application"));
    assert_eq!(closed.reason.name(), "panicked");
    assert!(!closed.reason.by_user());
}

#[test]
fn a_session_retries_when_the_verdict_panics() {
    let mut panics = 2;
    let mut session = Session::new(
        |dial| if dial < 4 { Script::refuse_http(503, []) } else { Script::accept() },
        |builder| {
            builder.verdict(move |_| {
                panics -= 1;
                assert!(panics < 0, "a fault of the application");
                Verdict::Retry
            })
        },
    );
    session.run_to(20_000);
    assert_eq!(session.dials(), [0, 2_000, 4_000, 6_000]);
    assert_eq!(session.last().1, "open 4");
    let losses = losses(&session);
    let reported: Vec<_> = losses.iter().map(|lost| lost.verdict_panic.as_deref()).collect();
    assert_eq!((reported.len(), reported[2]), (3, None));
    for (lost, panic) in losses.iter().zip(reported).take(2) {
        assert_eq!(
            lost.cause.transport_error().unwrap().http_status(),
            Some(503),
            "the original cause"
        );
        let panic = panic.unwrap();
        assert_eq!(
            (panic.function, &*panic.words),
            (UserFunction::Verdict, "a fault of the application")
        );
        assert_eq!(panic.to_string(), "the verdict function panicked: a fault of the application");
    }
}

#[test]
fn a_verdict_that_always_panics_neither_hangs_nor_spins() {
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.verdict(|_| panic!("always")),
    );
    session.run_to(100_000);
    assert_eq!(session.dials().len(), 51);
    assert!(losses(&session).iter().all(|lost| lost.verdict_panic.is_some()));
}

#[test]
fn a_session_ends_when_the_backoff_panics() {
    struct DropPanics;
    impl Iterator for DropPanics {
        type Item = Duration;
        fn next(&mut self) -> Option<Duration> {
            panic!("a fault of the application");
        }
    }
    impl Drop for DropPanics {
        fn drop(&mut self) {
            panic!("and another");
        }
    }
    let factory = || {
        let faulty = true;
        assert!(!faulty, "a fault of the application");
        std::iter::empty()
    };
    fn late() -> impl Iterator<Item = Duration> + Send {
        let mut call = after(2);
        std::iter::repeat_with(move || {
            call();
            secs(1)
        })
    }
    fn with<B>(backoff: B) -> Session
    where
        B: Backoff<Delays: Send + 'static> + Send + 'static,
    {
        Session::new(|_| Script::refuse_connection(), |builder| builder.backoff(backoff))
    }
    for (mut session, dials) in [(with(factory), 1), (with(late), 3), (with(|| DropPanics), 1)] {
        session.run_to(60_000);
        assert_eq!(session.dials().len(), dials);
        assert_panicked(&closed(&session), UserFunction::Backoff);
        assert!(matches!(session.handle.status().close_reason, Some(CloseReason::Panicked(_))));
    }
}

#[test]
fn delays_that_panic_when_dropped_are_contained() {
    struct Delays;
    impl Iterator for Delays {
        type Item = Duration;
        fn next(&mut self) -> Option<Duration> {
            Some(secs(1))
        }
    }
    impl Drop for Delays {
        fn drop(&mut self) {
            panic!("a fault of the application");
        }
    }
    let mut session = Session::new(
        |_| Script::accept().end_after(secs(10)),
        |builder| builder.backoff(|| Delays),
    );
    session.run_to(60_000);
    assert_eq!(session.dials().len(), 6);
}

#[test]
fn a_session_ends_when_the_probe_function_panics() {
    let mut call = after(1);
    let heartbeat = Heartbeat::idle(secs(15)).message_with(move |_| {
        call();
        Message::text("beat")
    });
    let script = |_| Script::accept().greet("hello").reply_with(|_| Some("answer".into()));
    let mut session =
        Session::new(script, |builder| builder.heartbeat(heartbeat).outbox(OutboxSettings::new()));
    session.run_to(29_999);
    let receipt = session.handle.queue_with_receipt("kept").now_or_never().unwrap().unwrap();
    session.run_to(60_000);
    let closed = closed(&session);
    assert_panicked(&closed, UserFunction::Heartbeat);
    assert!(receipt.now_or_never().is_some(), "the receipt is resolved");
    assert!(session.handle.try_queue("late").is_err());
    session.run_to(3_600_000);
    assert_eq!((session.dials(), session.remote.live()), (vec![0], 0), "nothing follows");
}

#[test]
fn no_message_is_written_after_the_probe_function_panics() {
    let heartbeat = Heartbeat::idle(secs(15))
        .message_with(|_| -> Message { panic!("a fault of the application") });
    let mut session =
        Session::new(|_| Script::accept().silent(), |builder| builder.heartbeat(heartbeat));
    session.run_to(1_000);
    session.peer().stall_writes();
    session.handle.try_queue("queued").unwrap();
    // The probe is due, and is made before the message when the connection is ready again.
    session.run_to(20_000);
    assert_eq!(session.last().1, "open 1");
    session.peer().resume_writes();
    session.run_to(21_000);
    assert_panicked(&closed(&session), UserFunction::Heartbeat);
    assert!(session.peer().received_messages().is_empty());
}

#[test]
fn a_panic_of_a_matcher_ends_the_session_but_keeps_the_message() {
    let matchers: [(fn() -> Heartbeat, UserFunction); 3] = [
        (
            || Heartbeat::idle(secs(15)).reply(|_| panic!("a fault of the application")),
            UserFunction::Reply,
        ),
        (
            || {
                let heartbeat = Heartbeat::idle(secs(15)).message("?");
                heartbeat.reply(|_| panic!("a fault of the application")).hide_replies()
            },
            UserFunction::Reply,
        ),
        (
            || {
                let life =
                    ProofOfLife::Matching(Box::new(|_| panic!("a fault of the application")));
                Heartbeat::idle(secs(15)).ping().proof_of_life(life)
            },
            UserFunction::ProofOfLife,
        ),
    ];
    for (heartbeat, function) in matchers {
        let mut session = Session::new(
            |_| Script::accept().greet("one").greet("two"),
            |builder| builder.heartbeat(heartbeat()),
        );
        session.run_to(0);
        session.assert_events(&[
            (0, "connecting 1 attempt 0"),
            (0, "open 1"),
            (0, "message one"),
            (0, "closed panicked"),
        ]);
        assert_panicked(&closed(&session), function);
    }
}

#[test]
fn a_session_ends_when_the_acknowledgement_function_panics() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().greet("one").greet("two"));
    let supervisor = Supervisor::builder(transport, clock.timer()).build().unwrap();
    let handle = supervisor.handle();
    let acks = AckSettings::new(|_: &Message| -> Option<Ack<u64>> {
        panic!("a fault of the application")
    });
    let mut session = Acknowledged::new(supervisor, handle, clock.timer(), acks).unwrap();
    let receipt = session.sender().queue(7, "seven").now_or_never().unwrap().unwrap();
    let events: Vec<_> = Runner::new(&clock).run_until(async {
        let mut events = Vec::new();
        while let Some(event) = session.next().await {
            events.push(event);
        }
        events
    });
    let messages = events.iter().filter(|event| matches!(event, Event::Message(_))).count();
    assert!(messages >= 1);
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    assert_panicked(closed, UserFunction::Acknowledgement);
    assert!(receipt.now_or_never().expect("it is resolved").is_err());
}

/// A transport that panics at each attempt, at a chosen point.
struct Faulty {
    inner: MockTransport,
    at: Place,
    polls: Rc<Cell<u32>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    CanPing,
    Connect,
    Poll,
    /// Hangs, and panics when it is dropped.
    Drop,
    /// Panics with a value whose drop panics.
    Bomb,
}

struct FaultyConnect {
    inner: MockConnect,
    at: Place,
    polls: Rc<Cell<u32>>,
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload's own fault");
    }
}

impl Transport for Faulty {
    type Connection = MockConnection;
    type Connect = FaultyConnect;

    fn connect(&mut self, attempt: Attempt) -> FaultyConnect {
        assert!(self.at != Place::Connect, "a fault of the application");
        let inner = self.inner.connect(attempt);
        FaultyConnect { inner, at: self.at, polls: Rc::clone(&self.polls) }
    }

    fn can_ping(&self) -> bool {
        assert!(self.at != Place::CanPing, "a fault of the application");
        true
    }
}

impl Future for FaultyConnect {
    type Output = Result<Established<MockConnection>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls.set(self.polls.get() + 1);
        match self.at {
            Place::Drop => Poll::Pending,
            Place::Bomb => panic_any(Bomb),
            Place::Poll => panic!("a fault of the application"),
            _ => Pin::new(&mut self.inner).poll(cx),
        }
    }
}

impl Drop for FaultyConnect {
    fn drop(&mut self) {
        assert!(self.at != Place::Drop, "a fault of the application");
    }
}

fn faulty(at: Place) -> (Session, Rc<Cell<u32>>) {
    let clock = Clock::new();
    let (inner, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let polls = Rc::<Cell<u32>>::default();
    let transport = Faulty { inner, at, polls: Rc::clone(&polls) };
    let builder = Supervisor::builder(transport, clock.timer())
        .preset(Preset::Original)
        .verdict(Verdict::careful);
    let supervisor = builder.build().unwrap();
    (Session::over(&clock, remote, supervisor), polls)
}

#[test]
fn a_transport_that_always_panics_stops_a_careful_session() {
    for at in [Place::CanPing, Place::Connect, Place::Poll, Place::Bomb] {
        let (mut session, polls) = faulty(at);
        session.run_to(3_600_000);
        assert_eq!(session.times("connecting").len(), 3, "{at:?}");
        let CloseReason::Stopped(LostCause::Connect(error)) = closed(&session).reason else {
            panic!("{:?}", closed(&session));
        };
        assert_eq!(error.kind(), ErrorKind::Panicked);
        let words =
            if at == Place::Bomb { "a panic without words" } else { "a fault of the application" };
        assert_eq!(error.to_string(), format!("the transport panicked: {words}"));
        let polled = matches!(at, Place::Poll | Place::Bomb);
        assert_eq!(polls.get(), if polled { 3 } else { 0 }, "not polled again");
    }
}

#[test]
fn an_attempt_that_panics_when_dropped_is_contained() {
    let (mut session, _) = faulty(Place::Drop);
    session.run_to(100_000);
    assert!(session.times("lost").len() > 5);
    assert!(session.timed_words().iter().all(|(_, words)| !words.starts_with("closed")));
    session.handle.close();
    session.run_to(100_000);
    assert_eq!(session.last().1, "closed user");
}

#[test]
fn another_kind_of_loss_restarts_the_count_of_panics() {
    let mut call = 0;
    let rows = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let reported = std::sync::Arc::clone(&rows);
    let set = |builder: MockBuilder| {
        builder.verdict(move |failure| {
            reported.lock().unwrap().push(failure.in_a_row);
            Verdict::Retry
        })
    };
    let script = move |_| {
        call += 1;
        match call {
            1..=3 => Script::refuse_connection(),
            4..=5 => Script::refuse_http(503, []),
            6..=7 => Script::accept().close_after(secs(100), 1001, ""),
            8 => Script::refuse_http(404, []),
            _ => Script::hang(),
        }
    };
    let mut session = Session::new(script, set);
    session.run_to(250_000);
    assert_eq!(rows.lock().unwrap()[..9], [1, 2, 3, 1, 2, 1, 2, 1, 1]);
}
