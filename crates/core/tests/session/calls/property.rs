//! Random servers, losses, timeouts and dropped callers check all promises of the layer.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{Arc, Mutex},
};

use futures::future::{Either, select};
use proptest::prelude::*;
use websocket_heartbeat::{
    Constant, ErrorKind, Heartbeat, Offline, OutboxSettings, Supervisor, Timer, TransportError,
};
use websocket_heartbeat_mock::{Clock, Remote, Script, mock};

use super::fixture::{CallFixture, now, settings};
use crate::harness::{MockSupervisor, ms, secs};

/// A server's behaviour for one dial. Times are in milliseconds.
#[derive(Clone, Debug)]
struct Dial {
    refuses: bool,
    latency: u64,
    end: End,
    life: u64,
    /// The server leaves one of this many requests unanswered. 0 means none.
    forgets: u64,
    /// It answers twice, the second time with the next answer.
    repeats: bool,
    /// The number of bytes after which writes stall. 0 means no limit.
    quota: u64,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Stream,
    Reset,
    Close,
    Cable,
    Stall,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    /// The delay before it.
    delay: u64,
    timeout: u64,
    idempotent: bool,
    /// When its caller loses interest.
    dropped: Option<u64>,
}

#[derive(Clone, Debug)]
struct Case {
    dials: Vec<Dial>,
    callers: Vec<Vec<Request>>,
    limit: usize,
    inbox: Option<usize>,
    offline: Offline,
    close: Option<u64>,
}

fn dial() -> impl Strategy<Value = Dial> {
    let end = prop_oneof![
        3 => Just(End::Stream),
        1 => Just(End::Reset),
        1 => Just(End::Close),
        1 => Just(End::Cable),
        1 => Just(End::Stall),
    ];
    let quota = prop_oneof![2 => Just(0), 1 => 1..200_u64];
    let parts =
        (prop::bool::weighted(0.2), 0..400_u64, end, 1..8_000_u64, 0..4_u64, any::<bool>(), quota);
    parts.prop_map(|(refuses, latency, end, life, forgets, repeats, quota)| Dial {
        refuses,
        latency,
        end,
        life,
        forgets,
        repeats,
        quota,
    })
}

fn request() -> impl Strategy<Value = Request> {
    let delay = prop_oneof![Just(0), 0..1_500_u64];
    let dropped = prop::option::weighted(0.2, 0..4_000_u64);
    (delay, 1..20_000_u64, any::<bool>(), dropped).prop_map(
        |(delay, timeout, idempotent, dropped)| Request { delay, timeout, idempotent, dropped },
    )
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(dial(), 0..8),
        prop::collection::vec(prop::collection::vec(request(), 0..12), 1..5),
        1..6_usize,
        prop::option::of(1..10_usize),
        prop_oneof![Just(Offline::Keep), Just(Offline::Refuse)],
        prop::option::weighted(0.3, 0..40_000_u64),
    )
        .prop_map(|(dials, callers, limit, inbox, offline, close)| Case {
            dials,
            callers,
            limit,
            inbox,
            offline,
            close,
        })
}

/// The requests that the server received, by their texts: the connections of each.
type Seen = Arc<Mutex<BTreeMap<String, Vec<u64>>>>;

fn script(number: u64, dial: &Dial, seen: &Seen) -> Script {
    if dial.refuses {
        return Script::refuse_connection();
    }
    let (seen, forgets, repeats) = (Arc::clone(seen), dial.forgets, dial.repeats);
    let (mut count, mut last) = (0, None);
    let script = Script::accept().latency(ms(dial.latency)).reply_with(move |message| {
        let text = message.as_text()?;
        let request = text.split_once(' ')?.1.to_owned();
        seen.lock().unwrap().entry(request).or_default().push(number);
        count += 1;
        if forgets > 0 && count % (forgets + 1) == 0 {
            return last.clone().filter(|_| repeats);
        }
        last = Some(format!("answer {text}").into());
        last.clone()
    });
    let life = ms(dial.life);
    match dial.end {
        End::Stream => script.end_after(life),
        End::Reset => script.fail_after(life, TransportError::new(ErrorKind::Reset, "reset")),
        End::Close => script.close_after(life, 1012, "restart"),
        End::Cable => script.half_open_after(life),
        End::Stall => script.stall_writes_after(life),
    }
}

fn session_of(case: &Case, clock: &Clock, seen: &Seen) -> (MockSupervisor, Remote) {
    let (transport, remote) = mock(clock);
    let (dials, seen) = (case.dials.clone(), Arc::clone(seen));
    remote.script(move |number| {
        let calm = Dial {
            refuses: false,
            latency: 10,
            end: End::Stream,
            life: 10_000_000,
            forgets: 0,
            repeats: false,
            quota: 0,
        };
        script(number, dials.get(number as usize - 1).unwrap_or(&calm), &seen)
    });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(secs(3)).timeout(secs(2)).ping())
        .backoff(Constant::new(secs(1)))
        .outbox(OutboxSettings::new().offline(case.offline))
        .build()
        .unwrap();
    (supervisor, remote)
}

/// The end of one call: when it began, when it ended, and how.
struct Ended {
    name: String,
    request: Request,
    began: u64,
    ended: u64,
    outcome: Option<super::fixture::Outcome>,
}

fn holds(case: &Case) -> Result<(), TestCaseError> {
    let clock = Clock::new();
    let seen = Seen::default();
    let (supervisor, remote) = session_of(case, &clock, &seen);
    let handle = supervisor.handle();
    let calls = settings().limit(case.limit);
    let mut fixture = match case.inbox {
        None => CallFixture::over(supervisor, handle, clock.clone(), remote, calls),
        Some(limit) => {
            let (driver, inbox) = supervisor.into_driver(limit).unwrap();
            let mut fixture = CallFixture::over(inbox, handle, clock.clone(), remote, calls);
            fixture.runner.spawn(driver).detach();
            fixture
        }
    };
    cut_writes(&mut fixture, case);
    let ends = Rc::new(RefCell::new(Vec::new()));
    for (index, requests) in case.callers.iter().enumerate() {
        let (requests, caller, clock) = (requests.clone(), fixture.caller.clone(), clock.clone());
        let (ends, spawner, limit) = (Rc::clone(&ends), fixture.runner.spawner(), case.limit);
        let work = async move {
            for (number, request) in requests.into_iter().enumerate() {
                let sleep =
                    |delay| clock.timer().sleep_until(clock.now().checked_add(ms(delay)).unwrap());
                sleep(request.delay).await;
                let name = format!("{index}.{number}");
                let call = caller.call(name.clone()).timeout(ms(request.timeout));
                let call = if request.idempotent { call.idempotent() } else { call };
                let dropped = sleep(request.dropped.unwrap_or(1 << 32));
                let (ends, clock, began) = (Rc::clone(&ends), clock.clone(), now(&clock));
                let (caller, name) = (caller.clone(), name.clone());
                let task = async move {
                    let outcome = match select(call, Box::pin(dropped)).await {
                        Either::Left((outcome, _)) => Some(outcome),
                        Either::Right(_) => None,
                    };
                    assert!(caller.waiting() <= limit, "the limit holds");
                    let ended = now(&clock);
                    ends.borrow_mut().push(Ended { name, request, began, ended, outcome });
                };
                spawner.spawn(task).detach();
            }
        };
        fixture.runner.spawn(work).detach();
    }
    fixture.run(case.close.unwrap_or(100_000));
    fixture.handle.close();
    fixture.run(60_000);
    let seen = seen.lock().unwrap();
    check(case, &ends.borrow(), &seen)?;
    prop_assert_eq!(fixture.caller.waiting(), 0, "nothing is left");
    Ok(())
}

fn check(
    case: &Case,
    ends: &[Ended],
    seen: &BTreeMap<String, Vec<u64>>,
) -> Result<(), TestCaseError> {
    let names: BTreeSet<_> = ends.iter().map(|end| &end.name).collect();
    prop_assert_eq!(names.len(), ends.len(), "each call has one end");
    if case.close.is_none() {
        let all: usize = case.callers.iter().map(Vec::len).sum();
        prop_assert_eq!(ends.len(), all, "each call has an end");
    }
    for Ended { name, request, began, ended, outcome } in ends {
        let arrivals = seen.get(name).map_or(&[][..], Vec::as_slice);
        prop_assert!(arrivals.len() <= 1 || request.idempotent, "{name} on {arrivals:?}");
        let distinct: BTreeSet<_> = arrivals.iter().collect();
        prop_assert_eq!(distinct.len(), arrivals.len(), "once on each connection");
        prop_assert!(ended - began <= request.timeout, "{} waits too long", name);
        match outcome {
            None => prop_assert!(request.dropped.is_some()),
            Some(Ok(result)) => {
                prop_assert_eq!(result, name, "the answer to another request");
                prop_assert!(!arrivals.is_empty());
            }
            Some(Err(error)) => {
                prop_assert_eq!(&error.request, name, "the request is returned");
                let (reason, fate) = (error.reason.name(), error.fate.name());
                prop_assert!(fate != "not_sent" || arrivals.is_empty(), "{name} was sent");
                match reason {
                    "full" => prop_assert_eq!((fate, began), ("not_sent", ended)),
                    "timeout" => prop_assert_eq!(ended - began, request.timeout),
                    "lost" => prop_assert!(!request.idempotent && fate != "not_sent"),
                    _ => prop_assert_eq!(reason, "session_ended"),
                }
            }
        }
    }
    Ok(())
}

/// Limits the bytes of those connections that have a quota.
fn cut_writes(fixture: &mut CallFixture, case: &Case) {
    let (remote, dials) = (fixture.remote.clone(), case.dials.clone());
    let cut = async move {
        loop {
            let peer = remote.next_peer().await;
            if let Some(dial) = dials.get(peer.number() as usize - 1)
                && dial.quota > 0
            {
                peer.write_quota(dial.quota);
            }
        }
    };
    fixture.runner.spawn(cut).detach();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn each_call_ends_once_in_time_and_its_fate_is_true(case in case()) {
        holds(&case)?;
    }
}
