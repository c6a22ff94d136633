//! A slow upload whose bytes wait in the kernel until the server reads them. The connection is not dead
//! while the upload makes progress. The kernel is real, the time is virtual.
#![cfg(target_os = "linux")]

use std::{
    future::poll_fn,
    io::Read,
    net::{TcpListener, TcpStream},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use futures::Stream;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use websocket_heartbeat::{Event, Heartbeat, Preset, Supervisor, Timer, Transport, transport_fn};
use websocket_heartbeat_mock::Clock;
use websocket_heartbeat_tests::{
    Backend, accept_upgrade, over_every_backend, run_blocking, serve_one_of,
};
use websocket_heartbeat_tungstenite::Request;

over_every_backend! {
    run_blocking; a_slow_upload_keeps_its_connection_and_a_stopped_one_loses_it
}

/// More than a receive buffer of 16 KiB, and less than a kernel accepts at once from a writer.
const UPLOAD: usize = 768 * 1024;

/// The bytes that the server reads between two verdicts: more than its buffer holds, so that bytes have
/// left the client.
const PIECE: usize = 96 * 1024;

/// Polls the session until `done`, and collects its events.
async fn pump<T: Transport, K: Timer>(
    session: &mut Supervisor<T, K>,
    events: &mut Vec<Event>,
    mut done: impl FnMut(&[Event]) -> bool,
) {
    poll_fn(|cx| {
        while let Poll::Ready(Some(event)) = Pin::new(&mut *session).poll_next(cx) {
            events.push(event);
        }
        if done(events) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn losses(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Lost(_))).count()
}

fn a_slow_upload_keeps_its_connection_and_a_stopped_one_loses_it<B: Backend>() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    set_socket_recv_buffer_size(&listener, 16 * 1024).expect("set");
    let (address, server) = serve_one_of(listener, |mut stream| {
        accept_upgrade(&mut stream);
        stream
    });
    let clock = Clock::new();
    let request = Request::new(&format!("ws://{address}/")).expect("a URL");
    let transport = transport_fn(move |_| {
        let request = request.clone();
        async move { B::dial(&request).await }
    });
    B::block_on(async {
        let mut session = Supervisor::builder(transport, clock.timer())
            .preset(Preset::Resilient)
            .heartbeat(Heartbeat::idle(Duration::from_secs(15)).ping())
            .build()
            .expect("valid settings");
        let handle = session.handle();
        let mut events = Vec::new();
        pump(&mut session, &mut events, |events| matches!(events.last(), Some(Event::Open(_))))
            .await;
        let mut server: TcpStream = server.join().expect("a server");

        handle.try_queue(vec![0; UPLOAD]).expect("there is room");
        pump(&mut session, &mut events, |_| handle.status().counters.messages_out == 1).await;
        clock.advance(Duration::from_secs(15));
        pump(&mut session, &mut events, |_| handle.status().probe_since.is_some()).await;

        // The server reads a piece before each verdict.
        let mut piece = vec![0; PIECE];
        for _ in 0..5 {
            server.read_exact(&mut piece).expect("bytes");
            clock.advance(Duration::from_secs(10));
            let now = clock.now();
            pump(&mut session, &mut events, |events| {
                losses(events) > 0 || clock.next_instant().is_some_and(|at| at > now)
            })
            .await;
            assert_eq!(losses(&events), 0, "the upload makes progress");
        }
        // The server reads no more. The kernel may still have acknowledged bytes after the last verdict.
        for _ in 0..3 {
            clock.advance(Duration::from_secs(10));
            let now = clock.now();
            pump(&mut session, &mut events, |events| {
                losses(events) > 0 || clock.next_instant().is_some_and(|at| at > now)
            })
            .await;
        }
        assert!(losses(&events) > 0, "the upload has stopped");
    });
}
