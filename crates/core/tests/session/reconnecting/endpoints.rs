//! Several endpoints of one session.

use std::{cell::RefCell, rc::Rc};

use futures::future::{Either, select};
use websocket_heartbeat::{
    Attempt, Builder, Endpoints, Event, Handle, Heartbeat, Supervisor, Timer, Timestamp, Transport,
    backend::Predecessor, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockTimer, MockTransport, Runner, Script, mock};

use crate::harness::secs;

type MockBuilder = Builder<Endpoints<MockTransport>, MockTimer>;

#[test]
fn attempts_use_the_endpoint_with_the_fewest_failures() {
    let clock = Clock::new();
    let (main, main_remote) = mock(&clock);
    let (spare, spare_remote) = mock(&clock);
    main_remote.script(|dial| match dial {
        // The endpoint is available, then unavailable for four attempts, then available again.
        1 => Script::accept().end_after(secs(10)),
        2..=5 => Script::refuse_connection(),
        _ => Script::accept(),
    });
    spare_remote.script(|dial| match dial {
        1 => Script::refuse_connection(),
        2 => Script::accept().end_after(secs(1)),
        _ => Script::accept().end_after(secs(100)),
    });
    let transport = Endpoints::new([main, spare]).unwrap();
    let mut supervisor =
        Supervisor::builder(transport, clock.timer()).stable_after(secs(5)).build().unwrap();
    let mut used = Vec::new();
    Runner::new(&clock).run_until(async {
        while let Some(event) = supervisor.next().await {
            if let Event::Connecting(_) = event {
                used.push(supervisor.transport().current().unwrap());
            }
            if used.len() == 8 {
                break;
            }
        }
    });
    // Endpoint 0 is stable at first. Then 0 fails (1:0), 1 fails (1:1), 0 fails (2:1), 1 opens and
    // soon ends (2:2), 0 fails (3:2), and 1 is stable (1:0) and remains the best.
    assert_eq!(used, [0, 0, 1, 0, 1, 0, 1, 1]);
    assert_eq!(supervisor.transport().failures().collect::<Vec<_>>(), [1, 0]);
}

/// Runs a session over two endpoints for a minute, with a command for each event. Returns the used
/// endpoints.
fn used(
    main: fn(u64) -> Script,
    set: fn(MockBuilder) -> MockBuilder,
    mut command: impl FnMut(&Handle, &Event),
) -> (Vec<usize>, Vec<u32>) {
    let clock = Clock::new();
    let (transports, remotes): (Vec<_>, Vec<_>) = (0..2).map(|_| mock(&clock)).unzip();
    remotes[0].script(main);
    remotes[1].script(|_| Script::accept());
    let builder = Supervisor::builder(Endpoints::new(transports).unwrap(), clock.timer());
    let builder = builder.stable_after(secs(5)).heartbeat(Heartbeat::off());
    let mut supervisor = set(builder).build().unwrap();
    let handle = supervisor.handle();
    let mut used = Vec::new();
    let mut runner = Runner::new(&clock);
    runner.run_until(async {
        let mut end = Box::pin(clock.timer().sleep_until(Timestamp::from_epoch(secs(60))));
        while let Either::Left((Some(event), _)) = select(supervisor.next(), &mut end).await {
            if let Event::Connecting(_) = event {
                used.push(supervisor.transport().current().unwrap());
            }
            command(&handle, &event);
        }
    });
    (used, supervisor.transport().failures().collect())
}

fn as_it_is(builder: MockBuilder) -> MockBuilder {
    builder
}

#[test]
fn a_dead_first_endpoint_costs_one_attempt() {
    let (used, failures) = used(|_| Script::refuse_connection(), as_it_is, |_, _| {});
    assert_eq!((used, failures), (vec![0, 1], vec![1, 0]));
}

#[test]
fn a_replacement_that_fails_counts_against_its_endpoint() {
    let refuses = |dial| if dial == 1 { Script::accept() } else { Script::refuse_connection() };
    // The connection is replaced before it is stable, or at its age limit.
    let replace = |handle: &Handle, event: &Event| {
        if matches!(event, Event::Open(open) if open.connection == 1) {
            handle.reconnect_now();
        }
    };
    assert_eq!(used(refuses, as_it_is, replace).0, [0, 0, 1]);
    let old = |builder: MockBuilder| builder.max_age(secs(50));
    assert_eq!(used(refuses, old, |_, _| {}).0, [0, 0, 1]);
    // An endpoint that hangs also counts.
    let hangs = |dial| if dial == 1 { Script::accept() } else { Script::hang() };
    assert_eq!(used(hangs, as_it_is, replace).0, [0, 0, 1]);
}

#[test]
fn an_attempt_given_up_by_the_user_does_not_count() {
    // A connection is replaced repeatedly before it is stable.
    let (first, failures) = used(
        |_| Script::accept(),
        as_it_is,
        |handle, event| {
            if matches!(event, Event::Open(open) if open.connection < 4) {
                handle.reconnect_now();
            }
        },
    );
    assert_eq!((first, failures), (vec![0, 0, 0, 0], vec![0, 0]));
    // A pause ends an attempt.
    let (second, failures) = used(
        |dial| if dial == 1 { Script::hang() } else { Script::accept() },
        as_it_is,
        |handle, event| match event {
            Event::Connecting(connecting) if connecting.connection == 1 => handle.pause(),
            Event::Lost(_) => handle.resume(),
            _ => {}
        },
    );
    assert_eq!((second, failures), (vec![0, 0], vec![0, 0]));
}

#[test]
fn a_connection_at_its_age_limit_reduces_endpoint_failures() {
    // The first endpoint is unavailable once, so the other endpoint is used. Its connection reaches
    // the age limit, and the failures are halved.
    let main = |dial| if dial == 1 { Script::refuse_connection() } else { Script::accept() };
    let (used, failures) = used(main, |builder| builder.max_age(secs(25)), |_, _| {});
    assert_eq!(used, [0, 1, 0, 0]);
    assert_eq!(failures, [0, 0]);
}

/// The three facts that an attempt carries for its transport.
#[test]
fn an_attempt_knows_its_predecessor() {
    let clock = Clock::new();
    let (mut inner, remote) = mock(&clock);
    remote.script(|dial| match dial {
        1 => Script::hang(),
        2 => Script::refuse_connection(),
        3 => Script::accept().end_after(secs(1)),
        4 => Script::accept().end_after(secs(10)),
        6 => Script::hang(),
        _ => Script::accept(),
    });
    let reported = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&reported);
    let transport = transport_fn(move |attempt: Attempt| {
        heard.borrow_mut().push(attempt.follows);
        inner.connect(attempt)
    });
    let mut supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::off())
        .stable_after(secs(5))
        .max_age(secs(100))
        .build()
        .unwrap();
    let handle = supervisor.handle();
    Runner::new(&clock).run_until(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Open(open) if open.connection == 5 => handle.reconnect_now(),
                Event::Connecting(connecting) if connecting.connection == 6 => handle.pause(),
                Event::Lost(lost) if lost.connection == 6 => handle.resume(),
                Event::Connecting(connecting) if connecting.connection == 8 => break,
                _ => {}
            }
        }
    });
    assert_eq!(
        *reported.borrow(),
        [
            Predecessor::None,
            Predecessor::Failed,
            Predecessor::Failed,
            Predecessor::Lost { stable: false },
            Predecessor::Lost { stable: true },
            Predecessor::Replaced { stable: false },
            Predecessor::GivenUp,
            Predecessor::Replaced { stable: true },
        ]
    );
}

#[test]
fn an_empty_list_of_endpoints_is_refused() {
    let none: [MockTransport; 0] = [];
    assert_eq!(Endpoints::new(none).unwrap_err().setting(), "endpoints");
}
