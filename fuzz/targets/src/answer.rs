//! The answer of a server to the upgrade.
//!
//! The input is the answer; `KEY` in its field is replaced by the key that accepts the request. The outcome does
//! not depend on the pieces in which it arrives, an acceptance has the right key, and the head is
//! bounded.

use std::future::pending;

use futures::executor::block_on;
use websocket_heartbeat::{Established, Headers, HttpAnswer, TransportError};
use websocket_heartbeat_tungstenite::{Request, Tuning, upgrade_waiting};

use crate::{cuts::Cuts, server::Server};

/// Small limits, so that short inputs exceed them.
const MAX_HEAD: usize = 2_048;
const MAX_FIELDS: usize = 16;

/// The size of one read of the handshake.
const READ_SIZE: usize = 4_096;

pub(crate) fn run(data: &[u8]) {
    let tuning = Tuning::new().max_head(MAX_HEAD).max_head_fields(MAX_FIELDS);
    let request = Request::for_stream("ws://user:password@example.org/path?query").unwrap();
    let request = request.subprotocol("first").and_then(|it| it.subprotocol("second")).unwrap();
    let outcomes = Cuts::all(data).map(|cuts| {
        let server = Server::new(data, cuts);
        let seen = server.seen();
        let result = block_on(upgrade_waiting(server, &request, tuning, pending()));
        let seen = seen.lock().unwrap();
        if let Err(error) = &result {
            check_error(error);
            if error.http_status().is_none() {
                assert!(seen.read <= MAX_HEAD + READ_SIZE, "{} bytes were read", seen.read);
            }
        }
        if let Ok(established) = &result {
            assert!(established.headers.len() <= MAX_FIELDS);
        }
        outcome(&result, &seen.key)
    });
    assert_eq!(outcomes[0], outcomes[1], "in one piece, and byte by byte");
    assert_eq!(outcomes[0], outcomes[2], "in one piece, and in random pieces");
}

/// All that a program sees of a result, with `KEY` for the key.
pub(crate) fn outcome<C>(result: &Result<Established<C>, TransportError>, key: &str) -> String {
    let text = match result {
        Ok(established) => {
            let accept = established.headers.get("sec-websocket-accept");
            assert_eq!(accept, Some(key), "a wrong key is accepted");
            if let Some(subprotocol) = &established.subprotocol {
                let offered = ["first", "second"].contains(&subprotocol.as_str());
                assert!(offered, "{subprotocol:?} was not offered");
            }
            format!("accepted: {:?} {}", established.subprotocol, fields(&established.headers))
        }
        Err(error) => {
            // The words may show the first piece of an answer that is not HTTP.
            let answer = error.http_answer().map(|answer| {
                let body = answer.body.escape_ascii();
                let seen = format!("{} {body}", fields(&answer.headers));
                // The random key can continue a part of a secret, which is then hidden in the words.
                let has_key = !key.is_empty() && seen.contains(key);
                let words = if has_key { String::new() } else { error.to_string() };
                format!("{words} {seen}")
            });
            format!("{:?} {:?} {answer:?}", error.kind(), error.retry_after())
        }
    };
    if key.is_empty() { text } else { text.replace(key, "KEY") }
}

fn fields(headers: &Headers) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {}, ", value.escape_ascii())).collect()
}

/// Rules of every error: one line of printable text without the secrets of the request, and bounded
/// data.
pub(crate) fn check_error(error: &TransportError) {
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.chars().any(char::is_control), "control characters in {text:?}");
        assert!(!text.contains("path?query"), "the path is in {text:?}");
        assert!(text.len() < 8_192, "an error of {} bytes", text.len());
    }
    if let Some(answer) = error.http_answer() {
        assert!(answer.body.len() <= HttpAnswer::BODY_LIMIT);
    }
    if let Some(wait) = error.retry_after() {
        assert!(wait.as_secs() <= 86_400, "a wait of {wait:?}");
    }
}
