//! `wsbeat check`.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use async_tungstenite::tungstenite::{
    Message, WebSocket,
    handshake::derive_accept_key,
    protocol::{Role, WebSocketConfig},
};
use serde_json::Value;

use crate::{
    program::Program,
    server::{NOBODY, Server, echo_one},
};

fn check(url: &str, more: &[&str]) -> (Value, i32) {
    let mut program = Program::start(&[&["check", url, "--json"], more].concat());
    let findings = serde_json::from_str(&program.line().unwrap()).unwrap();
    (findings, program.end())
}

/// The options that are recommended.
fn options(findings: &Value) -> Vec<&str> {
    let advice = findings["advice"].as_array().unwrap();
    advice.iter().filter_map(|advice| advice["options"].as_str()).collect()
}

#[test]
fn an_echo_server_answers_everything() {
    let server = Server::echo();
    let (findings, code) = check(&server.url(), &[]);
    assert_eq!(code, 0);
    let phases = findings["phases"].as_array().unwrap();
    let names: Vec<_> = phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["resolve", "connect", "upgrade"]);
    for answer in ["ping", "text_heartbeat"] {
        assert_eq!(findings[answer]["answered"], true, "{findings}");
        assert!(findings[answer]["rtt_ms"].as_f64().unwrap() > 0.0, "{findings}");
    }
    assert_eq!(findings["echo"], true);
    assert_eq!(
        (&findings["close"]["answered"], &findings["close"]["code"]),
        (&true.into(), &1000.into())
    );
    assert_eq!(options(&findings), ["--heartbeat ping"]);
    assert_eq!(*server.heard.lock().unwrap(), ["heartbeat", "wsbeat check: please echo"]);
}

#[test]
fn no_message_is_sent_on_request() {
    let server = Server::echo();
    let (findings, _) = check(&server.url(), &["--only-pings"]);
    assert_eq!((&findings["ping"]["answered"], &findings["echo"]), (&true.into(), &Value::Null));
    assert!(server.heard.lock().unwrap().is_empty());
}

#[test]
fn a_server_that_answers_nothing_is_found() {
    let server = Server::new(|_, peer, _| {
        std::thread::park();
        drop(peer);
    });
    let (findings, code) = check(&server.url(), &["--timeout", "50ms"]);
    assert_eq!(code, 0);
    for answer in ["ping", "text_heartbeat"] {
        assert_eq!(findings[answer]["answered"], false, "{findings}");
    }
    assert_eq!((&findings["echo"], &findings["close"]["answered"]), (&false.into(), &false.into()));
    assert_eq!(options(&findings), [""; 0]);
}

#[test]
fn a_server_that_talks_by_itself_gives_no_false_answer() {
    let server = Server::new(|_, mut peer, _| {
        for _ in 0..20 {
            let _ = peer.send(Message::text("news"));
        }
        // Pings are answered, messages are not.
        while peer.read().is_ok() {}
    });
    let (findings, _) = check(&server.url(), &["--timeout", "100ms"]);
    assert_eq!(findings["unasked_messages"], 20);
    assert_eq!((&findings["ping"]["answered"], &findings["echo"]), (&true.into(), &false.into()));
    assert_eq!(findings["text_heartbeat"]["answered"], false);
}

#[test]
fn the_largest_message_is_found() {
    let server = Server::tcp(|_, stream| {
        let config = WebSocketConfig::default().max_message_size(Some(5_000));
        let Ok(mut peer) = async_tungstenite::tungstenite::accept_with_config(stream, Some(config))
        else {
            return;
        };
        while echo_one(&mut peer, &Default::default()).is_ok() {}
    });
    let (findings, _) = check(&server.url(), &["--find-max-message"]);
    let max = &findings["max_message"];
    let (accepted, refused) = (max["accepted"].as_u64().unwrap(), max["refused"].as_u64().unwrap());
    assert!((4_600..=5_000).contains(&accepted) && (5_001..=5_400).contains(&refused), "{max}");
}

#[test]
fn the_end_of_an_idle_connection_recommends_an_interval() {
    let mut served = Program::start(&["serve", "--idle-limit", "300ms", "--quiet"]);
    let url = served.line().unwrap();
    let (findings, _) = check(&url, &["--idle", "60s"]);
    assert_eq!(findings["idle"]["ended"], true, "{findings}");
    assert!(findings["idle"]["waited_ms"].as_u64().unwrap() >= 290, "{findings}");
    let options = options(&findings);
    assert!(options[1].starts_with("--ping-timeout "), "{options:?}");
}

#[test]
fn the_clock_and_the_software_are_in_the_answer() {
    let server = Server::tcp(|_, mut stream: TcpStream| {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("sec-websocket-key").then_some(value)
        });
        let answer = format!(
            "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer: old/1\r\n\
             Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.unwrap().as_bytes())
        );
        let _ = stream.write_all(answer.as_bytes());
        let mut peer = WebSocket::from_raw_socket(stream, Role::Server, None);
        while echo_one(&mut peer, &Default::default()).is_ok() {}
    });
    let (findings, _) = check(&server.url(), &[]);
    assert_eq!(findings["software"], "old/1");
    assert!(findings["clock"]["ahead_ms"].as_i64().unwrap() < -900_000_000_000, "{findings}");
}

#[test]
fn a_failure_has_the_reason_and_the_exit_code() {
    let (findings, code) = check(NOBODY, &[]);
    assert_eq!(code, 1);
    assert!(findings["failure"].as_str().unwrap().contains("refuses the connection"), "{findings}");
    assert_eq!(findings["failed_addresses"][0], "127.0.0.1:1: connection refused");
    let mut program = Program::start(&["check", NOBODY]);
    assert_eq!(program.end(), 1);
    assert!(program.seen_err[0].starts_with("wsbeat: no connection could be opened: "));
}

#[test]
fn a_server_that_stops_reading_ends_no_check_late() {
    let server = Server::tcp(|_, stream| {
        let config = WebSocketConfig::default().max_frame_size(None);
        let mut peer =
            async_tungstenite::tungstenite::accept_with_config(stream, Some(config)).unwrap();
        while let Ok(message) = peer.read() {
            let _ = peer.flush();
            if message.len() == 4 << 20 {
                // The answer to the ping after it.
                let _ = peer.read();
                let _ = peer.flush();
                std::thread::park();
            }
        }
    });
    let (findings, code) = check(&server.url(), &["--find-max-message", "--timeout", "2s"]);
    assert_eq!((code, &findings["max_message"]["refused"].is_u64()), (0, &true), "{findings}");
}

#[test]
fn no_size_is_reported_without_answers_to_pings() {
    let server = Server::new(|_, peer, _| {
        std::thread::park();
        drop(peer);
    });
    let mut program = Program::start(&[
        "check",
        &server.url(),
        "--json",
        "--find-max-message",
        "--timeout",
        "50ms",
    ]);
    let findings: Value = serde_json::from_str(&program.line().unwrap()).unwrap();
    assert_eq!((program.end(), &findings["max_message"]), (0, &Value::Null));
    assert!(program.seen_err[0].contains("answers no ping frames"), "{:?}", program.seen_err);
}
