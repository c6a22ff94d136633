//! The messages and close reasons of an open session.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use futures::{FutureExt, StreamExt};
use websocket_heartbeat::{
    CloseFrame, Event, Heartbeat, LostCause, Message, Offline, OutboxSettings, Outgoing,
};
use websocket_heartbeat_tests::{Backend, expect};

use crate::{
    output::Output,
    planted::{OF_MESSAGES, OF_REQUEST, PAYLOAD, REASON, SUBPROTOCOL, all, assert_absent},
    refusals::{dialer, session},
    server::{self, close, frame, frames, request},
};

pub(crate) async fn messages_and_close_reasons_are_not_printed<B: Backend>() {
    let received = server::Received::default();
    let messages = received.clone();
    let (address, _) = server::start(move |number, head, mut stream| {
        server::accept(head, &mut stream, &format!("Set-Cookie: {}\r\n", PAYLOAD.1));
        let mut write = stream.try_clone().expect("a second handle");
        frames(&stream, |sent| {
            messages.push(String::from_utf8_lossy(&sent.payload));
            let payload = sent.payload;
            let mut answer = |opcode, payload: &[u8]| {
                let _ = write.write_all(&frame(opcode, payload));
            };
            match sent.opcode {
                1 => answer(1, &payload),
                // The binary message is the last one on the first connection.
                2 if number == 0 => {
                    answer(9, PAYLOAD.1.as_bytes());
                    answer(2, &payload);
                    answer(8, &close(4000, REASON.1));
                }
                8 => {
                    answer(8, &payload);
                    return false;
                }
                _ => {}
            }
            true
        });
    });
    let output = Arc::new(Mutex::new(Output::new()));
    let shown = || output.lock().expect("no panic");
    let outbox = OutboxSettings::new().offline(Offline::Keep).keep_unproven(100, 10_000);
    shown().debug(outbox);
    let heartbeat = Heartbeat::original().message(PAYLOAD.1);
    shown().debug(&heartbeat);
    let builder = session::<B>(&dialer(&output), &request("ws", address));
    let builder = builder.name("prices").heartbeat(heartbeat).outbox(outbox);
    shown().debug(&builder);
    let mut session = builder.build().expect("valid settings");
    let handle = session.handle();
    handle.replay(PAYLOAD.1, PAYLOAD.1).expect("room");
    let outgoing = Outgoing::new(PAYLOAD.1);
    shown().debug(&outgoing);
    handle.try_queue(outgoing).expect("room");
    let binary = Message::binary(PAYLOAD.1.as_bytes());
    shown().debug(&binary);
    shown().debug(handle.queue(PAYLOAD.1));
    let receipt = handle.queue_with_receipt(binary).now_or_never().expect("room").expect("open");
    shown().debug(&receipt);
    let (mut messages, mut opens) = (0, 0);
    let reason = loop {
        let event = session.next().await.expect("no end");
        shown().event(&event);
        shown().status(&handle.status());
        match &event {
            Event::Open(_) => opens += 1,
            Event::Message(message) => {
                assert_eq!(message.as_bytes(), PAYLOAD.1.as_bytes());
                messages += 1;
            }
            Event::Lost(lost) => match &lost.cause {
                LostCause::ClosedByPeer(Some(frame)) => break frame.clone(),
                other => panic!("{other:?}"),
            },
            _ => {}
        }
    };
    assert_eq!((messages, opens), (3, 1));
    assert_eq!(reason.reason, REASON.1);
    shown().debug(&reason);
    shown().debug(receipt.now_or_never());
    // The next connection is closed by this side, with a message that is not sent.
    while !matches!(expect_next(&mut session, &output).await, Event::Open(_)) {}
    shown().status(&handle.status());
    let frame = CloseFrame::new(4001, REASON.1);
    handle.close_with(frame).expect("a valid frame");
    let refused = handle.try_queue(PAYLOAD.1).expect_err("the session is closing");
    shown().error(&refused);
    while let Some(event) = session.next().await {
        shown().event(&event);
    }
    shown().status(&handle.status());
    let received = received.all();
    assert!(received.contains(PAYLOAD.1) && received.contains(REASON.1));

    // A session that is aborted returns its messages.
    let builder = self::session::<B>(&dialer(&output), &request("ws", address));
    let outbox = OutboxSettings::new().offline(Offline::Keep);
    let mut session = builder.outbox(outbox).build().expect("valid settings");
    let handle = session.handle();
    handle.try_queue(PAYLOAD.1).expect("room");
    expect::connecting(&mut session).await;
    handle.abort();
    let closed = expect::closed(&mut session).await;
    assert_eq!(closed.unsent[0].clone().into_message(), Some(Message::text(PAYLOAD.1)));
    shown().event(&Event::Closed(closed.into()));

    shown().assert_hidden(&[&OF_REQUEST[..], &OF_MESSAGES].concat());
    // The records contain the messages, the reasons and the selected subprotocol, and nothing else.
    let in_records = [PAYLOAD, REASON, SUBPROTOCOL];
    for (name, secret) in in_records {
        assert!(shown().json().contains(secret), "{name}: {}", shown().json());
    }
    let others: Vec<_> = all().into_iter().filter(|secret| !in_records.contains(secret)).collect();
    assert_absent(shown().json(), &others);
    // Spans, events and metrics were recorded.
    for record in ["wsbeat_dials_total", "prices", "closed by the server with code 4000"] {
        assert!(shown().shown().contains(record), "{record}");
    }
}

async fn expect_next(
    session: &mut (impl futures::Stream<Item = Event> + Unpin),
    output: &Mutex<Output>,
) -> Event {
    let event = session.next().await.expect("no end");
    output.lock().expect("no panic").event(&event);
    event
}
