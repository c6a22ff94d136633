//! The socket below the stream.

use std::{
    future::poll_fn,
    io::{self, Read},
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake},
};

use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, join, repeat, sink},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self,
        protocol::{Role, WebSocketConfig},
    },
};
use websocket_heartbeat_tokio::{Connection, ErrorKind, Frame, Message, adapter::TokioTungstenite};

use crate::{
    by_connect_async, by_transport, counted, end_after_a_drop, open, over, serve, use_up_budget,
};

#[tokio::test]
async fn a_drop_resets_if_the_socket_is_known() {
    for end in [
        end_after_a_drop(by_connect_async).await,
        end_after_a_drop(by_transport).await,
        end_after_a_drop(counted).await,
    ] {
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
    let unknown = end_after_a_drop(async |url: String| {
        let socket = open(&url).await?;
        over(url, socket).await
    });
    assert_eq!(unknown.await.unwrap(), 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_drop_after_the_close_handshake_delivers_everything() {
    let (dropped, begin) = std::sync::mpsc::channel();
    let (port, server) = serve(move |stream| {
        let mut raw = stream.try_clone().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.send(tungstenite::Message::Close(None)).unwrap();
        begin.recv().unwrap();
        let mut rest = Vec::new();
        raw.read_to_end(&mut rest).map(|_| rest.len() as u64)
    });
    let established = counted(format!("ws://127.0.0.1:{port}/")).await.unwrap();
    let mut connection = established.connection;
    let upgrade = connection.bytes_written().unwrap();
    // The server reads nothing, so its window of some 64 KiB closes, and the system holds the rest.
    // It is more than two segments, which a receiver may leave unacknowledged for a short time.
    while connection.unacknowledged().unwrap() < 192 << 10 {
        connection.send(Message::binary(vec![7; 16 << 10]).into()).await.unwrap();
    }
    assert_eq!(connection.next().await.unwrap().unwrap(), Frame::Close(None));
    connection.flush().await.unwrap();
    let written = connection.bytes_written().unwrap() - upgrade;
    drop(connection);
    dropped.send(()).unwrap();
    assert_eq!(server.join().unwrap().unwrap(), written);
}

#[tokio::test]
async fn the_numbers_of_a_counted_socket_are_known() {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let message = socket.read().unwrap();
        socket.send(message).unwrap();
        let _ = socket.read();
    });
    let established = counted(format!("ws://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(established.peer_address, None);
    let mut connection = established.connection;
    let (read, written) = (connection.bytes_read().unwrap(), connection.bytes_written().unwrap());
    assert!(read > 0 && written > 0, "the upgrade counts: {read} {written}");
    let message = Message::binary(vec![7; 100_000]);
    connection.send(message.clone().into()).await.unwrap();
    assert!(connection.next().await.unwrap().unwrap() == Frame::Message(message));
    // Frames of the client have a mask of four bytes.
    assert_eq!(connection.bytes_written().unwrap() - written, 100_000 + 10 + 4);
    assert_eq!(connection.bytes_read().unwrap() - read, 100_000 + 10);
    if cfg!(target_os = "linux") {
        assert_eq!(connection.unacknowledged(), Some(0));
    }
    drop(connection);
    server.join().unwrap();
}

#[tokio::test]
async fn the_socket_of_connect_async_is_known() {
    let (port, server) = serve(|stream| {
        let socket = tungstenite::accept(stream).unwrap();
        let _ = socket.get_ref().shutdown(Shutdown::Write);
        socket.get_ref().peer_addr().unwrap()
    });
    let established = by_connect_async(format!("ws://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(established.peer_address, Some(([127, 0, 0, 1], port).into()));
    assert_eq!(established.local_address, Some(server.join().unwrap()));
    assert_eq!(established.connection.bytes_written(), None);
    if cfg!(target_os = "linux") {
        assert_eq!(established.connection.unacknowledged(), Some(0));
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_reading_continues() {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.send("still here".into()).unwrap();
        let _ = socket.read();
    });
    let url = format!("ws://127.0.0.1:{port}/");
    let config = WebSocketConfig::default().write_buffer_size(100).max_write_buffer_size(1_000);
    let socket = open(&url).await.unwrap();
    let (stream, _) = client_async_with_config(url, socket, Some(config)).await.unwrap();
    let mut connection = TokioTungstenite::new(stream);
    let refused = connection.send(Message::binary(vec![0; 2_000]).into()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(connection.next().await.unwrap().unwrap(), Frame::Message("still here".into()));
    drop(connection);
    server.join().unwrap();
}

/// A connection to a server, whose write buffer has this limit. Nothing is written before a flush.
async fn with_write_limit(port: u16, limit: usize) -> TokioTungstenite<TcpStream> {
    let url = format!("ws://127.0.0.1:{port}/");
    let config = WebSocketConfig::default().write_buffer_size(limit - 1);
    let config = config.max_write_buffer_size(limit);
    let socket = open(&url).await.unwrap();
    let (stream, _) = client_async_with_config(url, socket, Some(config)).await.unwrap();
    TokioTungstenite::new(stream)
}

#[tokio::test]
async fn frames_that_exceed_the_limit_only_together_are_sent() {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let read: Vec<_> = std::iter::from_fn(|| socket.read().ok()).take(4).collect();
        let lengths = read.iter().map(tungstenite::Message::len).collect::<Vec<_>>();
        (lengths, read.last().unwrap().is_close())
    });
    let mut connection = with_write_limit(port, 1_000).await;
    for length in [990, 500, 990] {
        connection.feed(Message::binary(vec![0; length]).into()).await.unwrap();
    }
    connection.feed(Frame::Close(None)).await.unwrap();
    let late = connection.feed(Message::text("late").into()).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Protocol);
    connection.feed(Frame::Close(None)).await.unwrap();
    connection.flush().await.unwrap();
    assert_eq!(server.join().unwrap(), (vec![990, 500, 990, 0], true));
}

#[tokio::test]
async fn a_full_write_buffer_does_not_prevent_the_answer_to_a_close() {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.send(tungstenite::Message::Close(None)).unwrap();
        let read: Vec<_> = std::iter::from_fn(|| socket.read().ok()).collect();
        read.iter().map(|message| (message.len(), message.is_close())).collect::<Vec<_>>()
    });
    let mut connection = with_write_limit(port, 1_000).await;
    connection.feed(Message::binary(vec![0; 991]).into()).await.unwrap();
    assert_eq!(connection.next().await.unwrap().unwrap(), Frame::Close(None));
    connection.flush().await.unwrap();
    assert_eq!(server.join().unwrap(), [(991, false), (0, true)]);
}

#[tokio::test]
async fn a_task_without_budget_sends_and_receives() {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        assert_eq!(socket.read().unwrap(), "go".into());
        socket.send("here".into()).unwrap();
        let _ = socket.read();
    });
    let established = by_connect_async(format!("ws://127.0.0.1:{port}/")).await.unwrap();
    let mut connection = established.connection;
    connection.start_send_unpin(Message::text("go").into()).unwrap();
    poll_fn(|cx| {
        use_up_budget(cx);
        assert!(connection.poll_flush_unpin(cx).is_ready(), "the system has room");
        Poll::Ready(())
    })
    .await;
    connection.socket().unwrap().peek(&mut [0]).await.unwrap();
    let next = poll_fn(|cx| {
        use_up_budget(cx);
        Poll::Ready(connection.poll_next_unpin(cx))
    });
    assert_eq!(next.await, Poll::Ready(Some(Ok(Frame::Message("here".into())))));
    drop(connection);
    server.join().unwrap();
}

#[derive(Default)]
struct Recorder(AtomicBool);

impl Wake for Recorder {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

#[tokio::test]
async fn fragments_without_end_use_up_the_budget_only() {
    // The first fragment of a text, then empty fragments.
    let endless = AsyncReadExt::chain(&[0x01, 0x00][..], repeat(0));
    let stream = join(endless, sink());
    let config = WebSocketConfig::default().read_buffer_size(64);
    let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    let mut connection = TokioTungstenite::new(stream);
    poll_fn(|_| {
        // Before a verdict, a session polls again in the same poll of its task.
        for _ in 0..3 {
            let recorder = Arc::new(Recorder::default());
            let waker = recorder.clone().into();
            let polled = connection.poll_next_unpin(&mut Context::from_waker(&waker));
            assert!(polled.is_pending(), "the message is never complete");
            assert!(recorder.0.load(Ordering::Acquire), "there is more to read");
        }
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn after_it_used_up_the_budget_it_reads_without_one() {
    // A text of empty fragments: more than can be read with one budget.
    let fragments = AsyncReadExt::chain(&[0x01, 0x00][..], repeat(0).take(20_000));
    let stream = join(AsyncReadExt::chain(fragments, &[0x80, 0x00][..]), sink());
    let config = WebSocketConfig::default().read_buffer_size(64);
    let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    let mut connection = TokioTungstenite::new(stream);
    let first = poll_fn(|cx| Poll::Ready(connection.poll_next_unpin(cx))).await;
    assert!(first.is_pending());
    let mut polls = 0;
    let next = poll_fn(|cx| {
        polls += 1;
        assert!(polls < 1_000, "it does not read");
        use_up_budget(cx);
        connection.poll_next_unpin(cx)
    });
    assert_eq!(next.await, Some(Ok(Frame::Message("".into()))));
}
