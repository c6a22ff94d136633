//! `Debug`, `Display` and errors print no secrets: no payloads, reasons of close frames,
//! subprotocols, values of header fields, bodies or queries.

use std::fmt::{Debug, Display};

use futures::FutureExt;
use websocket_heartbeat::{
    CloseFrame, CloseReason, Constant, Established, Event, Fate, Frame, Headers, Heartbeat,
    HttpAnswer, LostCause, Message, Offline, OutboxSettings, Outgoing, QueueError, Supervisor,
    Text, TransportError,
};
use websocket_heartbeat_mock::{Clock, Script, mock};

use crate::harness::{Session, ms};

const SECRET: &str = "hush";

/// All output so far.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, value: impl Debug) {
        self.0 += &format!("{value:?} {value:#?}\n");
    }

    fn both(&mut self, value: impl Debug + Display) {
        self.debug(&value);
        self.0 += &format!("{value}\n");
    }

    #[track_caller]
    fn assert_silent(&self) {
        let line = self.0.lines().find(|line| {
            // The secret is not printed as bytes either.
            line.contains(SECRET) || line.contains("104, 117, 115, 104")
        });
        assert_eq!(line, None);
        assert!(!self.0.is_empty());
    }
}

fn message() -> Message {
    Message::text(SECRET)
}

fn close() -> CloseFrame {
    CloseFrame::new(4000, SECRET)
}

#[test]
fn values_with_secrets_do_not_print_them() {
    let mut shown = Shown::default();
    shown.debug(Text::from(SECRET));
    for message in [message(), Message::binary(SECRET.as_bytes())] {
        shown.debug(&message);
        shown.debug(Outgoing::new(message.clone()));
        shown.both(QueueError::Full(message.clone()));
        shown.both(QueueError::TooLarge(message.clone()));
        shown.debug(Event::Message(message.clone()));
        shown.debug(Fate::Unknown { connection: 1, message: Some(message.clone()) });
        let bytes = message.as_bytes().to_vec();
        for frame in [
            Frame::Message(message),
            Frame::Ping(bytes.clone().into()),
            Frame::Pong(bytes.into()),
            Frame::Close(Some(close())),
        ] {
            shown.debug(frame);
        }
    }
    shown.debug(Heartbeat::original().message(SECRET));
    let headers: Headers = [("X-Token", SECRET.as_bytes())].into_iter().collect();
    shown.debug(&headers);
    shown.debug(Established::new(()).subprotocol(Some(SECRET.into())).headers(headers.clone()));
    let cause = LostCause::ClosedByPeer(Some(close()));
    shown.both(&cause);
    shown.both(CloseReason::Stopped(cause));

    let fields = [("Location", &b"https://hush:hush@example.org/login?token=hush#hush"[..])];
    let redirect = HttpAnswer::new(302, fields.into_iter().collect(), SECRET.as_bytes());
    let refused = HttpAnswer::new(302, headers, SECRET.as_bytes());
    for answer in [redirect, refused] {
        shown.debug(&answer);
        let error = TransportError::http(answer, None);
        shown.both(&error);
        shown.both(LostCause::Connect(error));
    }
    shown.assert_silent();
}

#[test]
fn a_session_with_secrets_does_not_print_them() {
    let script = |_| {
        let script = Script::accept().subprotocol(SECRET).header("X-Token", SECRET).greet(SECRET);
        script.stall_writes_after(ms(10)).close_after(ms(50), 4000, SECRET)
    };
    let mut session = Session::new(script, |builder| {
        let builder = builder.heartbeat(Heartbeat::idle(ms(20)).message(SECRET));
        builder.backoff(Constant::new(ms(100))).outbox(OutboxSettings::new().offline(Offline::Keep))
    });
    let mut shown = Shown::default();
    session.run_to(30);
    let handle = session.handle.clone();
    handle.replay(SECRET, SECRET).unwrap();
    handle.try_queue(SECRET).unwrap();
    let receipt = handle.queue_with_receipt(SECRET).now_or_never().unwrap().unwrap();
    shown.debug(handle.queue(SECRET));
    shown.debug(handle.queue_with_receipt(SECRET));
    session.run_to(70);
    shown.debug(&handle);
    shown.debug(handle.status());
    shown.debug(&receipt);
    handle.close_with(close()).unwrap();
    session.run_to(1_000);
    let reported = session.timed_events();
    for name in ["open", "message", "lost", "closed"] {
        assert!(session.timed_words().iter().any(|(_, words)| words.starts_with(name)), "{name}");
    }
    shown.debug(&reported);
    for (_, event) in reported {
        match event {
            Event::Lost(lost) => shown.both(lost.cause),
            Event::Closed(closed) => shown.both(closed.reason),
            _ => {}
        }
    }
    shown.debug(receipt.now_or_never());
    shown.both(handle.try_queue(SECRET).unwrap_err());
    shown.debug(handle.status());
    shown.assert_silent();
}

#[test]
fn a_builder_a_driver_and_an_inbox_do_not_print_secrets() {
    let clock = Clock::new();
    let (transport, _peers) = mock(&clock);
    let builder = Supervisor::builder(transport, clock.timer())
        .heartbeat(Heartbeat::idle(ms(20)).message(SECRET))
        .outbox(OutboxSettings::new().offline(Offline::Keep));
    let mut shown = Shown::default();
    shown.debug(&builder);
    let (driver, inbox) = builder.build().unwrap().into_driver(8).unwrap();
    driver.handle().try_queue(SECRET).unwrap();
    shown.debug(&driver);
    shown.debug(&inbox);
    shown.assert_silent();
    for name in ["Builder {", "Driver {", "Inbox {"] {
        assert!(shown.0.contains(name), "{name}");
    }
}
