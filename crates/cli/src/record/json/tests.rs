//! Tests of the JSON records and of their documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use websocket_heartbeat_mock::Script;
use websocket_heartbeat_smol::{
    CloseFrame, DropReason, Event, Fate, LostCause, Message, Phase, Status,
};

use super::*;
use crate::{
    record::{
        StatusRecord, UnsentSum,
        tests::{all_events, events},
    },
    session::AnsweredHeartbeat,
};

/// The time of every record of these tests.
const TIME: &str = "2026-01-31T12:00:00.123Z";

fn written(record: &Record<'_>) -> (String, Value) {
    let now = Timestamp::from_epoch(Duration::from_micros(1_234_567));
    let bytes = line(now, Utc::from_millis(1_769_860_800_123), record);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text}");
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

#[test]
fn the_times_and_the_event_are_first() {
    let events = all_events();
    let (text, _) = written(&Record::Event(&events[0]));
    let expected = r#"{"t_ms":1235,"time":"2026-01-31T12:00:00.123Z","event":"connecting","#;
    assert_eq!(text, format!("{expected}\"connection\":1,\"attempt\":0}}\n"));
}

#[test]
fn messages_are_text_or_base64() {
    let text = Message::text("two\nlines \u{1b} \"quoted\"");
    let (_, value) = written(&Record::message(3, &text));
    assert_eq!(
        value,
        json!({"t_ms": 1235, "time": TIME, "event": "message", "connection": 3,
               "text": "two\nlines \u{1b} \"quoted\""})
    );
    let (_, value) = written(&Record::message(3, &Message::binary(&[0_u8, 255][..])));
    assert_eq!(value["base64"], "AP8=");
    assert_eq!(value.get("text"), None);
}

#[test]
fn control_characters_are_escaped_and_parse_to_themselves() {
    let evil = "a b\u{1b}[2J\u{9b}2J\u{7f}\u{202e}é\u{2028}\u{2066}\"🦀\\\u{0}";
    let (text, value) = written(&Record::message(3, &Message::text(evil)));
    assert_eq!(value["text"], evil);
    let line = text.trim_end();
    assert!(matches!(printable(line), Cow::Borrowed(_)), "{line}");
    assert!(line.contains(r"\u009b2J\u007f\u202eé\u2028\u2066"), "{line}");
}

#[test]
fn round_trips_have_fractions_of_a_millisecond() {
    let round_trip = Some(Duration::from_nanos(214_499));
    let (_, value) = written(&Record::heartbeat(&AnsweredHeartbeat { connection: 2, round_trip }));
    assert_eq!(
        value,
        json!({"t_ms": 1235, "time": TIME, "event": "heartbeat", "connection": 2, "rtt_ms": 0.214})
    );
}

#[test]
fn an_unsent_record_has_the_fate_and_the_reason() {
    let message = Message::text("x");
    let unknown = Fate::Unknown { connection: 4, message: Some(message.clone()) };
    let (_, value) = written(&Record::unsent(&unknown).unwrap());
    assert_eq!(
        value,
        json!({"t_ms": 1235, "time": TIME, "event": "unsent", "fate": "unknown", "connection": 4,
               "reason": "connection_ended", "text": "x"})
    );
    let dropped = Fate::Dropped { reason: DropReason::Expired, message };
    let (_, value) = written(&Record::unsent(&dropped).unwrap());
    assert_eq!(
        value,
        json!({"t_ms": 1235, "time": TIME, "event": "unsent", "fate": "dropped", "connection": null,
               "reason": "expired", "text": "x"})
    );
    assert!(Record::unsent(&Fate::Written { connection: 4 }).is_none());
}

#[test]
fn details_have_times_in_milliseconds() {
    let silence = Duration::from_nanos(1_400_512_345);
    let text = LostCause::HeartbeatTimeout(silence).detail();
    assert_eq!(text, "heartbeat not answered, nothing heard for 1.401s");
    let frame = CloseFrame::new(1012, "restart");
    let cause = LostCause::ClosedByPeer(Some(frame));
    assert_eq!(cause.detail(), "closed by the server with code 1012 (restart)");
}

#[test]
fn this_program_and_the_library_write_the_same_end() {
    let events = all_events();
    let event = events.iter().rfind(|event| event.name() == "closed").unwrap();
    let Event::Closed(closed) = event else { panic!("it has that name") };
    let ours = Record::Closed {
        reason: closed.reason.name(),
        detail: closed.reason.detail(),
        unproven: closed.unproven,
        follows: false,
    };
    assert_eq!(written(&ours).0, written(&Record::Event(event)).0);
}

#[test]
fn a_status_has_every_field() {
    let mut status = Status::default();
    status.phase = Phase::Open;
    status.last_life = Some(Timestamp::from_epoch(Duration::from_millis(200)));
    status.round_trip.last = Some(Duration::from_micros(1_500));
    let now = Timestamp::from_epoch(Duration::from_millis(950));
    let (_, value) = written(&Record::Status(Box::new(StatusRecord::new(&status, now))));
    assert_eq!(value["event"], "status");
    assert_eq!(value["phase"], "open");
    assert_eq!(value["silent_for_ms"], 750);
    assert_eq!(value["round_trip"]["last_ms"], 1.5);
    assert_eq!(value["counters"]["losses"]["heartbeat_timeout"], 0);
    assert_eq!(value["close_reason"], Value::Null);
    assert_eq!(value["queued_bytes"], 0);
}

/// All paths to values in an object, such as `counters.dials`.
fn paths(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    let Some(object) = value.as_object() else { return };
    for (name, value) in object {
        let path = format!("{prefix}{name}");
        paths(value, &format!("{path}."), found);
        found.insert(path);
    }
}

fn fields(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    paths(value, "", &mut found);
    found
}

#[test]
fn examples_in_the_documentation_have_the_real_fields() {
    let message = Message::text("hello");
    let unsent = Fate::Dropped { reason: DropReason::Offline, message: message.clone() };
    let status = StatusRecord::new(&Status::default(), Timestamp::EPOCH);
    let events = all_events();
    let real: BTreeMap<String, Value> = [
        Record::message(1, &message),
        Record::heartbeat(&AnsweredHeartbeat { connection: 1, round_trip: None }),
        Record::unsent(&unsent).unwrap(),
        Record::UnsentSummary(UnsentSum::default()),
        Record::Status(Box::new(status)),
    ]
    .into_iter()
    // The last loss is a refused upgrade.
    .chain(events.iter().filter(|event| event.name() != "message").map(Record::Event))
    .map(|record| written(&record).1)
    .map(|value| (value["event"].as_str().unwrap().to_owned(), value))
    .collect();

    let documentation = include_str!("../../../JSON.md");
    let mut documented = BTreeSet::new();
    for line in documentation.lines().filter(|line| line.starts_with('{')) {
        let example: Value = serde_json::from_str(line).unwrap();
        // The findings of a check are no event.
        let Some(event) = example["event"].as_str() else { continue };
        assert_eq!(fields(&example), fields(&real[event]), "{event}");
        let section = documentation.split("\n## ").find(|part| part.contains(line)).unwrap();
        for field in example.as_object().unwrap().keys() {
            let known = ["t_ms", "time", "event"].contains(&field.as_str());
            assert!(known || section.contains(&format!("`{field}`")), "{event} {field}");
        }
        documented.insert(event.to_owned());
    }
    assert_eq!(documented, real.into_keys().collect());
}

#[test]
fn a_record_has_the_values_of_its_event() {
    let events = all_events();
    let records: Vec<Value> = events.iter().map(|event| written(&Record::Event(event)).1).collect();
    let first = |key: &str, value: Value| {
        records.iter().find(|record| record[key] == value).unwrap_or_else(|| panic!("{value}"))
    };
    assert_eq!(
        *first("event", "open".into()),
        json!({"t_ms": 1235, "time": TIME, "event": "open", "connection": 1, "attempt": 0, "outage_ms": null,
               "subprotocol": "v2", "peer_address": null, "local_address": null})
    );
    assert_eq!(first("connection", 2.into())["attempt"], 1);
    assert_eq!(
        *first("event", "lost".into()),
        json!({"t_ms": 1235, "time": TIME, "event": "lost", "connection": 1, "opened": true,
               "cause": "closed_by_peer", "code": 4001,
               "detail": "closed by the server with code 4001 (enough)", "unproven": 0,
               "ever_answered": false, "cutoff": null, "skipped_cycles": 0})
    );
    assert_eq!(
        *first("event", "retry".into()),
        json!({"t_ms": 1235, "time": TIME, "event": "retry", "attempt": 1, "delay_ms": 1400})
    );
    assert_eq!(
        *first("event", "write_blocked".into()),
        json!({"t_ms": 1235, "time": TIME, "event": "write_blocked", "connection": 2, "time_ms": 60_000,
               "heard": true})
    );
    assert_eq!(first("event", "silent".into())["time_ms"], 60_000);
    assert_eq!(first("event", "unanswered".into())["time_ms"], 25_000);
    let refused = first("status", 503.into());
    assert_eq!((&refused["cause"], &refused["retry_after_ms"]), (&json!("connect"), &json!(7000)));
    let closed = first("event", "closed".into());
    assert_eq!(closed["reason"], "stopped");
    let detail = closed["detail"].as_str().unwrap();
    assert!(detail.starts_with("not worth another attempt: the server"), "{detail}");
}

#[test]
fn a_limit_of_the_server_is_an_object() {
    let cut = |_: u64| Script::accept().silence_limit(Duration::from_secs(5));
    let events = events((0..3).map(cut).collect(), true, None);
    let lost = events.iter().filter(|event| event.name() == "lost").nth(2).unwrap();
    let expected = json!({"kind": "silence", "limit_ms": 5_000, "in_a_row": 3});
    assert_eq!(written(&Record::Event(lost)).1["cutoff"], expected);
}
