//! The contract of connections, transport and timer, on tokio.

use std::{
    future::{Future, poll_fn},
    io::Read,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use futures::AsyncWrite;
use tokio::{io::BufStream, net::TcpStream};
use websocket_heartbeat_conformance::{Ability, Server, Suite};
use websocket_heartbeat_tokio::{
    Connection, Established, Request, RequestError, Timer, Timestamp, TokioStream, TokioTimer,
    TokioTransport, TransportError, Tuning, connect, transport_fn, upgrade,
};

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

websocket_heartbeat_conformance::conformance_tests! {
    transport: |url: &str| TokioTransport::new(Request::new(url).unwrap()),
    timer: TokioTimer::new,
    block_on: block_on,
}

#[test]
fn a_session_can_move_between_threads() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(connect("ws://example.org").unwrap().build());
}

#[test]
fn a_url_that_cannot_work_is_refused_at_once() {
    let refused = connect("http://example.org").map(drop).unwrap_err();
    assert_eq!(refused, RequestError::Scheme);
    assert!(connect(Request::new("ws://example.org").unwrap()).is_ok());
}

/// Runs the suite with a function that makes one attempt.
async fn keeps<C, Fut>(client: &str, dial: fn(String) -> Fut)
where
    C: Connection,
    Fut: Future<Output = Dialed<C>>,
{
    let server = Server::start().expect("a free port");
    let transport = |url: &str| {
        let url = url.to_owned();
        transport_fn(move |_| dial(url.clone()))
    };
    let suite = Suite::new(transport, TokioTimer::new())
        .without(Ability::Discard, "a plain stream is closed, not reset")
        .without(Ability::WaitForBody, "an upgrade has no timer for it");
    suite.run(&server.url()).await.assert_kept(client);
}

type Dialed<C> = Result<Established<C>, TransportError>;

async fn over_std(url: String) -> Dialed<impl Connection> {
    let request = Request::new(&url)?;
    let stream = TcpStream::connect((request.host(), request.port())).await?;
    let stream = TokioStream::try_from(stream.into_std()?)?;
    upgrade(stream, &request, Tuning::new()).await
}

/// It has no descriptor, and `flush` matters.
async fn over_a_buffer(url: String) -> Dialed<impl Connection> {
    let request = Request::new(&url)?;
    let stream = BufStream::new(TcpStream::connect((request.host(), request.port())).await?);
    upgrade(TokioStream::new(stream), &request, Tuning::new()).await
}

#[tokio::test]
async fn a_stream_from_the_caller_keeps_the_contract() {
    keeps("a stream of std", over_std).await;
}

#[tokio::test]
async fn any_stream_of_tokio_keeps_the_contract() {
    keeps("a buffered stream", over_a_buffer).await;
}

#[tokio::test]
async fn a_task_without_budget_flushes_a_stream_that_buffers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("a server");
    let mut stream = TokioStream::new(BufStream::new(stream));
    poll_fn(|cx| {
        while pin!(tokio::task::consume_budget()).poll(cx).is_ready() {}
        assert!(matches!(Pin::new(&mut stream).poll_write(cx, b"one"), Poll::Ready(Ok(3))));
        assert!(matches!(Pin::new(&mut stream).poll_flush(cx), Poll::Ready(Ok(()))));
        Poll::Ready(())
    })
    .await;
    let mut received = [0; 3];
    let (mut server, _) = listener.accept().expect("a client");
    server.read_exact(&mut received).expect("three bytes");
    assert_eq!(&received, b"one");
}

#[tokio::test(start_paused = true)]
async fn the_timer_follows_a_paused_clock() {
    let timer = TokioTimer::new();
    let hour = Timestamp::from_epoch(Duration::from_secs(3_600));
    timer.sleep_until(hour).await;
    assert!(timer.now() >= hour);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(timer.now().saturating_since(hour) >= Duration::from_secs(60));
}
