//! Servers that send without end: a session gives its thread back again and again, and closes when
//! it is told to. Run with `--nocapture`, the tests print the longest turn; no test fails for its
//! length, since that depends on the machine: what bounds it is counted in core's tests.
#![cfg(unix)]

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    pin::Pin,
    task::Poll,
    thread,
    time::Duration,
};

use futures::{Stream, StreamExt, future::poll_fn};
use websocket_heartbeat::{CloseReason, Event};
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio, accept_upgrade, guarded};
use websocket_heartbeat_tungstenite::Request;

/// What a server sends: something to begin with, and what it repeats from then on.
#[derive(Clone, Copy)]
struct Flood {
    first: &'static [u8],
    rest: &'static [u8],
}

/// A text that does not end, and its continuations that do not either.
const EMPTY_FRAGMENTS: Flood = Flood { first: &[0x01, 0], rest: &[0x00, 0] };

/// Each of one byte.
const SMALL_FRAGMENTS: Flood = Flood { first: &[0x01, 1, b'a'], rest: &[0x00, 1, b'a'] };

/// A ping that has to be answered stands before the fragments, and the server never reads.
const PINGS_AND_FRAGMENTS: Flood =
    Flood { first: &[0x89, 1, b'p', 0x01, 0], rest: &[0x89, 1, b'p', 0x00, 0, 0x00, 0] };

const PONGS: Flood = Flood { first: &[0x8a, 0], rest: &[0x8a, 0] };

const PINGS: Flood = Flood { first: &[0x89, 0], rest: &[0x89, 1, b'p'] };

const MESSAGES: Flood = Flood { first: &[0x81, 0], rest: &[0x81, 1, b'm'] };

/// Of this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Upgrades, then sends until the client is gone. It reads nothing more.
fn serve(mut stream: TcpStream, flood: Flood) {
    accept_upgrade(&mut stream);
    stream.write_all(flood.first).expect("sent");
    let rest = flood.rest.repeat(128 * 1024 / flood.rest.len());
    while stream.write_all(&rest).is_ok() {}
}

/// A session under a flood gives its thread back again and again, and closes when it is told to.
fn closes<B: Backend>(name: &'static str, flood: Flood) {
    guarded(&format!("{name} over {}", B::NAME), move || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("ws://{}/", listener.local_addr().expect("bound"));
        thread::spawn(move || serve(listener.accept().expect("a client").0, flood));
        B::block_on(async {
            let settings = B::connect(Request::new(&url).expect("a URL"));
            let settings = settings.close_timeout(Duration::from_millis(200));
            let mut session = settings.build().expect("settings that make sense");
            let handle = session.handle();
            while !matches!(session.next().await, Some(Event::Open(_))) {}
            // A turn ends with the poll that gives the thread back.
            let (mut turns, mut longest) = (0, Duration::ZERO);
            poll_fn(|cx| {
                let before = cpu_time();
                while Pin::new(&mut session).poll_next(cx).is_ready() {}
                longest = longest.max(cpu_time() - before);
                turns += 1;
                if turns < 40 { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            println!("{name} over {}: the longest of {turns} turns took {longest:?}", B::NAME);
            handle.close();
            loop {
                match session.next().await {
                    Some(Event::Message(_)) => {}
                    Some(Event::Closed(closed)) => {
                        break assert_eq!(closed.reason, CloseReason::User);
                    }
                    other => panic!("the session closes, not {other:?}"),
                }
            }
        });
    });
}

macro_rules! over_every_backend {
    ($($name:ident: $flood:ident;)*) => {
        over_every_backend! { @over smol: Smol [$($name $flood)*] }
        over_every_backend! { @over async_std: AsyncStd [$($name $flood)*] }
        over_every_backend! { @over tokio: Tokio [$($name $flood)*] }
    };
    (@over $backend_name:ident: $backend:ident [$($name:ident $flood:ident)*]) => {
        mod $backend_name {
            $(
                #[test]
                fn $name() {
                    crate::closes::<crate::$backend>(stringify!($name), crate::$flood);
                }
            )*
        }
    };
}

over_every_backend! {
    closes_under_empty_fragments: EMPTY_FRAGMENTS;
    closes_under_small_fragments: SMALL_FRAGMENTS;
    closes_under_fragments_and_unread_pongs: PINGS_AND_FRAGMENTS;
    closes_under_pongs: PONGS;
    closes_under_pings: PINGS;
    closes_under_messages: MESSAGES;
}
