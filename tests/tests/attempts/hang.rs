//! Connection attempts that hang.

use std::time::{Duration, Instant};

use futures::{StreamExt, channel::mpsc::unbounded, future::pending, poll};
use websocket_heartbeat::{
    CloseReason, ConnectTimeout, Constant, ErrorKind, Event, LostCause, TransportError,
};
use websocket_heartbeat_tests::{Backend, expect, serve_one};
use websocket_heartbeat_tungstenite::Request;

use crate::{
    DELAY, NEVER,
    phase::{Hanging, Phase},
    session,
};

const TIMEOUT: Duration = Duration::from_millis(50);

pub(crate) async fn the_connect_timeout_ends_an_attempt_in_each_phase<B: Backend>() {
    for &phase in Phase::ALL {
        let hanging = Hanging::start(phase, 2);
        let request = Request::new(&hanging.url).unwrap();
        let builder = B::connect(request).connect_timeout(TIMEOUT).backoff(Constant::new(DELAY));
        let mut supervisor = builder.build().unwrap();
        for attempt in 0..2 {
            // The time before the attempt, which may begin some time before its event is read.
            let begun = Instant::now();
            assert_eq!(expect::connecting(&mut supervisor).await.attempt, attempt);
            let lost = expect::lost(&mut supervisor).await;
            assert_eq!(lost.cause, LostCause::ConnectTimeout(TIMEOUT), "{phase:?}");
            assert!(begun.elapsed() >= TIMEOUT - Duration::from_millis(5), "{phase:?}");
            expect::retry(&mut supervisor).await;
        }
        supervisor.handle().close();
        assert_eq!(expect::closed(&mut supervisor).await.reason, CloseReason::User);
    }
}

pub(crate) async fn close_and_abort_end_an_attempt_in_each_phase<B: Backend>() {
    for &phase in Phase::ALL {
        for abort in [false, true] {
            let mut hanging = Hanging::start(phase, 1);
            let request = Request::new(&hanging.url).unwrap();
            // No deadline ends the attempt.
            let builder = B::connect(request).connect_timeout(NEVER).close_timeout(NEVER);
            let mut supervisor = builder.build().unwrap();
            expect::connecting(&mut supervisor).await;
            match &mut hanging.reached {
                Some(reached) => {
                    expect::no_event_until(&mut supervisor, reached.next()).await.unwrap();
                }
                None => assert!(poll!(supervisor.next()).is_pending()),
            }
            let handle = supervisor.handle();
            let reason = if abort {
                handle.abort();
                CloseReason::Aborted
            } else {
                handle.close();
                CloseReason::User
            };
            assert_eq!(expect::closed(&mut supervisor).await.reason, reason, "{phase:?}");
            // The supervisor is not dropped yet, but its connection is closed.
            hanging.finish();
            assert!(supervisor.next().await.is_none());
        }
    }
}

pub(crate) async fn each_attempt_resolves_its_address_again<B: Backend>() {
    // The name resolves to this address later.
    let (moved, server) = serve_one(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        while socket.read().is_ok() {}
    });
    let hanging = Hanging::start(Phase::Upgrade, 1);
    let first = hanging.url.clone();
    let (calls, mut called) = unbounded();
    let builder = session::<B, _>(move |attempt| {
        calls.unbounded_send(attempt.connection).unwrap();
        let first = first.clone();
        async move {
            let url = match attempt.connection {
                1 => pending().await,
                2 => first,
                3.. if attempt.number < 12 => {
                    return Err(TransportError::new(ErrorKind::Dns, "not yet"));
                }
                _ => format!("ws://{moved}/"),
            };
            B::dial(&Request::new(&url)?).await
        }
    });
    // The timeout of the last attempt is long enough for a slow machine.
    let builder = builder.connect_timeout(ConnectTimeout::growing(TIMEOUT, NEVER));
    let mut supervisor = builder.build().unwrap();
    expect::connecting(&mut supervisor).await;
    for timeout in [TIMEOUT, TIMEOUT * 2] {
        let lost = expect::lost(&mut supervisor).await;
        assert_eq!(lost.cause, LostCause::ConnectTimeout(timeout));
        expect::retry(&mut supervisor).await;
        expect::connecting(&mut supervisor).await;
    }
    let open = loop {
        match supervisor.next().await {
            Some(Event::Open(open)) => break open,
            Some(Event::Closed(closed)) => panic!("{closed:?}"),
            _ => {}
        }
    };
    for connection in 1..=open.connection {
        assert_eq!(called.next().await, Some(connection), "one call for each attempt");
    }
    supervisor.handle().abort();
    expect::closed(&mut supervisor).await;
    drop(supervisor);
    server.join().unwrap();
}
