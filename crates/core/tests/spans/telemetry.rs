//! The spans and events of a session.

use std::future::{Future, poll_fn};

use tracing::{info, info_span};
use websocket_heartbeat::{
    Attempts, Event, Heartbeat, Message, Supervisor, Transport, transport_fn,
};
use websocket_heartbeat_mock::{Script, mock};

use crate::{
    harness::{Fixture, MockBuilder, ms, secs},
    subscriber::Lines,
};

const SECRET: &str = "hush";

/// Reads a session until this time, and returns the lines. The session is dropped then.
fn lines_of(
    script: impl FnMut(u64) -> Script + Send + 'static,
    set: impl FnOnce(MockBuilder) -> MockBuilder,
    until: u64,
) -> Lines {
    let (mut fixture, builder) = Fixture::new(script);
    let lines = Lines::new(&fixture.clock);
    lines.record(|| {
        fixture.read(set(builder).build().unwrap());
        fixture.runner.run_for(ms(until));
        drop(fixture);
    });
    lines
}

#[test]
fn each_connection_has_a_span_with_its_events() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::accept().latency(ms(5)).greet(SECRET).half_open_after(secs(20)),
        2 => Script::refuse_http(503, [("x-token", SECRET)]),
        3 => {
            let script = Script::accept().subprotocol(SECRET).header("x-token", SECRET);
            script.close_after(secs(1), 4000, SECRET)
        }
        _ => Script::accept(),
    });
    let lines = Lines::new(&fixture.clock);
    let log = lines.record(|| {
        let session = builder.name("prices").build().unwrap();
        let handle = session.handle();
        handle.replay("token", SECRET).unwrap();
        let log = fixture.read(session);
        fixture.runner.run_for(secs(45));
        handle.close();
        fixture.runner.run_for(secs(1));
        log
    });
    lines.assert(&[
        r#"0 ERROR span 1: connection session="prices" connection=1 attempt=0"#,
        "0 DEBUG [1] connecting",
        "0 INFO [1] open",
        "15005 TRACE [1] probe sent",
        "15015 TRACE [1] probe answered round_trip_us=10000",
        "30015 TRACE [1] probe sent",
        "40015 WARN [1] lost cause=\"heartbeat_timeout\" opened=true unsent=0 unproven=0 unknown=0",
        "40015 end of span 1",
        r#"40015 INFO retry session="prices" attempt=1 delay_ms=1000 cause="heartbeat_timeout""#,
        r#"41015 ERROR span 2: connection session="prices" connection=2 attempt=1"#,
        "41015 DEBUG [2] connecting",
        "41015 WARN [2] lost cause=\"connect\" opened=false unsent=0 unproven=0 unknown=0",
        "41015 end of span 2",
        r#"41015 INFO retry session="prices" attempt=2 delay_ms=1000 cause="connect""#,
        r#"42015 ERROR span 3: connection session="prices" connection=3 attempt=2"#,
        "42015 DEBUG [3] connecting",
        "42015 INFO [3] open outage_ms=2000",
        "43015 WARN [3] lost cause=\"closed_by_peer\" opened=true unsent=0 unproven=1 unknown=0",
        "43015 end of span 3",
        r#"43015 INFO retry session="prices" attempt=3 delay_ms=1000 cause="closed_by_peer""#,
        r#"44015 ERROR span 4: connection session="prices" connection=4 attempt=3"#,
        "44015 DEBUG [4] connecting",
        "44015 INFO [4] open outage_ms=1000",
        r#"45000 INFO [4] closed session="prices" reason="user" unsent=0 unproven=0 unknown=0"#,
        "45000 end of span 4",
    ]);
    let in_words = log.events().into_iter().filter_map(|event| match event {
        Event::Lost(lost) => Some(lost.cause.to_string()),
        Event::Closed(closed) => Some(closed.reason.to_string()),
        _ => None,
    });
    assert_eq!(lines.details(), in_words.collect::<Vec<_>>());
    let all = [lines.lines(), lines.details()].concat().join("\n");
    assert!(!all.contains(SECRET), "{all}");
}

#[test]
fn an_end_by_the_application_is_no_warning() {
    let lines = lines_of(
        |_| Script::accept(),
        |builder| builder.stable_after(secs(0)).max_age(secs(10)),
        12_000,
    )
    .lines();
    assert!(lines.iter().any(|line| line.contains(r#"INFO [1] lost cause="max_age""#)));
    assert!(!lines.iter().any(|line| line.contains("WARN")), "{lines:#?}");
    // The drop of the supervisor makes no event for the application.
    let end = [r#"12000 INFO [2] closed reason="dropped""#, "12000 end of span 2"];
    assert!(lines.iter().rev().take(2).rev().eq(end.iter()), "{lines:#?}");
}

#[test]
fn a_session_that_gives_up_logs_an_error() {
    let attempts = |builder: MockBuilder| builder.attempts(Attempts::Never);
    lines_of(|_| Script::hang(), attempts, 20_000).assert(&[
        "0 ERROR span 1: connection connection=1 attempt=0",
        "0 DEBUG [1] connecting",
        "10000 WARN [1] lost cause=\"connect_timeout\" opened=false unsent=0 unproven=0 unknown=0",
        "10000 end of span 1",
        "10000 ERROR closed reason=\"attempts_exhausted\" unsent=0 unproven=0 unknown=0",
    ]);
}

#[test]
fn doubts_about_a_connection_are_events_of_its_span() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let lines = Lines::new(&fixture.clock);
    lines.record(|| {
        let session = builder.heartbeat(Heartbeat::off()).build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        fixture.runner.settle();
        fixture.remote.last_peer().unwrap().stall_writes();
        handle.try_queue("x").unwrap();
        fixture.runner.run_for(secs(61));
        handle.abort();
        fixture.runner.settle();
    });
    assert_eq!(lines.lines()[3], "60000 WARN [1] write blocked time_ms=60000 heard=false");
}

#[test]
fn messages_cause_no_reports() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().echo());
    let lines = Lines::new(&fixture.clock);
    lines.record(|| {
        let session = builder.build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        fixture.runner.settle();
        let before = (lines.lines(), lines.entries());
        for _ in 0..100 {
            handle.try_queue(Message::text("x")).unwrap();
            fixture.runner.run_for(ms(1));
        }
        assert_eq!(handle.status().counters.messages_in, 100);
        assert_eq!((lines.lines(), lines.entries()), before);
        handle.abort();
        fixture.runner.settle();
    });
}

#[test]
fn a_span_is_in_that_of_the_task_and_holds_the_attempt() {
    let (mut fixture, _) = Fixture::manual();
    let (clock, lines) = (fixture.clock.clone(), Lines::new(&fixture.clock));
    let (mut mock, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let transport = transport_fn(move |attempt| {
        let connect = mock.connect(attempt);
        async move {
            info!(target: "websocket_heartbeat", "resolving");
            connect.await
        }
    });
    lines.record(|| {
        let task = info_span!(target: "websocket_heartbeat", "task");
        let session = Supervisor::builder(transport, clock.timer()).build().unwrap();
        let (driver, _inbox) = session.into_driver(10).unwrap();
        let mut driver = Box::pin(driver);
        let driven = poll_fn(move |cx| task.in_scope(|| driver.as_mut().poll(cx)));
        fixture.runner.spawn(driven).detach();
        fixture.runner.settle();
    });
    let lines = lines.lines();
    assert_eq!(
        lines[..4],
        [
            "0 INFO span 1: task",
            "0 ERROR span 2 in 1: connection connection=1 attempt=0",
            "0 DEBUG [2] connecting",
            "0 INFO [2] resolving",
        ]
    );
}

#[test]
fn a_panic_of_the_subscriber_does_not_end_a_session() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let lines = Lines::panicking(&fixture.clock);
    lines.record(|| {
        let session = builder.build().unwrap();
        let handle = session.handle();
        let log = fixture.read(session);
        fixture.runner.run_for(secs(20));
        handle.close();
        fixture.runner.run_for(secs(1));
        log.assert(&[(0, "connecting 1 attempt 0"), (0, "open 1"), (20_000, "closed user")]);
    });
    assert!(lines.lines().contains(&"20000 end of span 1".to_owned()), "{:#?}", lines.lines());
}
