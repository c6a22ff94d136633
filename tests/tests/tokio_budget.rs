//! tokio limits each poll of a task by a budget. After the budget is used up, the task's sockets are
//! pending even if they are readable. A healthy connection must not be lost because of that.

use std::{
    future::{Future, poll_fn},
    net::TcpListener,
    pin::pin,
    sync::mpsc::{Receiver, channel},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use futures::StreamExt;
use tokio::task::{consume_budget, yield_now};
use tungstenite::Message;
use websocket_heartbeat_tokio::{Event, Heartbeat, connect};

/// A server, and a receiver that gets an item for each answered ping.
fn server() -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (answered, answers) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut socket = tungstenite::accept(stream.unwrap()).unwrap();
            while let Ok(message) = socket.read() {
                if matches!(message, Message::Ping(_)) {
                    socket.flush().unwrap();
                    let _ = answered.send(());
                }
            }
        }
    });
    (format!("ws://{address}"), answers)
}

/// Like a task that polls a ready channel before the session, in `select! { biased; .. }`.
fn use_up_budget(cx: &mut Context<'_>) {
    while pin!(consume_budget()).poll(cx).is_ready() {}
}

#[test]
fn a_task_without_budget_does_not_lose_a_healthy_connection() {
    let (url, answers) = server();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The reactor runs after each poll, so that the socket is readable as soon as bytes are there.
        .event_interval(1)
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let heartbeat = Heartbeat::idle(Duration::from_millis(500)).timeout(Duration::from_secs(1));
        let mut session =
            connect(url.as_str()).unwrap().heartbeat(heartbeat.ping()).build().unwrap();
        let handle = session.handle();
        let mut opened = false;
        let mut answered = 0;
        let mut steps = 0;
        while steps < 100 {
            poll_fn(|cx| {
                if opened {
                    use_up_budget(cx);
                }
                while let Poll::Ready(event) = session.poll_next_unpin(cx) {
                    match event.unwrap() {
                        Event::Open(_) => opened = true,
                        Event::Lost(lost) => panic!("{:?}", lost.cause),
                        _ => {}
                    }
                }
                Poll::Ready(())
            })
            .await;
            while answered < handle.status().counters.probes_sent {
                answers.recv_timeout(Duration::from_secs(60)).unwrap();
                answered += 1;
            }
            for _ in 0..8 {
                yield_now().await;
            }
            if opened {
                tokio::time::advance(Duration::from_millis(100)).await;
                steps += 1;
            } else {
                thread::yield_now();
            }
        }
        assert!(answered >= 10, "{answered}");
    });
}
