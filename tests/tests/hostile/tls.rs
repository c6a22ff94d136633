//! Servers that open a connection over TLS and then violate TLS.

use std::{sync::Arc, time::Duration};

use futures_rustls::rustls::ServerConfig;
use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tests::{Backend, localhost_tls, title, with_time_limit};
use websocket_heartbeat_tungstenite::Dialer;

use crate::{
    figures::{Outcome, measured_open_tls},
    server::Server,
};

/// The allocation limit of a violation: a record and buffers.
const MEMORY: usize = 512 << 10;

/// The limit of its processor time, in a debug build.
const CPU: Duration = Duration::from_secs(2);

/// The head of a record of 16 KiB of application data.
const RECORD: [u8; 5] = [0x17, 3, 3, 0x40, 0];

/// The servers, each with its outcome after `Open`.
fn cases(config: &Arc<ServerConfig>) -> Vec<(Server, Outcome)> {
    use Outcome::Breaks;
    let server = |name, bytes: &[u8]| Server::below_tls(name, config.clone(), bytes);
    let record = |bytes| [&RECORD[..], &vec![7; bytes]].concat();
    let ended = Breaks(ErrorKind::Ended);
    let broken = Breaks(ErrorKind::Tls);
    vec![
        (server("the end without close_notify", &[]).ending(), ended),
        (server("half the head of a record, then the end", &RECORD[..3]).ending(), ended),
        (server("the head of a record, then the end", &RECORD).ending(), ended),
        (server("half a record, then the end", &record(8 << 10)).ending(), ended),
        (server("a record that does not decrypt", &record(16 << 10)), broken),
        (server("a record that is too large", &[0x17, 3, 3, 0xff, 0xff]), broken),
        (server("an alert in plain text", b"\x15\x03\x03\0\x02\x02\x28"), broken),
        (server("plain HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n"), broken),
        (server("a frame without TLS", &[0x81, 5, b'p', b'l', b'a', b'i', b'n']), broken),
        (server("noise without end", &[]).then_repeating([0xff; 512]), broken),
        (server("zeros without end", &[]).then_repeating([0; 512]), broken),
        (server("records without end", &[]).then_repeating(record(16 << 10)), broken),
    ]
}

pub(crate) fn tls_errors_after_open_are_bounded_and_reported<B: Backend>() {
    let (config, tls) = localhost_tls();
    let dialer = Dialer::new().tls(tls);
    let mut wrong = Vec::new();
    for (server, outcome) in cases(&config) {
        let name = title::<B>(&format!("TLS: {}", server.name));
        let dialer = dialer.clone();
        let figures =
            with_time_limit(&name.clone(), move || measured_open_tls::<B>(server, dialer));
        println!("{name}: {figures}");
        // The text message before the error is not lost.
        let expected = (figures.outcome, figures.messages) == (outcome, 1);
        if !expected || figures.memory > MEMORY || figures.cpu > CPU {
            wrong.push(format!("{name}: {figures}, {} messages", figures.messages));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
