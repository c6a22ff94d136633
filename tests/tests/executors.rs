//! A session works under any executor if its sockets and its timer bring their own threads, as those
//! of smol and async-std do.

use std::{io::Write, net::TcpListener, time::Duration};

use futures::{StreamExt, executor::block_on};
use websocket_heartbeat::{CloseReason, Event, LostCause};
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, read_request, serve_one};
use websocket_heartbeat_tungstenite::Request;

/// The reason why a session with the server at this port ends.
fn ended<B: Backend>(port: u16, timeout: Duration) -> CloseReason {
    let builder = B::connect(Request::new(&format!("ws://localhost:{port}")).unwrap());
    let builder = builder.attempts(0).connect_timeout(timeout);
    let events: Vec<Event> = block_on(builder.build().unwrap().collect());
    match events.last() {
        Some(Event::Closed(closed)) => closed.reason.clone(),
        last => panic!("{last:?}"),
    }
}

fn the_timer_works<B: Backend>() {
    // The system accepts the connection, and no program answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let reason = ended::<B>(listener.local_addr().unwrap().port(), Duration::from_millis(50));
    let timed_out = matches!(&reason, CloseReason::AttemptsExhausted(LostCause::ConnectTimeout(_)));
    assert!(timed_out, "{reason:?}");
}

fn the_sockets_work<B: Backend>() {
    let (address, server) = serve_one(|mut stream| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let reason = ended::<B>(address.port(), Duration::from_secs(60));
    server.join().unwrap();
    let status = reason.cause().and_then(|cause| cause.transport_error()?.http_status());
    assert_eq!(status, Some(410), "{reason:?}");
}

#[test]
fn the_timers_work_under_another_executor() {
    the_timer_works::<Smol>();
    the_timer_works::<AsyncStd>();
}

#[test]
fn the_sockets_work_under_another_executor() {
    the_sockets_work::<Smol>();
    the_sockets_work::<AsyncStd>();
}
