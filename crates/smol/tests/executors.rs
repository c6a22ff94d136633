//! A session works under any executor, because sockets and timer bring their own threads.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use futures::{StreamExt, executor::block_on};
use websocket_heartbeat_smol::{CloseReason, Event, LostCause, connect};

/// The reason why a session with the server at this port ends.
fn ended(port: u16, timeout: Duration) -> CloseReason {
    let builder = connect(format!("ws://localhost:{port}")).unwrap();
    let builder = builder.attempts(0).connect_timeout(timeout);
    let events: Vec<Event> = block_on(builder.build().unwrap().collect());
    match events.last() {
        Some(Event::Closed(closed)) => closed.reason.clone(),
        last => panic!("{last:?}"),
    }
}

#[test]
fn the_timer_works_under_another_executor() {
    // The system accepts the connection, and no program answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let reason = ended(listener.local_addr().unwrap().port(), Duration::from_millis(50));
    let timed_out = matches!(&reason, CloseReason::AttemptsExhausted(LostCause::ConnectTimeout(_)));
    assert!(timed_out, "{reason:?}");
}

#[test]
fn the_sockets_work_under_another_executor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        stream.write_all(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let reason = ended(port, Duration::from_secs(60));
    server.join().unwrap();
    let status = reason.cause().and_then(|cause| cause.transport_error()?.http_status());
    assert_eq!(status, Some(410), "{reason:?}");
}
