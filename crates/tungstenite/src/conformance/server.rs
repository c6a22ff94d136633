//! Servers on threads.

use std::{
    io::Read,
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

use tungstenite::WebSocket;

pub(super) type Server = WebSocket<TcpStream>;

/// Serves one connection on a thread. Returns its URL.
pub(super) fn serve_raw<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || script(next_client(&listener)));
    (url, server)
}

pub(super) fn next_client(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().expect("a client");
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).expect("supported");
    stream.set_write_timeout(limit).expect("supported");
    // Without a delay, so that written bytes are sent even if the stream is reset next.
    stream.set_nodelay(true).expect("supported");
    stream
}

pub(super) fn serve<T: Send + 'static>(
    script: impl FnOnce(Server) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    serve_raw(|stream| script(tungstenite::accept(stream).expect("a WebSocket client")))
}

pub(super) fn finish<T>(server: JoinHandle<T>) -> T {
    server.join().expect("the checks of the server hold")
}

pub(super) fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a request");
        request.push(byte[0]);
    }
    String::from_utf8(request).expect("a request in ASCII")
}
