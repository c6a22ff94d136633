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
use websocket_heartbeat_tokio::{
    Request, Timer, Timestamp, TokioStream, TokioTimer, Tuning, connect, dial,
};
use websocket_heartbeat_tungstenite::{conformance, upgrade};

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

websocket_heartbeat_tungstenite::conformance_tests! {
    connect: connect,
    dial: dial,
    timer: TokioTimer::new,
    block_on: block_on,
}

#[tokio::test]
async fn a_stream_from_the_caller_keeps_the_contract() {
    conformance::contract(async |url: String| {
        let request = Request::new(&url)?;
        let stream = TcpStream::connect((request.host(), request.port())).await.expect("a server");
        let stream = TokioStream::try_from(stream.into_std().expect("a stream of std"));
        upgrade(stream.expect("a stream of tokio"), &request, Tuning::new()).await
    })
    .await;
}

#[tokio::test]
async fn any_stream_of_tokio_keeps_the_contract() {
    conformance::contract(async |url: String| {
        let request = Request::new(&url)?;
        let stream = TcpStream::connect((request.host(), request.port())).await.expect("a server");
        // It has no descriptor, and `flush` matters.
        let stream = BufStream::new(stream);
        upgrade(TokioStream::new(stream), &request, Tuning::new()).await
    })
    .await;
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
