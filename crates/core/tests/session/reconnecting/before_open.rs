//! The exchange before a connection counts as open.

use futures::StreamExt;
use websocket_heartbeat::{
    Attempt, BoxTransport, ErrorKind, Event, LostCause, Message, OutboxSettings, Preset,
    QueueError, Supervisor, Timestamp, Transport, TransportError, before_open,
};
use websocket_heartbeat_mock::{
    Clock, MockTimer, MockTransport, Remote, Runner, Script, at_every_cancellation, mock,
};

use crate::harness::secs;

/// A transport that logs in on each connection.
fn login(
    clock: &Clock,
) -> (impl Transport<Connection: Send + 'static, Connect: Send> + Send + 'static, Remote) {
    let (transport, remote): (MockTransport, Remote) = mock(clock);
    let transport = before_open(transport, |mut raw, _| async {
        raw.send("login").await?;
        match raw.next().await?.as_text() {
            Some("welcome") => Ok(raw),
            _ => Err(TransportError::new(ErrorKind::Other, "not welcome")),
        }
    });
    (transport, remote)
}

fn supervise<T: Transport>(transport: T, clock: &Clock) -> Supervisor<T, MockTimer> {
    Supervisor::builder(transport, clock.timer())
        .preset(Preset::Original)
        .outbox(OutboxSettings::new())
        .connect_timeout(secs(3))
        .build()
        .unwrap()
}

fn welcome(message: Message) -> Option<Message> {
    Some(if message.as_text() == Some("login") { "welcome".into() } else { message })
}

#[test]
fn queued_messages_wait_for_the_exchange() {
    let clock = Clock::new();
    let (transport, remote) = login(&clock);
    remote.script(|_| Script::accept().latency(secs(1)).reply_with(welcome));
    let mut supervisor = supervise(transport, &clock);
    supervisor.handle().try_queue("first").unwrap();
    let mut runner = Runner::new(&clock);
    runner.run_until(async {
        while let Some(event) = supervisor.next().await {
            if let Event::Message(message) = event {
                assert_eq!(
                    message.as_text(),
                    Some("first"),
                    "frames of the exchange are not reported"
                );
                break;
            }
        }
    });
    let peer = remote.last_peer().unwrap();
    assert_eq!(peer.received_messages(), [Message::text("login"), Message::text("first")]);
    assert_eq!(remote.trace().times("-> text \"first\""), [2_000], "a round trip after the login");
}

#[test]
fn a_failing_or_hanging_exchange_is_a_failed_attempt() {
    let clock = Clock::new();
    let (transport, remote) = login(&clock);
    remote.script(|dial| match dial {
        1 => Script::accept().reply_with(|_| Some("go away".into())),
        2 => Script::accept().silent(),
        3 => Script::accept().close_after(secs(1), 4401, "no"),
        _ => Script::accept().reply_with(welcome),
    });
    let mut supervisor = supervise(transport, &clock);
    let mut errors = Vec::new();
    Runner::new(&clock).run_until(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Lost(lost) => {
                    assert!(!lost.opened);
                    let at = clock.now().since_epoch().as_secs();
                    errors.push(match lost.cause {
                        LostCause::Connect(error) => {
                            assert_eq!(error.kind(), ErrorKind::Handshake);
                            (at, error.to_string())
                        }
                        cause => (at, cause.name().to_owned()),
                    });
                }
                Event::Open(open) => {
                    assert_eq!(open.connection, 4);
                    break;
                }
                _ => {}
            }
        }
    });
    let lost: Vec<_> = errors.iter().map(|(at, words)| (*at, words.as_str())).collect();
    assert_eq!(
        lost,
        [
            (0, "not welcome"),
            (5, "connect_timeout"),
            (8, "closed by the server with code 4401 and a reason of 2 bytes"),
        ]
    );
    assert_eq!(remote.most_at_once(), 1);
}

#[test]
fn replays_follow_every_open_and_precede_queued_messages() {
    let clock = Clock::new();
    let (transport, remote): (MockTransport, Remote) = mock(&clock);
    remote.script(|dial| match dial {
        1..=3 => Script::accept().end_after(secs(1)),
        _ => Script::hang(),
    });
    let mut supervisor =
        Supervisor::builder(transport, clock.timer()).preset(Preset::Resilient).build().unwrap();
    let handle = supervisor.handle();
    handle.try_queue("data 1").unwrap();
    handle.replay("a", "subscribe a").unwrap();
    handle.replay("b", "subscribe b").unwrap();
    let mut runner = Runner::new(&clock);
    runner.run_until(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Open(open) if open.connection == 1 => {
                    handle.replay("c", "subscribe c, an old one").unwrap();
                    handle.replay("c", "subscribe c").unwrap();
                }
                Event::Lost(lost) => {
                    assert_eq!(lost.unsent, [], "a replay has no fate");
                    if lost.connection == 1 {
                        handle.replay("a", "subscribe a2").unwrap();
                        assert_eq!(handle.forget_replay("b"), Some("subscribe b".into()));
                        handle.try_queue("data 2").unwrap();
                    }
                    if lost.connection == 3 {
                        break;
                    }
                }
                _ => {}
            }
        }
    });
    let received = |index: usize| {
        let peer = &remote.peers()[index];
        let texts = peer.received_messages();
        texts.iter().map(|m| m.as_text().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(received(0), ["subscribe a", "subscribe b", "subscribe c", "data 1"]);
    assert_eq!(received(1), ["subscribe a2", "subscribe c", "data 2"]);
    assert_eq!(received(2), ["subscribe a2", "subscribe c"]);
}

#[test]
fn replays_are_bounded_like_the_outbox() {
    let clock = Clock::new();
    let (transport, _remote): (MockTransport, Remote) = mock(&clock);
    let outbox = OutboxSettings::new().count(2).bytes(10);
    let supervisor = Supervisor::builder(transport, clock.timer()).outbox(outbox).build().unwrap();
    let handle = supervisor.handle();
    assert_eq!(handle.replay("a", "12345"), Ok(()));
    assert_eq!(handle.replay("b", "123456"), Err(QueueError::TooLarge("123456".into())));
    assert_eq!(handle.replay("b", "12345"), Ok(()));
    assert_eq!(handle.replay("a", "54321"), Ok(()), "in its own position");
    assert_eq!(handle.replay("c", ""), Err(QueueError::Full("".into())));
}

#[test]
fn a_read_dropped_in_the_exchange_loses_nothing() {
    let cancelled = at_every_cancellation(|cancellation| {
        let clock = Clock::new();
        let (transport, remote): (MockTransport, Remote) = mock(&clock);
        remote.script(|_| Script::accept().hesitant().latency(secs(1)).reply_with(welcome));
        let transport = before_open(transport, |mut raw, _| async {
            raw.send("login").await?;
            let answer = match cancellation.wrap(raw.next()).await {
                Some(answer) => answer?,
                None => raw.next().await?,
            };
            assert_eq!(answer.as_text(), Some("welcome"));
            Ok(raw)
        });
        let mut supervisor = supervise(transport, &clock);
        Runner::new(&clock).run_until(async {
            let opened = async |event| matches!(event, Event::Open(_));
            assert!(supervisor.by_ref().any(opened).await);
        });
        let peer = remote.last_peer().unwrap();
        assert_eq!(peer.received_messages(), [Message::text("login")]);
        assert_eq!(remote.dials().len(), 1);
    });
    assert!(cancelled >= 1, "{cancelled}");
}

/// A dropped attempt, boxed or not, leaves no connection, and its transport can be used again.
#[test]
fn a_dropped_attempt_leaves_no_connection_and_no_transport() {
    for boxed in [false, true] {
        let cancelled = at_every_cancellation(|cancellation| {
            let clock = Clock::new();
            let (transport, remote) = login(&clock);
            remote.script(|_| {
                let script = Script::accept().hesitant().after(secs(1)).latency(secs(1) / 10);
                script.reply_with(welcome)
            });
            let deadline = Timestamp::from_epoch(secs(60));
            let attempt = |number| Attempt::new(number, 0, deadline);
            let dropped = Runner::new(&clock).run_until(async {
                if boxed {
                    let mut transport = BoxTransport::new(transport);
                    let dropped = cancellation.wrap(transport.connect(attempt(1))).await.is_none();
                    // The transport is back in its box, and serves the next attempt.
                    assert!(transport.connect(attempt(2)).await.is_ok());
                    dropped
                } else {
                    let mut transport = transport;
                    let dropped = cancellation.wrap(transport.connect(attempt(1))).await.is_none();
                    assert!(transport.connect(attempt(2)).await.is_ok());
                    dropped
                }
            });
            assert_eq!((remote.live(), remote.dialing(), remote.most_at_once()), (0, 0, 1));
            assert_eq!(remote.dials().len(), 2, "dropped: {dropped}");
        });
        assert!(cancelled >= 3, "{cancelled}");
    }
}

/// As documented, the message of a dropped send is written completely or not at all.
#[test]
fn a_send_dropped_in_the_exchange_is_complete_or_absent() {
    let cancelled = at_every_cancellation(|cancellation| {
        let clock = Clock::new();
        let (transport, remote): (MockTransport, Remote) = mock(&clock);
        remote.script(|_| {
            let script = Script::accept().hesitant().write_rate(2, secs(1) / 100);
            script.reply_with(welcome)
        });
        let transport = before_open(transport, |mut raw, _| async {
            let _ = cancellation.wrap(raw.send("first")).await;
            raw.send("login").await?;
            raw.next().await?;
            Ok(raw)
        });
        let mut supervisor = supervise(transport, &clock);
        Runner::new(&clock).run_until(async {
            let opened = async |event| matches!(event, Event::Open(_));
            assert!(supervisor.by_ref().any(opened).await);
        });
        let received = remote.last_peer().unwrap().received_messages();
        let texts: Vec<_> = received.iter().filter_map(Message::as_text).collect();
        assert!(matches!(texts[..], ["login"] | ["first", "login"]), "{texts:?}");
    });
    assert!(cancelled >= 1, "{cancelled}");
}

#[test]
fn an_exchange_under_a_flood_lets_other_tasks_run() {
    use std::task::{Context, Poll, Waker};

    // More messages than one poll reads. None is the awaited one.
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().unrecorded());
    let transport = before_open(transport, |mut raw, _| async {
        while raw.next().await?.as_text() != Some("ready") {}
        Ok::<_, TransportError>(raw)
    });
    let mut session = Supervisor::builder(transport, clock.timer()).build().unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = || session.poll_next_unpin(&mut cx);
    assert!(matches!(next(), Poll::Ready(Some(Event::Connecting(_)))));
    assert!(next().is_pending());
    let peer = remote.last_peer().unwrap();
    for turn in 1..10 {
        (0..10_000).for_each(|_| peer.send("noise"));
        let before = peer.unread();
        assert!(next().is_pending());
        let read = before - peer.unread();
        assert!((1..=256).contains(&read), "{read} in turn {turn}");
    }
}
