//! Credentials from a function that is called for each attempt.

use std::{
    net::{SocketAddr, TcpListener},
    panic::resume_unwind,
    thread::{self, JoinHandle},
};

use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, unbounded},
    future::pending,
};
use tungstenite::handshake::server::{ErrorResponse, Request as Upgrade, Response};
use websocket_heartbeat::{ConnectTimeout, ErrorKind, LostCause, TransportError};
use websocket_heartbeat_tests::{Backend, expect};
use websocket_heartbeat_tungstenite::Request;

use crate::{DELAY, NEVER, session};

/// Accepts or refuses the attempts in the order of `accepts`, and sends the token of each attempt
/// to the returned receiver. Drops an open connection after the first message of the client.
fn server(
    attempts: usize,
    accepts: fn(&str) -> bool,
) -> (SocketAddr, UnboundedReceiver<String>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, tokens) = unbounded();
    let thread = thread::spawn(move || {
        for _ in 0..attempts {
            let (stream, _) = listener.accept().unwrap();
            #[allow(clippy::result_large_err, reason = "the type is tungstenite's")]
            let check = |upgrade: &Upgrade, response: Response| {
                let token = upgrade.headers()["authorization"].to_str().unwrap();
                seen.unbounded_send(token.to_owned()).unwrap();
                if accepts(token) {
                    return Ok(response);
                }
                let mut answer = ErrorResponse::new(None);
                *answer.status_mut() = tungstenite::http::StatusCode::UNAUTHORIZED;
                Err(answer)
            };
            if let Ok(mut socket) = tungstenite::accept_hdr(stream, check) {
                // Fails if the client has ended the connection.
                let _ = socket.read();
            }
        }
    });
    (address, tokens, thread)
}

async fn dial<B: Backend>(address: SocketAddr, token: u64) -> websocket_heartbeat_tests::Dialed<B> {
    let request = Request::new(&format!("ws://{address}/"))?;
    let request = request.header("Authorization", format!("Bearer {token}"))?;
    B::dial(&request).await
}

pub(crate) async fn each_attempt_sends_its_own_token<B: Backend>() {
    let (address, tokens, server) = server(4, |token| token != "Bearer 1");
    let (calls, called) = unbounded();
    let builder = session::<B, _>(move |attempt| {
        calls.unbounded_send(attempt.refresh).unwrap();
        dial::<B>(address, attempt.connection)
    });
    let mut supervisor = builder.build().unwrap();
    expect::connecting(&mut supervisor).await;
    let LostCause::Connect(error) = expect::lost(&mut supervisor).await.cause else { panic!() };
    assert_eq!(error.http_status(), Some(401));
    expect::retry(&mut supervisor).await;
    assert_eq!(expect::connected(&mut supervisor).await.connection, 2);
    for connection in 3..=4 {
        supervisor.handle().queue("the server drops the connection now").await.unwrap();
        assert!(expect::lost(&mut supervisor).await.opened);
        assert_eq!(expect::reconnected(&mut supervisor).await.connection, connection);
    }
    drop(supervisor);
    server.join().unwrap();
    let tokens: Vec<_> = tokens.collect().await;
    assert_eq!(tokens, ["Bearer 1", "Bearer 2", "Bearer 3", "Bearer 4"]);
    let refresh: Vec<_> = called.collect().await;
    assert_eq!(refresh, [false, true, false, false]);
}

pub(crate) async fn a_token_provider_may_hang_fail_panic_and_be_slow<B: Backend>() {
    let (address, tokens, server) = server(1, |_| true);
    // The first attempt, which hangs, has 50 ms. The last one has some minutes.
    let last = 14;
    let timeout = ConnectTimeout::growing(DELAY * 50, NEVER);
    let (calls, mut called) = unbounded();
    let (release, released) = unbounded();
    let mut released = Some(released);
    let builder = session::<B, _>(move |attempt| {
        let connection = attempt.connection;
        calls.unbounded_send(connection).unwrap();
        let released = if connection == last { released.take() } else { None };
        async move {
            match (connection, released) {
                (1, _) => pending().await,
                (_, Some(mut slow)) => slow.next().await.unwrap(),
                // Without a message on standard error.
                (2 | 4 | 6, None) => resume_unwind(Box::new("no token")),
                _ => return Err(TransportError::new(ErrorKind::Provider, "no token")),
            }
            dial::<B>(address, connection).await
        }
    });
    let mut supervisor = builder.connect_timeout(timeout).build().unwrap();
    assert_eq!(expect::connecting(&mut supervisor).await.connection, 1);
    let lost = expect::lost(&mut supervisor).await;
    assert_eq!(lost.cause, LostCause::ConnectTimeout(DELAY * 50));
    for connection in 2..last {
        expect::retry(&mut supervisor).await;
        assert_eq!(expect::connecting(&mut supervisor).await.connection, connection);
        let LostCause::Connect(error) = expect::lost(&mut supervisor).await.cause else { panic!() };
        let panicked = matches!(connection, 2 | 4 | 6);
        let kind = if panicked { ErrorKind::Panicked } else { ErrorKind::Provider };
        assert_eq!(error.kind(), kind);
    }
    expect::retry(&mut supervisor).await;
    assert_eq!(expect::connecting(&mut supervisor).await.connection, last);
    let calls = async { while called.next().await != Some(last) {} };
    expect::no_event_until(&mut supervisor, calls).await;
    release.unbounded_send(()).unwrap();
    assert_eq!(expect::open(&mut supervisor).await.connection, last);
    drop(supervisor);
    server.join().unwrap();
    assert_eq!(tokens.collect::<Vec<_>>().await, [format!("Bearer {last}")]);
}
