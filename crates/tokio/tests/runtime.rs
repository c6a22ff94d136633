//! Sessions in a wrong runtime: each ends at once, with a reason that names the remedy.

use std::{future::Future, net::TcpListener, pin::Pin};

use futures::{StreamExt, executor::block_on};
use tokio::runtime::Builder;
use websocket_heartbeat_tokio::{CloseReason, ErrorKind, Event, Preset, UserFunction, connect};

/// The reason why a session with a server that never answers ends, and the number of its attempts.
async fn ended(host: &str, preset: Preset) -> (CloseReason, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{host}:{}", listener.local_addr().unwrap().port());
    let supervisor = connect(url).unwrap().preset(preset).build().unwrap();
    let events: Vec<Event> = supervisor.collect().await;
    let attempts = events.iter().filter(|event| matches!(event, Event::Connecting(_))).count();
    match events.last() {
        Some(Event::Closed(closed)) => (closed.reason.clone(), attempts),
        last => panic!("{last:?}"),
    }
}

/// The session ends after one attempt, because the sockets cannot be used.
fn no_sockets(host: &'static str, words: &str, run: impl Fn(Ended) -> (CloseReason, usize)) {
    for preset in [Preset::Resilient, Preset::Original] {
        let (reason, attempts) = run(Box::pin(ended(host, preset)));
        let CloseReason::Stopped(cause) = &reason else { panic!("{reason:?}") };
        let error = cause.transport_error().unwrap();
        assert_eq!((error.kind(), attempts), (ErrorKind::Runtime, 1), "{error}");
        let text = reason.to_string();
        assert!(text.contains(words) && text.contains("enable_all"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

type Ended = Pin<Box<dyn Future<Output = (CloseReason, usize)>>>;

#[test]
fn a_session_without_a_runtime_stops_with_the_remedy() {
    // An address needs no resolver.
    for host in ["127.0.0.1", "localhost"] {
        no_sockets(host, "there is no reactor running", block_on);
    }
}

#[test]
fn a_session_without_tokio_io_stops_with_the_remedy() {
    for with_time in [false, true] {
        no_sockets("127.0.0.1", "IO is disabled", |ended| {
            let mut builder = Builder::new_current_thread();
            if with_time {
                builder.enable_time();
            }
            builder.build().unwrap().block_on(ended)
        });
    }
}

#[test]
fn a_session_without_tokio_time_ends_with_the_panic_of_the_timer() {
    for host in ["127.0.0.1", "localhost"] {
        for preset in [Preset::Resilient, Preset::Original] {
            let runtime = Builder::new_current_thread().enable_io().build().unwrap();
            let (reason, attempts) = runtime.block_on(ended(host, preset));
            let CloseReason::Panicked(panic) = &reason else { panic!("{reason:?}") };
            assert_eq!((panic.function, attempts), (UserFunction::Timer, 1));
            assert!(panic.words.contains("timers are disabled"), "{panic}");
            assert!(panic.words.contains("enable_time"), "{panic}");
        }
    }
}

#[test]
fn a_runtime_with_io_and_time_is_accepted() {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().unwrap();
    let events: Vec<Event> = runtime.block_on(async {
        // The port is free: the connection is refused.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        drop(listener);
        connect(url).unwrap().attempts(0).build().unwrap().collect().await
    });
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    let error = closed.reason.cause().and_then(|cause| cause.transport_error());
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Refused), "{closed}");
}
