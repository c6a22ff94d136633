//! The server's end of a connection, byte by byte.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

/// Runs `script` for the first client, on a new thread. Returns the address and the thread.
///
/// # Panics
///
/// When no port is free.
pub fn serve_one<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    serve_one_of(listener, script)
}

/// The same with a listener whose options are set.
///
/// # Panics
///
/// When the listener has no address.
pub fn serve_one_of<T: Send + 'static>(
    listener: TcpListener,
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let address = listener.local_addr().expect("a bound listener");
    let server = thread::spawn(move || script(listener.accept().expect("a client").0));
    (address, server)
}

/// Reads a request for an upgrade and accepts it. Frames follow.
///
/// # Panics
///
/// When there is no request with a key.
pub fn accept_upgrade(stream: &mut TcpStream) {
    let request = read_request(stream).expect("a request");
    let answer = upgrade_response(&accept_key(&request), "");
    stream.write_all(answer.as_bytes()).expect("sent");
}

/// Reads the head of a request.
///
/// # Errors
///
/// Those of the socket.
///
/// # Panics
///
/// When the head is not ASCII.
pub fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    Ok(String::from_utf8(request).expect("a request in ASCII"))
}

/// The `Sec-WebSocket-Accept` that answers the key of a request.
///
/// # Panics
///
/// When the request has no key.
pub fn accept_key(request: &str) -> String {
    let key = request
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, key)| {
            name.eq_ignore_ascii_case("Sec-WebSocket-Key").then_some(key.trim())
        })
        .expect("a key in the request");
    tungstenite::handshake::derive_accept_key(key.as_bytes())
}

/// A response that accepts an upgrade, with further header fields.
pub fn upgrade_response(accept: &str, fields: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{fields}\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}
