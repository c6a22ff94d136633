//! The answers that open a WebSocket.

use futures::executor::block_on;
use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tungstenite::{Request, Tuning, upgrade};

use crate::{
    assert_frames_are_kept,
    scripted::{ACCEPTED, Scripted, with_frames},
};

#[test]
fn each_form_of_a_valid_acceptance_is_accepted() {
    for (from, to) in [
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "Connection: Upgrade, Keep-Alive"),
        ("Connection: Upgrade", "Connection: upgrade,close"),
        ("Connection: Upgrade", "connection:\tUPGRADE  "),
        ("Connection: Upgrade", "Connection: , keep-alive,,Upgrade ,"),
        ("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
        ("Connection: Upgrade", "Connection: Upgrade\r\nConnection: keep-alive"),
        ("Connection: Upgrade", "Connection: keep-alive,\r\n Upgrade"),
        ("Upgrade: websocket", "Upgrade: WebSocket"),
        ("Upgrade: websocket", "upgrade: h2c, WEBSOCKET"),
        ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ("Sec-WebSocket-Accept: ", "SEC-WEBSOCKET-ACCEPT:"),
        ("KEY", "KEY  "),
        ("KEY", "KEY\r\nSec-WebSocket-Extensions: "),
        ("KEY", "KEY\r\nSec-WebSocket-Protocol:"),
        (" Switching Protocols", ""),
        (" Switching Protocols", " \u{fc}"),
    ] {
        let answer = ACCEPTED.replacen(from, to, 1);
        assert_ne!(answer, ACCEPTED);
        assert_frames_are_kept(Scripted::new(&with_frames(&answer), []), &answer);
    }
}

#[test]
fn an_acceptance_that_does_not_match_the_request_is_an_error() {
    for (from, to, words) in [
        ("Connection: Upgrade\r\n", "", "does not name Upgrade in Connection"),
        ("Connection: Upgrade", "Connection: close", "does not name Upgrade in Connection"),
        ("Connection: Upgrade", "Connection: Upgrades", "does not name Upgrade in Connection"),
        ("Upgrade: websocket\r\n", "", "does not name websocket in Upgrade"),
        ("Upgrade: websocket", "Upgrade: h2c", "does not name websocket in Upgrade"),
        ("Upgrade: websocket", "Upgrade: websocket/13", "does not name websocket in Upgrade"),
        ("Sec-WebSocket-Accept: KEY\r\n", "", "has no Sec-WebSocket-Accept"),
        ("KEY", "", "does not belong to this request"),
        ("KEY", "bm90IHRoZSBrZXk=", "does not belong to this request"),
        ("KEY", "KEY\r\nSec-WebSocket-Accept: other", "does not belong to this request"),
        ("KEY", "KEY\r\nSec-WebSocket-Extensions: permessage-deflate", "an extension"),
        (
            "KEY",
            "KEY\r\nSec-WebSocket-Extensions:\r\nSec-WebSocket-Extensions: x-unknown",
            "an extension",
        ),
        ("KEY", "KEY\r\nSec-WebSocket-Protocol: v1", "a subprotocol that was not offered"),
        ("HTTP/1.1", "HTTP/1.0", "it is not HTTP/1.1"),
    ] {
        let answer = ACCEPTED.replacen(from, to, 1);
        let error = Scripted::new(answer.as_bytes(), []).upgrade().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{answer}");
        assert!(error.to_string().contains(words), "{answer} {error}");
    }
}

#[test]
fn one_of_the_offered_subprotocols_is_chosen() {
    let offering = |fields: &str| {
        let answer = ACCEPTED.replacen("KEY", &format!("KEY\r\n{fields}"), 1);
        let request = Request::for_stream("ws://example.org").unwrap();
        let request = request.subprotocol("v2").unwrap().subprotocol("v1").unwrap();
        let server = Scripted::new(answer.as_bytes(), []);
        let established = block_on(upgrade(server, &request, Tuning::new()));
        established.map(|established| established.subprotocol.unwrap().to_string())
    };
    let name = "Sec-WebSocket-Protocol: ";
    assert_eq!(offering(&format!("{name}v1")).unwrap(), "v1");
    assert_eq!(offering(&format!("{name}\r\n{name}v2")).unwrap(), "v2");
    for fields in [
        format!("{name}v1, v2"),
        format!("{name}v1\r\n{name}v2"),
        format!("{name}v1\r\n{name}v1"),
        format!("{name}V1"),
        format!("{name}v9"),
        "X-A: b".to_owned(),
    ] {
        assert_eq!(offering(&fields).unwrap_err().kind(), ErrorKind::Protocol, "{fields}");
    }
}
