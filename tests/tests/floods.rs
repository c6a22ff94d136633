//! Servers that send without end. A session still returns from each poll, and closes on request.
//! With `--nocapture` the tests print the longest poll. Its length is not checked, since it depends
//! on the machine. The tests of core check its limits.
#![cfg(unix)]

use std::{io::Write, net::TcpStream, pin::Pin, task::Poll, time::Duration};

use futures::{Stream, future::poll_fn};
use websocket_heartbeat::{CloseReason, Event};
use websocket_heartbeat_tests::{
    Backend, accept_upgrade, over_every_backend, run_blocking, serve_one, thread_cpu_time, title,
};
use websocket_heartbeat_tungstenite::Request;

over_every_backend! {
    run_blocking;
    a_session_closes_under_empty_fragments
    a_session_closes_under_small_fragments
    a_session_closes_under_fragments_and_unread_pongs
    a_session_closes_under_pongs
    a_session_closes_under_pings
    a_session_closes_under_messages
}

/// A message that does not end, in empty fragments.
fn a_session_closes_under_empty_fragments<B: Backend>() {
    closes::<B>("empty fragments", Flood { first: &[0x01, 0], rest: &[0x00, 0] });
}

/// The same in fragments of one byte.
fn a_session_closes_under_small_fragments<B: Backend>() {
    closes::<B>("small fragments", Flood { first: &[0x01, 1, b'a'], rest: &[0x00, 1, b'a'] });
}

/// Pings, which the client has to answer, between the fragments. The server never reads.
fn a_session_closes_under_fragments_and_unread_pongs<B: Backend>() {
    let first = &[0x89, 1, b'p', 0x01, 0];
    let rest = &[0x89, 1, b'p', 0x00, 0, 0x00, 0];
    closes::<B>("fragments and unread pongs", Flood { first, rest });
}

fn a_session_closes_under_pongs<B: Backend>() {
    closes::<B>("pongs", Flood { first: &[0x8a, 0], rest: &[0x8a, 0] });
}

fn a_session_closes_under_pings<B: Backend>() {
    closes::<B>("pings", Flood { first: &[0x89, 0], rest: &[0x89, 1, b'p'] });
}

fn a_session_closes_under_messages<B: Backend>() {
    closes::<B>("messages", Flood { first: &[0x81, 0], rest: &[0x81, 1, b'm'] });
}

/// The bytes of a server: `first` once, then `rest` again and again.
#[derive(Clone, Copy)]
struct Flood {
    first: &'static [u8],
    rest: &'static [u8],
}

/// Upgrades, then sends until the client is gone. It reads nothing more.
fn serve(mut stream: TcpStream, flood: Flood) {
    accept_upgrade(&mut stream);
    stream.write_all(flood.first).expect("sent");
    let rest = flood.rest.repeat(128 * 1024 / flood.rest.len());
    while stream.write_all(&rest).is_ok() {}
}

fn closes<B: Backend>(name: &str, flood: Flood) {
    let (address, _server) = serve_one(move |stream| serve(stream, flood));
    let request = Request::new(&format!("ws://{address}/")).expect("a URL");
    B::block_on(async {
        let settings = B::connect(request).close_timeout(Duration::from_millis(200));
        let mut session = settings.build().expect("valid settings");
        let handle = session.handle();
        while !matches!(session.next().await, Some(Event::Open(_))) {}
        // A turn ends with the poll that is pending.
        let (mut turns, mut longest) = (0, Duration::ZERO);
        poll_fn(|cx| {
            let before = thread_cpu_time();
            while Pin::new(&mut session).poll_next(cx).is_ready() {}
            longest = longest.max(thread_cpu_time() - before);
            turns += 1;
            if turns < 40 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        println!("{}: the longest of {turns} turns took {longest:?}", title::<B>(name));
        handle.close();
        loop {
            match session.next().await {
                Some(Event::Message(_)) => {}
                Some(Event::Closed(closed)) => {
                    break assert_eq!(closed.reason, CloseReason::User);
                }
                other => panic!("expected Closed, got {other:?}"),
            }
        }
    });
}
