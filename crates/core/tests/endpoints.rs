//! Several servers for one session.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::{
    StreamExt,
    future::{Either, select},
};
use websocket_heartbeat::{
    Attempt, Builder, Endpoints, Event, Handle, Heartbeat, Supervisor, Timer, Timestamp, Transport,
    backend::Predecessor, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockTimer, MockTransport, Runner, Script, mock};

type MockBuilder = Builder<Endpoints<MockTransport>, MockTimer>;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn attempts_go_to_the_endpoint_with_the_fewest_failures_the_first_among_equals() {
    let clock = Clock::new();
    let (main, main_remote) = mock(&clock);
    let (spare, spare_remote) = mock(&clock);
    main_remote.script(|dial| match dial {
        // Up, down for four attempts, up again.
        1 => Script::accept().end_after(SECOND * 10),
        2..=5 => Script::refuse_connection(),
        _ => Script::accept(),
    });
    spare_remote.script(|dial| match dial {
        1 => Script::refuse_connection(),
        2 => Script::accept().end_after(SECOND),
        _ => Script::accept().end_after(SECOND * 100),
    });
    let transport = Endpoints::new([main, spare]).unwrap();
    let mut supervisor =
        Supervisor::builder(transport, clock.timer()).stable_after(SECOND * 5).build().unwrap();
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
    // 0: the first choice, stable. 0 fails (1:0), 1 fails (1:1), 0 fails (2:1), 1 opens and dies
    // young (2:2), 0 fails (3:2), 1 is stable (1:0), so it is the best one still.
    assert_eq!(used, [0, 0, 1, 0, 1, 0, 1, 1]);
    assert_eq!(supervisor.transport().failures().collect::<Vec<_>>(), [1, 0]);
}

/// Runs a session over two endpoints for a minute, whose commands are given by the event, and says
/// which endpoints were used.
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
    let builder = builder.stable_after(SECOND * 5).heartbeat(Heartbeat::off());
    let mut supervisor = set(builder).build().unwrap();
    let handle = supervisor.handle();
    let mut used = Vec::new();
    let mut runner = Runner::new(&clock);
    runner.run_until(async {
        let mut end = Box::pin(clock.timer().sleep_until(Timestamp::from_epoch(SECOND * 60)));
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
    // Before it was stable, and for its age.
    let replace = |handle: &Handle, event: &Event| {
        if matches!(event, Event::Open(open) if open.connection == 1) {
            handle.reconnect_now();
        }
    };
    assert_eq!(used(refuses, as_it_is, replace).0, [0, 0, 1]);
    let old = |builder: MockBuilder| builder.max_age(SECOND * 50);
    assert_eq!(used(refuses, old, |_, _| {}).0, [0, 0, 1]);
    // One that hangs, too.
    let hangs = |dial| if dial == 1 { Script::accept() } else { Script::hang() };
    assert_eq!(used(hangs, as_it_is, replace).0, [0, 0, 1]);
}

#[test]
fn what_the_user_gives_up_counts_for_nothing() {
    // A connection that is replaced before it is stable, again and again.
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
    // An attempt that is given up for a pause.
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
fn a_connection_that_reaches_its_age_clears_the_failures_of_its_endpoint() {
    // Down once, so the other is used; it reaches its age, and the failures are halved.
    let main = |dial| if dial == 1 { Script::refuse_connection() } else { Script::accept() };
    let (used, failures) = used(main, |builder| builder.max_age(SECOND * 25), |_, _| {});
    assert_eq!(used, [0, 1, 0, 0]);
    assert_eq!(failures, [0, 0]);
}

/// The three facts that a transport is told.
#[test]
fn an_attempt_is_told_what_came_before_it() {
    let clock = Clock::new();
    let (mut inner, remote) = mock(&clock);
    remote.script(|dial| match dial {
        1 => Script::hang(),
        2 => Script::refuse_connection(),
        3 => Script::accept().end_after(SECOND),
        4 => Script::accept().end_after(SECOND * 10),
        6 => Script::hang(),
        _ => Script::accept(),
    });
    let told = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&told);
    let transport = transport_fn(move |attempt: Attempt| {
        heard.borrow_mut().push(attempt.follows);
        inner.connect(attempt)
    });
    let mut supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::off())
        .stable_after(SECOND * 5)
        .max_age(SECOND * 100)
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
        *told.borrow(),
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
fn no_endpoint_at_all_is_refused() {
    let none: [MockTransport; 0] = [];
    assert_eq!(Endpoints::new(none).unwrap_err().setting(), "endpoints");
}
