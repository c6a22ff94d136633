//! An upload that goes on, of which the kernel holds what the server has not taken: it is no dead
//! connection. The kernel is real, the time is not.
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
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio, accept_upgrade, guarded};
use websocket_heartbeat_tungstenite::Request;

/// More than a receive buffer of 16 KiB, less than what a kernel takes at once from a writer.
const UPLOAD: usize = 768 * 1024;

/// What the server takes between two verdicts: more than its buffer holds, so that bytes have left.
const PIECE: usize = 96 * 1024;

/// Polls the session until `done`, and keeps its events.
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

fn an_upload<B: Backend>() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    set_socket_recv_buffer_size(&listener, 16 * 1024).expect("set");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        accept_upgrade(&mut stream);
        stream
    });
    let clock = Clock::new();
    let request = Request::new(&url).expect("a URL");
    let transport = transport_fn(move |_| {
        let request = request.clone();
        async move { B::dial(&request).await }
    });
    B::block_on(async {
        let mut session = Supervisor::builder(transport, clock.timer())
            .preset(Preset::Resilient)
            .heartbeat(Heartbeat::idle(Duration::from_secs(15)).ping())
            .build()
            .expect("settings that make sense");
        let handle = session.handle();
        let mut events = Vec::new();
        pump(&mut session, &mut events, |events| matches!(events.last(), Some(Event::Open(_))))
            .await;
        let mut server: TcpStream = server.join().expect("a server");

        handle.try_queue(vec![0; UPLOAD]).expect("there is room");
        pump(&mut session, &mut events, |_| handle.status().counters.messages_out == 1).await;
        clock.advance(Duration::from_secs(15));
        pump(&mut session, &mut events, |_| handle.status().probe_since.is_some()).await;

        // The server takes a piece, and a verdict is due: again and again.
        let mut piece = vec![0; PIECE];
        for _ in 0..5 {
            server.read_exact(&mut piece).expect("bytes");
            clock.advance(Duration::from_secs(10));
            let now = clock.now();
            pump(&mut session, &mut events, |events| {
                losses(events) > 0 || clock.next_instant().is_some_and(|at| at > now)
            })
            .await;
            assert_eq!(losses(&events), 0, "{}: an upload that goes on", B::NAME);
        }
        // It takes no more. What was under way may have been acknowledged after the last look.
        for _ in 0..3 {
            clock.advance(Duration::from_secs(10));
            let now = clock.now();
            pump(&mut session, &mut events, |events| {
                losses(events) > 0 || clock.next_instant().is_some_and(|at| at > now)
            })
            .await;
        }
        assert!(losses(&events) > 0, "{}: an upload that has stopped", B::NAME);
    });
}

#[test]
fn an_upload_that_goes_on_is_not_lost_and_one_that_stops_is() {
    guarded("smol", an_upload::<Smol>);
    guarded("async-std", an_upload::<AsyncStd>);
    guarded("tokio", an_upload::<Tokio>);
}
