//! A server that keeps what it receives.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use websocket_heartbeat_tests::{ClientFrame, ClientFrames, accept_key, read_request};
use websocket_heartbeat_tungstenite::Request;

use crate::planted::{COOKIE, HEADER, PASSWORD, PATH, QUERY, SUBPROTOCOL, USER, percent_encoded};

/// The texts that a server has received.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<String>>>);

impl Received {
    pub(crate) fn push(&self, text: impl Into<String>) {
        self.0.lock().expect("no panic").push(text.into());
    }

    /// All texts, one after the other.
    pub(crate) fn all(&self) -> String {
        self.0.lock().expect("no panic").join("\n")
    }
}

/// Runs a function for each client, one after the other, with the number of the client and its
/// request.
pub(crate) fn start(
    mut serve: impl FnMut(usize, &str, TcpStream) + Send + 'static,
) -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    let received = Received::default();
    let requests = received.clone();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let mut stream = stream;
            let Ok(head) = read_request(&mut stream) else { continue };
            requests.push(&*head);
            serve(number, &head, stream);
        }
    });
    (address, received)
}

/// A request with all secrets that a request can have.
pub(crate) fn request(scheme: &str, authority: impl std::fmt::Display) -> Request {
    let [user, password, path, query] =
        [USER, PASSWORD, PATH, QUERY].map(|(_, secret)| percent_encoded(secret));
    let url = format!("{scheme}://{user}:{password}@{authority}/{path}/x?q={query}");
    let request = Request::new(&url).expect("a URL");
    let request = request.header("X-Api-Key", HEADER.1).expect("a field");
    let request = request.header("Cookie", format!("sid={}", COOKIE.1)).expect("a field");
    request.subprotocol(SUBPROTOCOL.1).expect("a token")
}

/// Accepts an upgrade, and selects the subprotocol that is offered.
pub(crate) fn accept(head: &str, stream: &mut TcpStream, fields: &str) {
    let offered = format!("Sec-WebSocket-Protocol: {}\r\n", SUBPROTOCOL.1);
    let fields = format!("{offered}{fields}");
    let answer = websocket_heartbeat_tests::upgrade_response(&accept_key(head), &fields);
    // Fails when the client has given up, as each write here.
    let _ = stream.write_all(answer.as_bytes());
}

/// The next frames of a client, until a function returns false.
pub(crate) fn frames(mut stream: &TcpStream, mut take: impl FnMut(ClientFrame) -> bool) {
    let (mut frames, mut chunk) = (ClientFrames::default(), [0; 1024]);
    loop {
        for frame in frames.by_ref() {
            if !take(frame) {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => frames.feed(&chunk[..count]),
            _ => return,
        }
    }
}

/// A short frame of a server.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short payload");
    assert!(length < 126, "a short payload");
    [&[0x80 | opcode, length][..], payload].concat()
}

/// The payload of a close frame.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_bytes()].concat()
}
