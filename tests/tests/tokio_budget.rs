//! tokio ends the polls of a busy task by a budget: what the task polls once the budget is used up
//! is pending, whatever there is to read. A healthy connection must not be lost for that.

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

/// A server that says when it has answered a ping; and its address.
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

/// As `select! { biased; .. }` does with a channel, before it, that is always ready.
fn use_up_budget(cx: &mut Context<'_>) {
    while pin!(consume_budget()).poll(cx).is_ready() {}
}

#[test]
fn a_connection_that_answers_is_not_lost_to_a_task_without_budget() {
    let (url, answers) = server();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The reactor is asked after each poll, so that what has come is known to be there.
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
