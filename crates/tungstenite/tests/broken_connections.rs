//! The rules of the contract find connections over sockets that break it. The tests of the mock
//! have a fault for each of the other rules.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};

use async_net::TcpStream;
use futures::{Sink, SinkExt, Stream, StreamExt, executor::block_on};
use websocket_heartbeat::{
    Connection, ErrorKind, Established, Frame, FuturesTimer, Message, TransportError, transport_fn,
};
use websocket_heartbeat_conformance::{Ability, Outcome, RULES, Rule, Server, Suite};
use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, upgrade};

/// How a connection or an attempt breaks the contract.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    HidesPings,
    HidesPongs,
    SkipsEmptyMessages,
    RefusesASecondClose,
    SendsAfterTheClose,
    HasAnotherError,
    ReportsAfterTheEnd,
    CountsNoWrittenBytes,
    CountsNoReadBytes,
    AcknowledgesNothing,
    EndsWhenItShrinks,
    EndsNoStream,
    DropsTheAnswer,
}

/// Each fault, with the rules that find it.
const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::HidesPings, &["a ping is reported"]),
    (Fault::HidesPongs, &["a pong is reported"]),
    (Fault::SkipsEmptyMessages, &["messages are read complete and unchanged"]),
    (Fault::RefusesASecondClose, &["a second close frame of ours is accepted and not sent"]),
    (Fault::SendsAfterTheClose, &["a message after a close frame of ours is refused"]),
    (
        Fault::HasAnotherError,
        &[
            "a violation of the protocol has a kind of its own",
            "a port without a program refuses",
            "an answer that is no upgrade is a violation",
            "an end before the answer is complete is reported",
        ],
    ),
    (Fault::ReportsAfterTheEnd, &["nothing is read after an error or the end"]),
    (Fault::CountsNoWrittenBytes, &["the numbers of bytes include a message"]),
    (Fault::CountsNoReadBytes, &["the numbers of bytes include a message"]),
    (Fault::AcknowledgesNothing, &["bytes that have arrived are not unacknowledged"]),
    (Fault::EndsWhenItShrinks, &["releasing memory changes nothing else"]),
    (Fault::EndsNoStream, &["a flush after both close frames has ended the stream"]),
    (Fault::DropsTheAnswer, &["the wait that a refusal demands may be a date"]),
    // An upgrade does not wait for it.
    (Fault::None, &["a body that arrives late is kept"]),
];

struct Faulty {
    socket: Socket<TcpStream>,
    fault: Fault,
    closed: bool,
    peer_closed: bool,
    ended: bool,
}

impl Faulty {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

impl Stream for Faulty {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended && self.is(Fault::ReportsAfterTheEnd) {
            return Poll::Ready(Some(Ok(Frame::Close(None))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            let next = match ready!(self.socket.poll_next_unpin(cx)) {
                Some(Ok(Frame::Ping(_))) if self.is(Fault::HidesPings) => continue,
                Some(Ok(Frame::Pong(_))) if self.is(Fault::HidesPongs) => {
                    Some(Ok(Frame::Close(None)))
                }
                Some(Ok(Frame::Message(message)))
                    if self.is(Fault::SkipsEmptyMessages) && message.is_empty() =>
                {
                    Some(Ok(Message::text("filled").into()))
                }
                Some(Err(_)) if self.is(Fault::HasAnotherError) => {
                    Some(Err(TransportError::new(ErrorKind::Other, "something")))
                }
                next => next,
            };
            self.ended = !matches!(next, Some(Ok(_)));
            self.peer_closed |= matches!(next, Some(Ok(Frame::Close(_))));
            return Poll::Ready(next);
        }
    }
}

impl Sink<Frame> for Faulty {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.socket.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        if self.closed && self.is(Fault::SendsAfterTheClose) {
            return Ok(());
        }
        let close = matches!(frame, Frame::Close(_));
        if self.closed && close && self.is(Fault::RefusesASecondClose) {
            return Err(TransportError::new(ErrorKind::Protocol, "closed twice"));
        }
        self.closed |= close;
        self.socket.start_send_unpin(frame)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        // Its close frame is written, but the stream is not ended.
        if self.peer_closed && self.is(Fault::EndsNoStream) {
            return Poll::Ready(Ok(()));
        }
        self.socket.poll_flush_unpin(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.socket.poll_close_unpin(cx)
    }
}

impl Connection for Faulty {
    fn bytes_written(&self) -> Option<u64> {
        if self.is(Fault::CountsNoWrittenBytes) { Some(7) } else { self.socket.bytes_written() }
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.is(Fault::AcknowledgesNothing).then_some(7)
    }

    fn bytes_read(&self) -> Option<u64> {
        if self.is(Fault::CountsNoReadBytes) { Some(7) } else { self.socket.bytes_read() }
    }

    fn shrink(mut self: Pin<&mut Self>) {
        self.ended |= self.is(Fault::EndsWhenItShrinks);
    }
}

/// One attempt, whose error is changed by the fault.
async fn dial(url: String, fault: Fault) -> Result<Established<Faulty>, TransportError> {
    let attempt = async {
        let request = Request::new(&url)?;
        let stream = TcpStream::connect((request.host(), request.port())).await?;
        upgrade(stream, &request, Tuning::new()).await
    };
    let established = attempt.await.map_err(|error| match fault {
        Fault::HasAnotherError => TransportError::new(ErrorKind::Other, "something"),
        Fault::DropsTheAnswer => TransportError::new(error.kind(), "refused"),
        _ => error,
    })?;
    Ok(established.map(|socket| Faulty {
        socket,
        fault,
        closed: false,
        peer_closed: false,
        ended: false,
    }))
}

/// Checks a rule with connections that have this fault.
fn outcome(server: &str, fault: Fault, rule: Rule) -> Outcome {
    let transport = |url: &str| {
        let url = url.to_owned();
        transport_fn(move |_| dial(url.clone(), fault))
    };
    // Some faults are only found by the time limit.
    let limit = Duration::from_secs(if fault == Fault::None { 30 } else { 3 });
    let suite = Suite::new(transport, FuturesTimer::new()).time_limit(limit);
    block_on(suite.check(server, rule))
}

#[test]
fn each_broken_rule_is_found() {
    let server = Server::start().unwrap();
    let url = &server.url();
    thread::scope(|scope| {
        let threads: Vec<_> = FAULTS
            .iter()
            .flat_map(|(fault, rules)| rules.iter().map(|rule| (*fault, Rule::find(rule).unwrap())))
            .map(|(fault, rule)| (fault, rule, scope.spawn(move || outcome(url, fault, rule))))
            .collect();
        for (fault, rule, thread) in threads {
            let outcome = thread.join().unwrap();
            let found = matches!(outcome, Outcome::Broken(_));
            assert!(found, "{fault:?} is {outcome:?} by {:?}", rule.name());
        }
    });
}

/// The mock cannot have these abilities.
#[test]
fn each_rule_about_a_socket_has_a_fault() {
    for rule in RULES {
        let socket = [Ability::EndStream, Ability::ReadAnswers];
        if rule.needs().iter().any(|need| socket.contains(need)) {
            let broken = FAULTS.iter().any(|(_, rules)| rules.contains(&rule.name()));
            assert!(broken, "no fault for {:?}", rule.name());
        }
    }
}

#[test]
fn rules_are_kept_without_a_fault() {
    let server = Server::start().unwrap();
    for (_, rules) in FAULTS.iter().filter(|(fault, _)| *fault != Fault::None) {
        for rule in *rules {
            let outcome = outcome(&server.url(), Fault::None, Rule::find(rule).unwrap());
            assert_eq!(outcome, Outcome::Kept, "{rule}");
        }
    }
}
