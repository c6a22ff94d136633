//! [`session`]: a supervised session with a real server.

use std::{future::poll_fn, net::TcpListener, pin::Pin, thread, time::Duration};

use futures_core::Stream;
use tungstenite::{
    Message as Ws,
    protocol::{CloseFrame as WsCloseFrame, frame::coding::CloseCode},
};
use websocket_heartbeat::{
    Builder, CloseReason, Constant, Event, Heartbeat, LostCause, Preset, Supervisor, Timer,
    Transport,
};

use super::server::{Server, finish, next_client};

const SILENCE: Duration = Duration::from_millis(100);

/// Long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a session, made by a backend's `connect`, with a server that fails in each way.
///
/// # Panics
///
/// If a failure is not detected, not reported, or not followed by a new connection.
pub async fn session<T: Transport, K: Timer>(connect: impl FnOnce(&str) -> Builder<T, K>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || {
        let next = || tungstenite::accept(next_client(&listener)).expect("a WebSocket client");
        closes(next());
        // Ends the stream before the upgrade.
        drop(next_client(&listener));
        ends_the_stream(next());
        does_not_answer(next());
        keeps_open(next());
    });
    let settings = connect(&url)
        .preset(Preset::Resilient)
        .backoff(Constant::new(Duration::from_millis(10)))
        .stable_after(Duration::ZERO)
        .minimum_gap(Duration::from_millis(1))
        .heartbeat(Heartbeat::idle(SILENCE).ping().timeout(TIMEOUT));
    let mut supervisor = settings.build().expect("the settings make sense");
    let handle = supervisor.handle();

    opens(&mut supervisor).await;
    handle.try_queue("one").expect("taken");
    assert_eq!(message(&mut supervisor).await, "one");
    assert_eq!(loss(&mut supervisor).await.close_code(), Some(1001));

    let cause = loss(&mut supervisor).await;
    assert!(matches!(cause, LostCause::Connect(_)), "{cause}");

    opens(&mut supervisor).await;
    handle.try_queue("two").expect("taken");
    assert_eq!(message(&mut supervisor).await, "two");
    let cause = loss(&mut supervisor).await;
    assert!(matches!(cause, LostCause::Broken(_)), "{cause}");

    opens(&mut supervisor).await;
    let cause = loss(&mut supervisor).await;
    assert!(matches!(cause, LostCause::HeartbeatTimeout(_)), "{cause}");

    opens(&mut supervisor).await;
    assert_eq!(message(&mut supervisor).await, "still here");
    handle.close();
    match next(&mut supervisor).await {
        Event::Closed(closed) => assert_eq!(closed.reason, CloseReason::User),
        other => panic!("the session closes, not {other:?}"),
    }
    let after = poll_fn(|cx| Pin::new(&mut supervisor).poll_next(cx)).await;
    assert!(after.is_none(), "{after:?}");
    finish(server);
}

fn closes(mut server: Server) {
    let message = server.read().expect("a message");
    server.send(message).expect("sent");
    let close = WsCloseFrame { code: CloseCode::Away, reason: "".into() };
    server.close(Some(close.clone())).expect("sent");
    assert_eq!(server.read().expect("an answer"), Ws::Close(Some(close)));
}

fn ends_the_stream(mut server: Server) {
    let message = server.read().expect("a message");
    server.send(message).expect("sent");
}

fn does_not_answer(mut server: Server) {
    let stream = server.get_mut();
    while std::io::Read::read(stream, &mut [0; 64]).is_ok_and(|count| count > 0) {}
}

/// Answers pings, and waits for the client to close.
fn keeps_open(mut server: Server) {
    for _ in 0..5 {
        let ping = server.read().expect("a ping");
        assert!(ping.is_ping(), "{ping:?}");
        server.flush().expect("answered");
    }
    server.send("still here".into()).expect("sent");
    while !server.read().expect("a close frame").is_close() {}
}

async fn next<T: Transport, K: Timer>(supervisor: &mut Supervisor<T, K>) -> Event {
    loop {
        match poll_fn(|cx| Pin::new(&mut *supervisor).poll_next(cx)).await {
            Some(Event::Connecting(_) | Event::Retry(_)) => {}
            Some(event) => return event,
            None => panic!("the session continues"),
        }
    }
}

async fn opens<T: Transport, K: Timer>(supervisor: &mut Supervisor<T, K>) {
    let event = next(supervisor).await;
    assert!(matches!(event, Event::Open(_)), "a connection opens, not {event:?}");
}

async fn message<T: Transport, K: Timer>(supervisor: &mut Supervisor<T, K>) -> String {
    match next(supervisor).await {
        Event::Message(message) => message.as_text().expect("a text").to_owned(),
        other => panic!("a message, not {other:?}"),
    }
}

async fn loss<T: Transport, K: Timer>(supervisor: &mut Supervisor<T, K>) -> LostCause {
    match next(supervisor).await {
        Event::Lost(lost) => lost.cause,
        other => panic!("the connection is lost, not {other:?}"),
    }
}
