//! The server's end of a connection, byte by byte.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// Takes the request for an upgrade and accepts it. What follows is frames.
///
/// # Panics
///
/// When there is no request with a key in it.
pub fn accept_upgrade(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a request");
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).expect("a request in ASCII");
    let key = request
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, key)| {
            name.eq_ignore_ascii_case("Sec-WebSocket-Key").then_some(key.trim())
        })
        .expect("a key in the request");
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).expect("sent");
}
