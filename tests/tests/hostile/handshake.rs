//! Malicious and broken servers during the opening handshake.

use std::time::Duration;

use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tests::{Backend, title, with_time_limit};

use crate::{
    figures::{Outcome, measured},
    server::Server,
};

/// The allocation limit of a handshake: twice the sum of a head of 256 KiB in a doubling buffer and the
/// buffers of rustls.
const MEMORY: usize = 2 << 20;

/// The limit of the processor time of a handshake, in a debug build, where each byte is read once.
/// A search that starts again with each piece takes minutes for a head that comes byte by byte.
const CPU: Duration = Duration::from_secs(2);

/// The servers, each with its outcome.
fn cases() -> Vec<(Server, Outcome)> {
    use Outcome::{Fails, Opens, Refused, TimesOut};
    let too_large = Fails(ErrorKind::TooLarge);
    let busy = "HTTP/1.1 503 Busy\r\n";
    let open = "HTTP/1.1 101 Switching Protocols\r\n";
    vec![
        (Server::endless("a field", format!("{open}X: "), "y"), too_large),
        (Server::endless("fields", open, "X: y\r\n"), too_large),
        (Server::endless("fields of a refusal", busy, "X: y\r\n"), too_large),
        (Server::endless("lines that make no sense", busy, "x\r\n"), too_large),
        (Server::endless("folded lines", format!("{busy}X: y\r\n"), " y\r\n"), too_large),
        (Server::endless("a status line", "HTTP/1.1 ", "5"), too_large),
        (Server::endless("empty lines", "", "\r\n"), too_large),
        (
            Server::endless("interim answers", "", "HTTP/1.1 102 Processing\r\n\r\n"),
            Fails(ErrorKind::Protocol),
        ),
        (Server::endless("noise", "", "\u{1b}[2J"), Fails(ErrorKind::Protocol)),
        (Server::endless("a body", format!("{busy}\r\n"), "x"), Refused(503)),
        (
            Server::endless("a body of chunks", format!("{busy}{CHUNKED}"), "1\r\nx\r\n"),
            Refused(503),
        ),
        (Server::endless("a chunk's size", format!("{busy}{CHUNKED}1;"), "x"), Refused(503)),
        (Server::endless("a long body", format!("{busy}{LONG}"), "x"), Refused(503)),
        (Server::silent_after("a body that never comes", format!("{busy}{LONG}")), Refused(503)),
        (Server::dripping("a body that drips", format!("{busy}\r\n"), "x"), Refused(503)),
        (Server::dripping("a head that drips", open, "X: y\r\n"), TimesOut),
        (Server::silent_after("nothing", ""), TimesOut),
        (Server::silent_after("half a head", open), TimesOut),
        (Server::accepting("a head of 250 fields and 200 KiB", 250, 800), Opens),
        (Server::accepting("a head of 20 KiB, byte by byte", 25, 800).in_bytes(), Opens),
        (Server::wrong_accept(), Fails(ErrorKind::Protocol)),
        (Server::silent_after("TLS: nothing", "").tls(), TimesOut),
        (Server::silent_after("TLS: half a record", RECORD).tls(), TimesOut),
        (Server::closing_after("TLS: a record cut short", RECORD).tls(), Fails(ErrorKind::Tls)),
        (Server::endless("TLS: a message", RECORD, "\0").tls(), Fails(ErrorKind::Tls)),
        (Server::endless("TLS: warnings", "", WARNING).tls(), Fails(ErrorKind::Tls)),
        (Server::endless("TLS: plain HTTP", busy, "X: y\r\n").tls(), Fails(ErrorKind::Tls)),
    ]
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";
const LONG: &str = "Content-Length: 999999999999\r\n\r\n";

/// The head of a TLS record of 16 KiB, and the head of a handshake message of 8 MiB in it.
const RECORD: &str = "\x16\x03\x03\x40\0\x02\x7f\x7f\x7f";

/// A warning alert of TLS, which may be ignored.
const WARNING: &str = "\x15\x03\x03\0\x02\x01\x5a";

pub(crate) fn hostile_handshakes_are_bounded_and_reported<B: Backend>() {
    for (server, outcome) in cases() {
        let name = title::<B>(&server.name);
        let timeout = match outcome {
            Outcome::TimesOut => Duration::from_millis(500),
            _ => Duration::from_secs(45),
        };
        let figures = with_time_limit(&name.clone(), move || measured::<B>(server, timeout));
        println!("{name}: {figures}");
        assert_eq!(figures.outcome, outcome, "{name}");
        assert!(figures.memory < MEMORY, "{name}: {figures}");
        assert!(figures.cpu < CPU, "{name}: {figures}");
    }
}
