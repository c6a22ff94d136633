//! The layers over a session: calls, acknowledgements, decoded messages, hooks.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use futures::join;
use websocket_heartbeat::{
    Event, Message,
    acks::{Ack, AckSettings, Acknowledged},
    calls::{Answer, CallEvent, CallSettings, Calls},
    typed::typed,
};
use websocket_heartbeat_tests::Backend;

use crate::{
    output::Output,
    planted::{OF_MESSAGES, OF_REQUEST, PAYLOAD, REASON},
    refusals::{dialer, session},
    server::{self, close, frame, frames, request},
};

/// The first request is answered. The second one is not, and the connection is closed.
fn server() -> (std::net::SocketAddr, server::Received) {
    let received = server::Received::default();
    let messages = received.clone();
    let (address, _) = server::start(move |_, head, mut stream| {
        server::accept(head, &mut stream, "");
        let mut write = stream.try_clone().expect("a second handle");
        frames(&stream, |sent| {
            let text = String::from_utf8_lossy(&sent.payload).into_owned();
            messages.push(&*text);
            let answers = if text.starts_with("1 ") {
                let answer = |id| frame(1, format!("answer {id} {}", PAYLOAD.1).as_bytes());
                [answer(7_777), answer(1)].concat()
            } else {
                frame(8, &close(4000, REASON.1))
            };
            let _ = write.write_all(&answers);
            text.starts_with("1 ")
        });
    });
    (address, received)
}

fn id_and_result(message: &Message) -> Option<(u64, String)> {
    let (id, result) = message.as_text()?.strip_prefix("answer ")?.split_once(' ')?;
    Some((id.parse().ok()?, result.to_owned()))
}

pub(crate) async fn calls_and_acknowledgements_print_no_messages<B: Backend>() {
    let output = Arc::new(Mutex::new(Output::new()));
    calls::<B>(&output).await;
    acknowledgements::<B>(&output).await;
    let output = output.lock().expect("no panic");
    output.assert_hidden(&[&OF_REQUEST[..], &OF_MESSAGES].concat());
}

async fn calls<B: Backend>(output: &Arc<Mutex<Output>>) {
    let shown = || output.lock().expect("no panic");
    let (address, received) = server();
    let builder = session::<B>(&dialer(output), &request("ws", address));
    let supervisor = builder.build().expect("valid settings");
    let handle = supervisor.handle();
    let settings = CallSettings::new(
        |id, question: &String| format!("{id} {question}").into(),
        |message| id_and_result(message).map(|(id, result)| Answer::new(id, result)),
    );
    shown().debug(&settings);
    let mut calls = Calls::new(supervisor, handle.clone(), B::timer(), settings).expect("valid");
    shown().debug(&calls);
    let caller = calls.caller();
    let ask = async {
        let call = caller.call(PAYLOAD.1.to_owned());
        shown().debug(&call);
        shown().debug(&caller);
        assert_eq!(call.await.expect("an answer"), PAYLOAD.1);
        let error = caller.call(PAYLOAD.1.to_owned()).await.expect_err("no answer");
        assert_eq!(error.request, PAYLOAD.1);
        shown().error(&error);
        handle.abort();
    };
    let mut unclaimed = 0;
    let mut typed = typed(|message: &Message| Err::<(), _>(message.as_text().map(str::to_owned)));
    let read = async {
        while let Some(event) = calls.next().await {
            shown().debug(&event);
            match event {
                CallEvent::Event(event) => {
                    shown().event(&event);
                    shown().debug(typed(event));
                }
                CallEvent::Unclaimed(answer) => {
                    assert_eq!(answer.result, PAYLOAD.1);
                    unclaimed += 1;
                }
                _ => {}
            }
        }
    };
    join!(ask, read);
    assert_eq!(unclaimed, 1);
    assert!(received.all().contains(PAYLOAD.1));
}

async fn acknowledgements<B: Backend>(output: &Arc<Mutex<Output>>) {
    let shown = || output.lock().expect("no panic");
    let (address, received) = server();
    let builder = session::<B>(&dialer(output), &request("ws", address));
    let supervisor = builder.build().expect("valid settings");
    let handle = supervisor.handle();
    let settings = AckSettings::new(|message| Some(Ack::One(id_and_result(message)?.0)));
    let settings = settings.window(2).max_connection_losses(1);
    shown().debug(&settings);
    let mut session =
        Acknowledged::new(supervisor, handle.clone(), B::timer(), settings).expect("valid");
    shown().debug(&session);
    let sender = session.sender();
    let send = async {
        let text = |id| format!("{id} {}", PAYLOAD.1);
        let queuing = sender.queue(1, text(1));
        shown().debug(&queuing);
        let receipt = queuing.await.expect("room");
        shown().debug(&receipt);
        receipt.await.expect("an acknowledgement");
        let receipt = sender.queue(2, text(2)).await.expect("room");
        shown().debug(&sender);
        let refused = sender.try_queue(2, text(2)).expect_err("a duplicate");
        shown().error(&refused);
        let error = receipt.await.expect_err("no acknowledgement");
        assert_eq!(error.message, Message::text(text(2)));
        shown().error(&error);
        handle.abort();
    };
    let read = async {
        while let Some(event) = session.next().await {
            shown().event(&event);
            assert!(!matches!(event, Event::Lagged(_)));
        }
    };
    join!(send, read);
    assert!(received.all().contains(PAYLOAD.1));
}
