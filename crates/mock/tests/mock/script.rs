//! Each script performs its actions at the right millisecond.

use futures::{FutureExt, SinkExt, StreamExt, executor::block_on};
use websocket_heartbeat::{CloseFrame, ErrorKind, Frame, Timer, TransportError};
use websocket_heartbeat_mock::{Clock, Runner, Script, mock, run};

use crate::client::{at, dial, ms, open, read_all, text};

/// The trace of a client that only reads for one second.
fn trace_of(script: Script) -> Vec<(u64, String)> {
    let clock = Clock::new();
    let (connection, _, remote) = open(&clock, script);
    let mut runner = Runner::new(&clock);
    runner.spawn(read_all(connection)).detach();
    runner.run_for(ms(1000));
    remote.trace().lines()
}

#[track_caller]
fn assert_trace(script: Script, expected: &[(u64, &str)]) {
    let opened = [(0, "#1 dial"), (0, "#1 open")];
    let expected: Vec<_> =
        opened.iter().chain(expected).map(|(at, w)| (*at, w.to_string())).collect();
    assert_eq!(trace_of(script), expected);
}

#[test]
fn an_accepting_server_sends_nothing_unasked() {
    assert_trace(Script::accept(), &[]);
    assert_trace(Script::accept().silent(), &[]);
}

#[test]
fn servers_end_close_and_fail_on_time() {
    assert_trace(Script::flap(ms(300)), &[(300, "#1 <- end"), (300, "#1 dropped")]);
    assert_trace(
        Script::accept().close_after(ms(20), 1001, "bye"),
        &[
            (20, "#1 <- close 1001 \"bye\""),
            (20, "#1 -> close 1001 \"bye\""),
            (20, "#1 <- end"),
            (20, "#1 dropped"),
        ],
    );
    let reset = TransportError::new(ErrorKind::Reset, "reset by peer");
    assert_trace(
        Script::accept().send_after(ms(5), "last words").fail_after(ms(5), reset),
        &[(5, "#1 <- text \"last words\""), (5, "#1 <- error: reset"), (5, "#1 dropped")],
    );
    assert_trace(
        Script::accept().garbage_after(ms(7)),
        &[(7, "#1 <- error: protocol"), (7, "#1 dropped")],
    );
}

#[test]
fn a_lingering_server_keeps_the_stream_open() {
    assert_trace(
        Script::accept().linger().close_after(ms(20), 1012, "").end_after(ms(700)),
        &[
            (20, "#1 <- close 1012"),
            (20, "#1 -> close 1012"),
            (700, "#1 <- end"),
            (700, "#1 dropped"),
        ],
    );
}

#[test]
fn chatter_comes_every_period_until_the_link_is_cut() {
    assert_trace(
        Script::accept().greet("hello").chatter(ms(300), "tick").half_open_after(ms(700)),
        &[(0, "#1 <- text \"hello\""), (300, "#1 <- text \"tick\""), (600, "#1 <- text \"tick\"")],
    );
}

#[test]
fn latency_delays_each_way() {
    let clock = Clock::new();
    let (mut connection, peer, remote) = open(&clock, Script::accept().echo().latency(ms(40)));
    run(&clock, async {
        connection.send(text("a")).await.unwrap();
        assert_eq!(connection.next().await, Some(Ok(text("a"))));
        connection.send(Frame::Ping("p".into())).await.unwrap();
        assert_eq!(connection.next().await, Some(Ok(Frame::Pong("p".into()))));
    });
    assert_eq!(peer.received(), [(at(40), text("a")), (at(120), Frame::Ping("p".into()))]);
    remote.trace().assert([
        (0, "#1 dial"),
        (0, "#1 open"),
        (0, "#1 -> text \"a\""),
        (80, "#1 <- text \"a\""),
        (80, "#1 -> ping"),
        (160, "#1 <- pong"),
    ]);
}

#[test]
fn frames_stay_in_order_when_latency_shrinks() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept().latency(ms(100)));
    peer.send("first");
    clock.advance(ms(10));
    peer.set_latency(ms(0));
    peer.send("second");
    peer.end();
    run(&clock, async {
        assert_eq!(connection.next().await, Some(Ok(text("first"))));
        assert_eq!(clock.now(), at(100));
        assert_eq!(connection.next().await, Some(Ok(text("second"))));
        assert_eq!(connection.next().await, None);
    });
    assert_eq!(clock.now(), at(100));
}

#[test]
fn pongs_can_be_late_or_missing() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept().pong_after(ms(250)));
    run(&clock, async {
        connection.send(Frame::Ping("1".into())).await.unwrap();
        assert_eq!(connection.next().await, Some(Ok(Frame::Pong("1".into()))));
        assert_eq!(clock.now(), at(250));
        peer.set_pong(None);
        connection.send(Frame::Ping("2".into())).await.unwrap();
        assert_eq!(connection.next().now_or_never(), None);
    });
    assert_eq!(clock.next_instant(), None);
}

#[test]
fn a_function_can_answer_messages() {
    let clock = Clock::new();
    let script = Script::accept()
        .reply_with(|message| (message.as_text() == Some("heartbeat")).then_some(message));
    let (mut connection, _, _) = open(&clock, script);
    run(&clock, async {
        connection.send(text("other")).await.unwrap();
        connection.send(text("heartbeat")).await.unwrap();
        assert_eq!(connection.next().await, Some(Ok(text("heartbeat"))));
    });
}

#[test]
fn the_close_frame_is_answered_or_ignored() {
    for answers in [true, false] {
        let clock = Clock::new();
        let script = Script::accept().latency(ms(30));
        let script = if answers { script } else { script.ignore_close() };
        let (mut connection, _, remote) = open(&clock, script);
        let close = Frame::Close(Some(CloseFrame::new(1000, "done")));
        run(&clock, connection.send(close.clone())).unwrap();
        // After this step messages are refused, and reading continues.
        run(&clock, async {
            connection.feed(text("late")).await.unwrap_err();
        });
        let mut runner = Runner::new(&clock);
        runner.spawn(read_all(connection)).detach();
        runner.run_for(ms(1000));
        let reads = remote.trace().times("#1 <- close 1000 \"done\"");
        let ends = remote.trace().times("<- end");
        let expected: &[u64] = if answers { &[60] } else { &[] };
        assert_eq!((&*reads, &*ends), (expected, expected));
    }
}

#[test]
fn a_refusal_has_its_kind_status_and_retry_after() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.script(|dial| match dial {
        1 => Script::refuse_connection().after(ms(10)),
        2 => Script::refuse_http(503, [("Retry-After", "30"), ("Server", "x")]),
        _ => Script::refuse_http(429, [("retry-after", "soon")]),
    });
    let mut refused = |number| run(&clock, dial(&mut transport, number)).map(|_| ()).unwrap_err();
    assert_eq!(refused(1).kind(), ErrorKind::Refused);
    let busy = refused(2);
    assert_eq!(busy.http_status(), Some(503));
    assert_eq!(busy.retry_after(), Some(ms(30_000)));
    assert_eq!(busy.http_answer().unwrap().headers.get("server"), Some("x"));
    assert_eq!(refused(3).retry_after(), None);
    assert_eq!(remote.dials(), [at(0), at(10), at(10)]);
    remote.trace().assert([
        (0, "#1 dial"),
        (10, "#1 refused: refused"),
        (10, "#2 dial"),
        (10, "#2 refused: http 503"),
        (10, "#3 dial"),
        (10, "#3 refused: http 429"),
    ]);
}

#[test]
fn a_dial_that_hangs_can_be_abandoned() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.push_script(Script::hang());
    let dialing = Box::pin(dial(&mut transport, 1));
    let sleep = Box::pin(clock.timer().sleep_until(at(2500)));
    run(&clock, futures::future::select(dialing, sleep));
    remote.trace().assert([(0, "#1 dial"), (2500, "#1 abandoned")]);
    assert_eq!((remote.dialing(), remote.live(), remote.most_at_once()), (0, 0, 1));
}

#[test]
fn the_answer_has_subprotocol_and_headers() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.push_script(Script::accept().subprotocol("chat").header("Set-Cookie", "a=b"));
    let established = run(&clock, dial(&mut transport, 1)).unwrap();
    assert_eq!(established.subprotocol.as_deref(), Some("chat"));
    assert_eq!(established.headers.get("set-cookie"), Some("a=b"));
}

#[test]
fn scripts_come_before_the_function_and_the_test() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.script(|dial| if dial == 2 { Script::manual() } else { Script::refuse_connection() });
    remote.push_script(Script::accept());
    run(&clock, async {
        assert!(dial(&mut transport, 1).await.is_ok());
        assert_eq!(remote.next_peer().await.number(), 1);
        let by_hand = async {
            let dial = remote.next_dial().await;
            assert_eq!((dial.attempt().connection, dial.at()), (2, at(0)));
            let peer = dial.accept_as(Script::accept().after(ms(70)));
            // The server's end exists before the client's end.
            peer.send("early");
            peer
        };
        let (opened, peer) = futures::future::join(dial(&mut transport, 2), by_hand).await;
        assert_eq!(clock.now(), at(70));
        let mut connection = opened.unwrap().connection;
        assert_eq!(connection.next().await, Some(Ok(text("early"))));
        assert_eq!((remote.next_peer().await.number(), peer.number()), (2, 2));
        assert!(dial(&mut transport, 3).await.is_err());
    });
    assert!(remote.try_next_dial().is_none());
    assert_eq!(remote.peers().len(), 2);
}

#[test]
fn a_late_acceptance_makes_no_connection() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    let connecting = dial(&mut transport, 1);
    let mut connecting = Box::pin(connecting);
    assert!(connecting.as_mut().now_or_never().is_none());
    let dial = remote.try_next_dial().unwrap();
    let peer = dial.accept_as(Script::accept().after(ms(50)).greet("hello"));
    clock.advance(ms(20));
    drop(connecting);
    assert!(peer.alive());
    clock.advance(ms(100));
    assert_eq!(dial.abandoned_at(), Some(at(20)));
    assert!(!peer.alive());
    assert_eq!((remote.peers().len(), remote.live()), (0, 0));
    block_on(async {
        dial.abandoned().await;
        peer.dropped().await;
    });
}

#[test]
#[should_panic(expected = "the dial has been answered already")]
fn a_dial_has_one_answer() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    let mut connecting = Box::pin(dial(&mut transport, 1));
    assert!(connecting.as_mut().now_or_never().is_none());
    let dial = remote.try_next_dial().unwrap();
    dial.accept();
    dial.accept();
}

#[test]
fn unrecorded_frames_need_no_memory() {
    let clock = Clock::new();
    let (mut connection, peer, remote) = open(&clock, Script::accept().echo().unrecorded());
    run(&clock, async {
        for _ in 0..1000 {
            connection.send(text("x")).await.unwrap();
            assert_eq!(connection.next().await, Some(Ok(text("x"))));
        }
    });
    assert_eq!((peer.received_count(), peer.received().len(), peer.written().len()), (1000, 0, 0));
    remote.trace().assert([(0, "#1 dial"), (0, "#1 open")]);
}

#[test]
fn chatter_stops_on_a_cut_link_and_after_a_drop() {
    let clock = Clock::new();
    let script = || Script::accept().chatter(ms(10), "tick");
    let (_connection, peer, _) = open(&clock, script());
    let (connection, _, _) = open(&clock, script());
    clock.advance(ms(100));
    peer.half_open();
    drop(connection);
    clock.advance(ms(100));
    assert_eq!(clock.next_instant(), None);
}

#[test]
fn an_outage_of_an_hour_runs_in_virtual_time() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    let over = ms(3_600_000);
    let now = clock.clone();
    remote.script(move |_| {
        if now.now() < websocket_heartbeat::Timestamp::from_epoch(over) {
            Script::refuse_connection()
        } else {
            Script::accept()
        }
    });
    run(&clock, async {
        while dial(&mut transport, 1).await.is_err() {
            let retry = clock.now().checked_add(ms(2000)).unwrap();
            clock.timer().sleep_until(retry).await;
        }
    });
    assert_eq!((remote.dials().len(), clock.now().since_epoch()), (1801, over));
}
