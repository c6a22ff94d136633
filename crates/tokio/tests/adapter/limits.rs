//! Small write buffers over small pipes.

use std::time::Duration;

use futures::{SinkExt, StreamExt, future::join};
use tokio::{io::duplex, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message as Ws,
        protocol::{Role, WebSocketConfig},
    },
};
use websocket_heartbeat_tokio::{Frame, Message, adapter::TokioTungstenite};

/// The longest header of a client's frame in this test: with a length of two bytes, and a mask.
const HEADER: usize = 8;

/// Random numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}

/// The clock stands still while something moves, so a hang ends at once.
#[tokio::test(start_paused = true)]
async fn all_frames_arrive_in_order_with_any_limit() {
    for seed in 0..200 {
        let exchange = timeout(Duration::from_secs(60), exchange(seed));
        assert!(exchange.await.is_ok(), "seed {seed} hangs");
    }
}

async fn exchange(seed: u64) {
    let mut numbers = Numbers(seed);
    for _ in 0..8 {
        numbers.below(1);
    }
    let (near, far) = duplex(1 + numbers.below(400));
    let limit = 200 + numbers.below(2_000);
    let config = WebSocketConfig::default().write_buffer_size(numbers.below(limit));
    let config = config.max_write_buffer_size(limit).read_buffer_size(16 + numbers.below(64));
    let near = WebSocketStream::from_raw_socket(near, Role::Client, Some(config)).await;
    let far = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
    let lengths: Vec<_> = (0..40)
        .map(|_| {
            let longest = [limit - HEADER, 20, 20][numbers.below(3)];
            numbers.below(longest + 1)
        })
        .collect();
    let flushes: Vec<_> = lengths.iter().map(|_| numbers.below(4) == 0).collect();
    let [server_closes, by_the_sink] = [(); 2].map(|()| numbers.below(2) == 0);
    let pings = numbers.below(40);

    let (sink, mut stream) = TokioTungstenite::new(near).split();
    let (mut far_sink, far_stream) = far.split();
    let writing = async {
        let mut sink = sink;
        for (&length, &flush) in lengths.iter().zip(&flushes) {
            sink.feed(Message::binary(vec![7; length]).into()).await.unwrap();
            if flush {
                sink.flush().await.unwrap();
            }
        }
        match (server_closes, by_the_sink) {
            (true, _) => {}
            (false, true) => sink.close().await.unwrap(),
            (false, false) => sink.feed(Frame::Close(None)).await.unwrap(),
        }
        sink.flush().await.unwrap();
        sink
    };
    let reading = async {
        let mut read = 0;
        while let Some(frame) = stream.next().await {
            match frame.unwrap() {
                Frame::Ping(_) => read += 1,
                Frame::Close(_) => break,
                other => panic!("{other:?}"),
            }
        }
        read
    };
    let server = async {
        let mut received = Vec::new();
        let receiving = async {
            let mut far_stream = far_stream;
            while received.len() < lengths.len() {
                match far_stream.next().await.unwrap().unwrap() {
                    Ws::Binary(bytes) => received.push(bytes.len()),
                    Ws::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            far_stream
        };
        let sending = async {
            for number in 0..pings {
                far_sink.send(Ws::Ping(vec![b'x'; number].into())).await.unwrap();
            }
        };
        let (mut far_stream, ()) = join(receiving, sending).await;
        if server_closes {
            far_sink.send(Ws::Close(None)).await.unwrap();
        }
        let mut closed = false;
        while let Some(message) = far_stream.next().await {
            match message.unwrap() {
                Ws::Pong(_) => {}
                Ws::Close(_) => closed = true,
                other => panic!("{other:?}"),
            }
        }
        (received, closed)
    };
    let client = async {
        let (mut sink, read) = join(writing, reading).await;
        // The answer to a close frame.
        sink.flush().await.unwrap();
        read
    };
    let (read, (received, closed)) = join(client, server).await;
    assert_eq!(received, lengths, "seed {seed}");
    assert_eq!((read, closed), (pings, true), "seed {seed}");
}
