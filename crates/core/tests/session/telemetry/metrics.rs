//! The metrics of a session.

use ::metrics::with_local_recorder;
use websocket_heartbeat::{OutboxSettings, WhenFull};
use websocket_heartbeat_mock::Script;

use super::recorder::Values;
use crate::harness::{Fixture, ms, secs};

#[test]
fn metrics_follow_a_session() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::accept().latency(ms(5)).greet("hello").half_open_after(secs(20)),
        2 => Script::refuse_http(503, []),
        _ => Script::accept().close_after(secs(10), 4000, "hush"),
    });
    let values = Values::default();
    with_local_recorder(&values, || {
        let session = builder.name("prices").build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        fixture.runner.run_for(secs(18));
        handle.try_queue("12345").unwrap();
        fixture.runner.run_for(secs(6));
        // The connection is dead, and this message is written in vain.
        handle.try_queue("lost").unwrap();
        fixture.runner.run_for(ms(16_500));
        // Waits for the next connection.
        handle.try_queue("waits").unwrap();
        fixture.runner.settle();
        values.assert(&[
            r#"wsbeat_bytes_total{session="prices",direction="in"} 5"#,
            r#"wsbeat_bytes_total{session="prices",direction="out"} 9"#,
            r#"wsbeat_dials_total{session="prices"} 1"#,
            r#"wsbeat_losses_total{session="prices",cause="heartbeat_timeout"} 1"#,
            r#"wsbeat_messages_total{session="prices",direction="in"} 1"#,
            r#"wsbeat_messages_total{session="prices",direction="out"} 2"#,
            r#"wsbeat_opens_total{session="prices"} 1"#,
            r#"wsbeat_outbox_bytes{session="prices"} 5"#,
            r#"wsbeat_outbox_messages{session="prices"} 1"#,
            r#"wsbeat_probes_answered_total{session="prices"} 1"#,
            r#"wsbeat_probes_total{session="prices"} 2"#,
            r#"wsbeat_round_trip_seconds{session="prices"} [0.01]"#,
            r#"wsbeat_sessions{session="prices",phase="waiting"} 1"#,
            r#"wsbeat_unproven_messages_total{session="prices"} 2"#,
        ]);
        fixture.runner.run_for(secs(6));
        let lines = values.lines();
        for line in [
            r#"wsbeat_dials_total{session="prices"} 3"#,
            r#"wsbeat_losses_total{session="prices",cause="connect"} 1"#,
            r#"wsbeat_messages_total{session="prices",direction="out"} 3"#,
            r#"wsbeat_opens_total{session="prices"} 2"#,
            r#"wsbeat_outage_seconds{session="prices"} [2.0]"#,
            r#"wsbeat_sessions{session="prices",phase="open"} 1"#,
        ] {
            assert!(lines.contains(&line.to_owned()), "no {line}: {lines:#?}");
        }
        assert!(!lines.iter().any(|line| line.contains("outbox")), "{lines:#?}");
        drop(fixture);
        // The session no longer exists, and its counters keep their values.
        let kept: Vec<_> =
            lines.into_iter().filter(|line| !line.contains("wsbeat_sessions")).collect();
        assert_eq!(values.lines(), kept);
    });
}

#[test]
fn the_levels_of_the_outbox_rise_and_fall() {
    let (mut fixture, builder) = Fixture::new(|_| Script::refuse_http(503, []));
    let values = Values::default();
    with_local_recorder(&values, || {
        let outbox = OutboxSettings::new().bytes(8).when_full(WhenFull::DropOldest);
        let session = builder.outbox(outbox).build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        let mut levels = |text: &str| {
            handle.try_queue(text).unwrap();
            fixture.runner.settle();
            let mut lines = values.lines();
            lines.retain(|line| line.contains("outbox"));
            lines
        };
        for (text, bytes, messages) in
            [("12345", 5, 1), ("123", 8, 2), ("1", 4, 2), ("1234567", 8, 2)]
        {
            let expected = [
                format!("wsbeat_outbox_bytes {bytes}"),
                format!("wsbeat_outbox_messages {messages}"),
            ];
            assert_eq!(levels(text), expected, "after {text:?}");
        }
        let expected = ["wsbeat_outbox_bytes 8", "wsbeat_outbox_messages 1"];
        assert_eq!(levels("12345678"), expected);
    });
}

#[test]
fn messages_without_proof_at_the_end_of_the_session_are_counted() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().half_open_after(secs(1)));
    let values = Values::default();
    with_local_recorder(&values, || {
        let session = builder.build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        fixture.runner.run_for(secs(5));
        handle.try_queue("lost").unwrap();
        fixture.runner.settle();
        handle.close();
        fixture.runner.run_for(secs(60));
    });
    let lines = values.lines();
    assert!(lines.contains(&"wsbeat_unproven_messages_total 1".to_owned()), "{lines:#?}");
}

#[test]
fn a_session_without_unproven_messages_has_no_counter_for_them() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().end_after(secs(1)));
    let values = Values::default();
    with_local_recorder(&values, || {
        let session = builder.build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        fixture.runner.run_for(secs(5));
        handle.close();
        fixture.runner.run_for(secs(60));
    });
    let (names, _) = values.names();
    assert!(names.contains("wsbeat_losses_total"), "{names:?}");
    assert!(!names.contains("wsbeat_unproven_messages_total"), "{names:?}");
}

#[test]
fn sessions_with_the_same_labels_are_added() {
    let values = Values::default();
    with_local_recorder(&values, || {
        let sessions: Vec<_> = (1..=3)
            .map(|bytes| {
                let (mut fixture, builder) = Fixture::new(|_| Script::accept());
                let session = builder.build().unwrap();
                session.handle().try_queue("x".repeat(bytes)).unwrap();
                fixture.read(session);
                fixture.runner.settle();
                fixture
            })
            .collect();
        values.assert(&[
            "wsbeat_bytes_total{direction=\"out\"} 6",
            "wsbeat_dials_total 3",
            "wsbeat_messages_total{direction=\"out\"} 3",
            "wsbeat_opens_total 3",
            "wsbeat_sessions{phase=\"open\"} 3",
        ]);
        drop(sessions);
        assert!(!values.lines().iter().any(|line| line.contains("sessions")));
    });
}

#[test]
fn every_metric_has_a_description() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().end_after(secs(1)));
    let values = Values::default();
    with_local_recorder(&values, || {
        let session = builder.build().unwrap();
        session.handle().try_queue("x").unwrap();
        fixture.read(session);
        fixture.runner.run_for(secs(5));
    });
    let (names, described) = values.names();
    assert_eq!(names, described);
    assert_eq!(names.len(), 14);
}
