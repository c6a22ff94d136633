//! Opening, heartbeats, losses, and attempts.

use serde_json::json;

use crate::{
    program::Program,
    server::{NOBODY, Server},
};

#[test]
fn lines_round_trip_in_json() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &[]);
    let first = program.next_event().unwrap();
    assert_eq!((&first["event"], &first["connection"]), (&json!("connecting"), &json!(1)));
    assert_eq!(first["attempt"], 0);
    let open = program.event("open");
    assert_eq!((&open["connection"], &open["outage_ms"]), (&json!(1), &json!(null)));
    assert_eq!(format!("ws://{}/", open["peer_address"].as_str().unwrap()), server.url());
    assert!(open["local_address"].as_str().unwrap().starts_with("127.0.0.1:"));
    program.say("one\n\ntwo \"quoted\"\r\nlast, without an end");
    program.end_stdin();
    for text in ["one", "", "two \"quoted\"", "last, without an end"] {
        let message = program.event("message");
        assert_eq!((&message["text"], &message["connection"]), (&json!(text), &json!(1)));
    }
    program.signal("-TERM");
    let closed = program.event("closed");
    assert_eq!((&closed["reason"], &closed["unproven"]), (&json!("user"), &json!(0)));
    assert_eq!(program.end(), 0);
    assert_eq!(program.events_named("unsent").len(), 0);
    assert_eq!(program.seen_err.len(), 1);
    assert!(program.seen_err[0].ends_with("! hint        closing, again to abort"));
}

#[test]
fn answered_heartbeats_carry_their_round_trip() {
    let server = Server::echo();
    let more = ["--heartbeat", "ping", "--ping-timeout", "30ms", "--pong-timeout", "50s"];
    let mut program = Program::json(&server.url(), &more);
    for _ in 0..3 {
        let heartbeat = program.event("heartbeat");
        assert!(heartbeat["rtt_ms"].as_f64().unwrap() > 0.0, "{heartbeat}");
        assert_eq!(heartbeat["connection"], 1);
    }
}

#[test]
fn a_heartbeat_text_is_sent_as_a_message() {
    let server = Server::echo();
    let more = ["--ping-timeout", "30ms", "--ping-msg", "are you there?"];
    let mut program = Program::json(&server.url(), &more);
    program.event("heartbeat");
    assert_eq!(server.heard.lock().unwrap()[0], "are you there?");
}

#[test]
fn a_refused_upgrade_shows_status_and_retry_after_and_is_retried() {
    let server = Server::refusing(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    );
    let more = ["--preset", "original", "--reconnect-timeout", "200ms"];
    let mut program = Program::json(&server.url(), &more);
    for connection in 1..=2 {
        let lost = program.event("lost");
        assert_eq!(lost["connection"], connection);
        assert_eq!(lost["cause"], "connect");
        assert_eq!(lost["opened"], false);
        assert_eq!((&lost["status"], &lost["retry_after_ms"]), (&json!(503), &json!(7000)));
        let retry = program.event("retry");
        assert_eq!((&retry["attempt"], &retry["delay_ms"]), (&json!(connection), &json!(200)));
    }
}

#[test]
fn stop_on_ends_the_session_at_that_status() {
    let server = Server::refusing("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    let mut program = Program::json(&server.url(), &["--stop-on", "401,503"]);
    let closed = program.event("closed");
    assert_eq!(closed["reason"], "stopped");
    assert_eq!(program.end(), 5);
    assert_eq!(program.events_named("connecting").len(), 1);
}

#[test]
fn a_repeat_limit_of_two_makes_three_dials() {
    let server = Server::refusing("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    let more = ["--repeat-limit", "2", "--reconnect-timeout", "1ms"];
    let mut program = Program::json(&server.url(), &more);
    let closed = program.event("closed");
    assert_eq!(closed["reason"], "attempts_exhausted");
    assert!(closed["detail"].as_str().unwrap().contains("HTTP status 500"), "{closed}");
    assert_eq!(program.end(), 4);
    assert_eq!(program.events_named("connecting").len(), 3);
    assert_eq!(server.dials.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[test]
fn a_close_code_is_shown() {
    let server = Server::new(|_, mut peer, _| {
        use async_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
        let frame = CloseFrame { code: CloseCode::Library(4001), reason: "enough".into() };
        let _ = peer.close(Some(frame));
        while peer.read().is_ok() {}
    });
    let mut program = Program::json(&server.url(), &[]);
    let lost = program.event("lost");
    assert_eq!((&lost["cause"], &lost["code"]), (&json!("closed_by_peer"), &json!(4001)));
    assert_eq!(lost["detail"], "closed by the server with code 4001 (enough)");
}

#[test]
fn binary_messages_are_base64() {
    let server = Server::new(|_, mut peer, _| {
        let _ = peer.send(vec![0_u8, 255].into());
        while peer.read().is_ok() {}
    });
    let mut program = Program::json(&server.url(), &[]);
    assert_eq!(program.event("message")["base64"], "AP8=");
    let mut program = Program::start(&["connect", &server.url()]);
    assert!(program.await_err("message").ends_with("binary, 2 bytes"));
}

#[test]
fn without_json_messages_and_events_are_separate_outputs() {
    let server = Server::echo();
    let mut program = Program::start(&["connect", &server.url()]);
    program.await_err("● open        connection 1");
    program.say("  as it is\t\n");
    assert_eq!(program.line().unwrap(), "  as it is\t");
    program.signal("-INT");
    program.await_err("■ closed      closed by the user");
    assert_eq!(program.end(), 0);
    assert_eq!(program.seen.len(), 1);
    assert!(!program.seen_err.concat().contains('\x1b'), "a pipe has colours");
}

#[test]
fn sigusr1_shows_the_status() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &[]);
    program.event("open");
    program.say("x\n");
    program.event("message");
    program.signal("-USR1");
    let status = program.event("status");
    assert_eq!(status["phase"], "open");
    assert_eq!(status["counters"]["opens"], 1);
    assert_eq!(status["counters"]["messages_in"], 1);
    assert_eq!(status["counters"]["messages_out"], 1);
    assert!(status["silent_for_ms"].is_u64(), "{status}");

    let mut program = Program::start(&["connect", &server.url()]);
    program.await_err("open");
    program.signal("-USR1");
    assert!(program.await_err("i status      open for").contains("connection 1"));
    program.await_err("round trip");
}

#[test]
fn unanswered_message_heartbeats_show_the_remedy_once() {
    let silent = Server::new(|_, mut peer, _| while peer.read().is_ok() {});
    let more = [
        "--heartbeat",
        "message",
        "--ping-timeout",
        "20ms",
        "--pong-timeout",
        "20ms",
        "--reconnect-timeout",
        "1ms",
        "--repeat-limit",
        "9",
    ];
    let mut program = Program::start(&[&["connect", &silent.url()], &more[..]].concat());
    let hint = "the server does not answer message heartbeats; use --heartbeat ping";
    program.await_err(hint);
    for _ in 0..3 {
        program.await_err("lost");
    }
    let hints = program.seen_err.iter().filter(|line| line.contains(hint)).count();
    let before = program.seen_err.iter().position(|line| line.contains(hint)).unwrap();
    let losses = program.seen_err[..before].iter().filter(|line| line.contains("lost")).count();
    assert_eq!((hints, losses), (1, 2), "{:#?}", program.seen_err);
}

#[test]
fn a_refused_connection_is_reported_and_retried() {
    let more = ["--repeat-limit", "1", "--backoff", "1ms..2ms", "--max-dials-per-minute", "9"];
    let mut program = Program::json(NOBODY, &more);
    let lost = program.event("lost");
    assert!(
        lost["detail"].as_str().unwrap().starts_with("could not connect: 127.0.0.1:"),
        "{lost}"
    );
    assert_eq!(program.end(), 4);
}
