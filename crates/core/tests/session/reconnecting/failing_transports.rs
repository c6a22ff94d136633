//! Transports whose attempts fail, hang, panic or are slow. Each attempt makes one call, a failure
//! is a failed attempt, and the next attempt follows.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::Poll,
};

use futures::future::{pending, poll_fn};
use websocket_heartbeat::{
    Attempt, Attempts, Constant, ErrorKind, Established, Event, Heartbeat, Preset, Supervisor,
    Transport, TransportError, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockConnection, MockTransport, Remote, Script, mock};

use crate::harness::{Fixture, WakeCounter, secs, sleep, words};

type Connect = Pin<Box<dyn Future<Output = Result<Established<MockConnection>, TransportError>>>>;

/// Runs a session for two minutes. `behave` makes each attempt from the number of the call.
fn run(
    script: fn(u64) -> Script,
    behave: impl Fn(u64, &mut MockTransport, Attempt, &Clock) -> Connect + 'static,
) -> (Vec<Event>, Remote, Vec<Attempt>) {
    let (mut fixture, _) = Fixture::manual();
    let (mut inner, remote) = mock(&fixture.clock);
    remote.script(script);
    let calls: Arc<Mutex<Vec<Attempt>>> = Arc::default();
    let (called, clock) = (Arc::clone(&calls), fixture.clock.clone());
    let transport = transport_fn(move |attempt: Attempt| {
        let number = {
            let mut called = called.lock().unwrap();
            called.push(attempt.clone());
            called.len() as u64
        };
        behave(number, &mut inner, attempt, &clock)
    });
    let session = Supervisor::builder(transport, fixture.clock.timer())
        .preset(Preset::Original)
        .heartbeat(Heartbeat::idle(secs(15)).ping())
        .connect_timeout(secs(10))
        .backoff(Constant::new(secs(2)))
        .build()
        .unwrap();
    let log = fixture.read(session);
    fixture.runner.run_for(secs(120));
    let calls = calls.lock().unwrap().clone();
    (log.events(), remote, calls)
}

fn good(_: u64) -> Script {
    Script::accept()
}

/// Checks the events of a session whose first `failures` attempts fail with `cause`.
fn assert_recovers(events: &[Event], failures: u64, cause: &str) {
    let mut expected = Vec::new();
    for number in 1..=failures {
        expected.push(format!("connecting {number} attempt {}", number - 1));
        expected.push(format!("lost {number} {cause}"));
        expected.push(format!("retry {number} in 2s"));
    }
    expected.push(format!("connecting {} attempt {failures}", failures + 1));
    expected.push(format!("open {}", failures + 1));
    assert_eq!(words(events), expected);
}

#[test]
fn a_failing_provider_is_a_failed_attempt() {
    let (events, _, calls) = run(good, |call, inner, attempt, _| {
        if call > 3 {
            return Box::pin(inner.connect(attempt));
        }
        let error = TransportError::new(ErrorKind::Provider, "no token today");
        Box::pin(async { Err(error) })
    });
    assert_recovers(&events, 3, "connect");
    assert_eq!(calls.len(), 4);
    let kind = |attempt: &Attempt| {
        attempt.last.as_ref().and_then(|cause| cause.transport_error()).map(TransportError::kind)
    };
    let kinds: Vec<_> = calls.iter().map(kind).collect();
    let provider = Some(ErrorKind::Provider);
    assert_eq!(kinds, [None, provider, provider, provider], "each attempt has the last cause");
    let numbers: Vec<_> = calls.iter().map(|call| (call.connection, call.number)).collect();
    assert_eq!(numbers, [(1, 0), (2, 1), (3, 2), (4, 3)]);
}

#[test]
fn a_hanging_provider_is_given_up_at_the_deadline() {
    let (events, _, calls) = run(good, |call, inner, attempt, _| match call {
        1..=3 => Box::pin(pending()),
        _ => Box::pin(inner.connect(attempt)),
    });
    assert_recovers(&events, 3, "connect_timeout");
    let deadlines: Vec<_> = calls.iter().map(|call| call.deadline.unwrap().since_epoch()).collect();
    assert_eq!(deadlines, [secs(10), secs(22), secs(34), secs(46)]);
}

#[test]
fn a_provider_that_panics_at_its_call_is_a_failed_attempt() {
    let (events, _, calls) = run(good, |call, inner, attempt, _| {
        assert!(call > 3, "in connect()");
        Box::pin(inner.connect(attempt))
    });
    assert_recovers(&events, 3, "connect");
    assert_eq!(calls.len(), 4);
}

#[test]
fn a_provider_that_panics_in_a_poll_is_not_polled_again() {
    for late in [false, true] {
        let polls = Rc::new(Cell::new(0));
        let polled = Rc::clone(&polls);
        let (events, _, calls) = run(good, move |call, inner, attempt, clock| {
            if call > 3 {
                return Box::pin(inner.connect(attempt));
            }
            let (polled, timer) = (Rc::clone(&polled), clock.timer());
            let mut pause = Box::pin(async move { sleep(&timer, secs(1)).await });
            // Not an `async` block, since such a block panics by itself when it is polled again.
            Box::pin(poll_fn(move |cx| {
                if late && pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                polled.set(polled.get() + 1);
                panic!("in poll")
            }))
        });
        assert_recovers(&events, 3, "connect");
        assert_eq!((calls.len(), polls.get()), (4, 3));
    }
}

#[test]
fn a_slow_provider_has_until_the_deadline() {
    let (events, remote, calls) = run(good, |call, inner, attempt, clock| {
        let connect = inner.connect(attempt);
        let timer = clock.timer();
        // The second attempt finishes exactly at the deadline, which is in time.
        let slow = if call == 1 { secs(11) } else { secs(10) };
        Box::pin(async move {
            sleep(&timer, slow).await;
            connect.await
        })
    });
    assert_recovers(&events, 1, "connect_timeout");
    assert_eq!(calls.len(), 2);
    assert_eq!(remote.trace().times("dial"), [22_000]);
}

#[test]
fn a_providers_result_is_not_used_again_after_success() {
    let flapping = |_| Script::flap(secs(10));
    let (_, remote, calls) = run(flapping, |_, inner, attempt, _| Box::pin(inner.connect(attempt)));
    assert_eq!(remote.dials().len(), calls.len());
    let connections: Vec<_> = calls.iter().map(|call| call.connection).collect();
    assert_eq!(connections, (1..=calls.len() as u64).collect::<Vec<_>>());
    assert!(calls.len() >= 4);
}

#[test]
fn failures_up_to_the_limit_make_as_many_dials_and_one_end() {
    let limit = 5;
    for failures in 1..=limit + 1 {
        let (mut fixture, builder) = Fixture::new(move |dial| {
            let accept = dial > u64::from(failures);
            if accept { Script::accept() } else { Script::refuse_http(500 + dial as u16, []) }
        });
        let session = builder.attempts(Attempts::at_most(limit)).build().unwrap();
        let log = fixture.read(session);
        fixture.runner.run_for(secs(60));
        let events = log.events();
        let dials = u64::from(failures.min(limit)) + 1;
        assert_eq!(fixture.remote.dials().len() as u64, dials);
        let connecting = events.iter().filter(|event| matches!(event, Event::Connecting(_)));
        assert_eq!(connecting.count() as u64, dials);
        let ends: Vec<_> = events
            .iter()
            .filter_map(|event| if let Event::Closed(closed) = event { Some(closed) } else { None })
            .collect();
        if failures <= limit {
            assert!(ends.is_empty());
            continue;
        }
        let [end] = ends[..] else { panic!("{ends:?}") };
        let cause = end.reason.cause().and_then(|cause| cause.transport_error()).unwrap();
        assert_eq!((end.reason.name(), cause.http_status()), ("attempts_exhausted", Some(506)));
        assert!(matches!(events.last(), Some(Event::Closed(_))));
    }
}

#[test]
fn closing_drops_a_running_provider_at_once() {
    let (mut fixture, builder) = Fixture::new(|_| Script::hang());
    let session = builder.build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    fixture.runner.run_for(secs(3));
    handle.close();
    fixture.runner.run_for(secs(600));
    log.assert(&[(0, "connecting 1 attempt 0"), (3_000, "closed user")]);
    fixture.remote.trace().assert([(0, "#1 dial"), (3_000, "#1 abandoned")]);
}

/// The minimum gap and the shared budget are counted from the start of each attempt.
#[test]
fn an_attempt_starts_before_its_event_is_read() {
    let (fixture, builder) = Fixture::new(|_| Script::hang());
    let mut session = builder.build().unwrap();
    let first = WakeCounter::new().next(&mut session);
    assert!(matches!(first, Poll::Ready(Some(Event::Connecting(_)))), "{first:?}");
    assert_eq!(fixture.remote.dials().len(), 1);
}
