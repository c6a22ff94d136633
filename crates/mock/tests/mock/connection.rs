//! A connection keeps its contract: reads, the close handshake and wakers.

use std::task::Poll;

use futures::{FutureExt, SinkExt, StreamExt};
use websocket_heartbeat::{CloseFrame, Connection, ErrorKind, Frame, TransportError};
use websocket_heartbeat_mock::{Clock, Script, mock, run};

use crate::client::{Counter, at, dial, ms, open, text};

#[test]
fn a_ping_is_answered_at_the_next_poll() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let counter = Counter::new();
    peer.ping("a");
    assert_eq!(counter.next(&mut connection), Poll::Ready(Some(Ok(Frame::Ping("a".into())))));
    assert_eq!(peer.received(), []);
    assert_eq!(counter.next(&mut connection), Poll::Pending);
    assert_eq!(peer.try_next_received(), Some(Frame::Pong("a".into())));
    // A flush writes the pong too.
    peer.ping("b");
    assert_eq!(counter.next(&mut connection), Poll::Ready(Some(Ok(Frame::Ping("b".into())))));
    assert_eq!(counter.flush(&mut connection), Poll::Ready(Ok(())));
    assert_eq!(peer.try_next_received(), Some(Frame::Pong("b".into())));
}

#[test]
fn a_flood_of_pings_on_a_stalled_link_buffers_one_pong() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let counter = Counter::new();
    peer.stall_writes();
    for _ in 0..100 {
        peer.ping("x");
    }
    peer.ping("last");
    while counter.next(&mut connection).is_ready() {}
    assert_eq!(peer.unflushed(), [Frame::Pong("x".into())]);
    peer.resume_writes();
    assert_eq!(counter.next(&mut connection), Poll::Pending);
    let received: Vec<_> = peer.received().into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(received, [Frame::Pong("x".into()), Frame::Pong("last".into())]);
}

#[test]
fn a_reader_is_woken_to_write_a_pending_pong() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let counter = Counter::new();
    peer.stall_writes();
    peer.ping("x");
    while counter.next(&mut connection).is_ready() {}
    peer.resume_writes();
    assert_eq!(counter.wakes(), 1);
    assert_eq!(counter.next(&mut connection), Poll::Pending);
    assert_eq!(peer.try_next_received(), Some(Frame::Pong("x".into())));
}

#[test]
fn the_stream_ends_after_the_close_frames() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let close = Frame::Close(Some(CloseFrame::new(1008, "policy")));
    peer.send("before");
    peer.close(1008, "policy");
    peer.send("after");
    run(&clock, async {
        assert_eq!(connection.next().await, Some(Ok(text("before"))));
        assert_eq!(connection.next().await, Some(Ok(close.clone())));
        assert_eq!(connection.next().await, None);
        assert_eq!(connection.next().await, None);
    });
    assert_eq!(peer.received(), [(at(0), close)]);
    assert_eq!(peer.ignored(), 1);
}

#[test]
fn a_failed_write_does_not_end_reading() {
    let clock = Clock::new();
    let (mut connection, peer, remote) = open(&clock, Script::accept());
    let reset = TransportError::new(ErrorKind::Reset, "reset by peer");
    peer.send("last words");
    peer.close(1013, "overloaded");
    peer.fail_writes(reset.clone());
    let counter = Counter::new();
    assert_eq!(counter.ready(&mut connection), Poll::Ready(Err(reset.clone())));
    assert_eq!(counter.flush(&mut connection), Poll::Ready(Err(reset)));
    assert_eq!(counter.next(&mut connection), Poll::Ready(Some(Ok(text("last words")))));
    assert!(matches!(counter.next(&mut connection), Poll::Ready(Some(Ok(Frame::Close(Some(_)))))));
    assert_eq!(counter.next(&mut connection), Poll::Ready(None));
    remote.trace().assert([
        (0, "#1 dial"),
        (0, "#1 open"),
        (0, "#1 -> error: reset"),
        (0, "#1 <- text \"last words\""),
        (0, "#1 <- close 1013 \"overloaded\""),
        (0, "#1 <- end"),
    ]);
}

#[test]
fn a_failed_connection_fails_reads_last_and_writes_at_once() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let reset = TransportError::new(ErrorKind::Reset, "reset by peer");
    peer.send("a");
    peer.fail(reset.clone());
    let counter = Counter::new();
    assert_eq!(counter.flush(&mut connection), Poll::Ready(Err(reset.clone())));
    assert_eq!(counter.next(&mut connection), Poll::Ready(Some(Ok(text("a")))));
    assert_eq!(counter.next(&mut connection), Poll::Ready(Some(Err(reset))));
    assert_eq!(counter.next(&mut connection), Poll::Ready(None));
}

#[test]
fn the_last_waker_is_woken_once() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let (reader, flusher) = (Counter::new(), Counter::new());
    assert_eq!(reader.next(&mut connection), Poll::Pending);
    // The waker of the last poll is used, for any method and any result.
    assert_eq!(flusher.flush(&mut connection), Poll::Ready(Ok(())));
    peer.send("a");
    peer.send("b");
    assert_eq!((reader.wakes(), flusher.wakes()), (0, 1));
}

#[test]
fn a_change_wakes_only_a_client_that_waits_for_it() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let counter = Counter::new();
    peer.stall_writes();
    assert_eq!(counter.flush(&mut connection), Poll::Pending);
    peer.send("a");
    assert_eq!(counter.wakes(), 0, "the client has not polled to read");
    peer.resume_writes();
    assert_eq!(counter.wakes(), 1);
    peer.stall_writes();
    peer.resume_writes();
    assert_eq!(counter.wakes(), 1, "one wake per Pending");
    peer.wake_spuriously();
    assert_eq!(counter.wakes(), 2);
}

#[test]
fn a_pending_read_and_a_pending_write_are_both_woken() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let counter = Counter::new();
    peer.stall_writes();
    assert_eq!(counter.next(&mut connection), Poll::Pending);
    assert_eq!(counter.ready(&mut connection), Poll::Pending);
    peer.send("a");
    assert_eq!(counter.wakes(), 1);
    peer.resume_writes();
    assert_eq!(counter.wakes(), 2);
}

#[test]
fn sending_to_a_dropped_connection_is_counted() {
    let clock = Clock::new();
    let (mut connection, peer, remote) = open(&clock, Script::accept().latency(ms(10)));
    let counter = Counter::new();
    assert_eq!(counter.next(&mut connection), Poll::Pending);
    peer.send("under way");
    assert!(peer.alive());
    drop(connection);
    assert!(!peer.alive());
    peer.send("late");
    peer.close(1000, "");
    peer.end();
    peer.fail(TransportError::new(ErrorKind::Reset, "late"));
    peer.resume_writes();
    peer.wake_spuriously();
    clock.advance(ms(50));
    // A frame after the end is counted at once.
    assert_eq!(peer.ignored(), 5);
    assert_eq!((counter.wakes(), peer.dropped_at()), (0, Some(at(0))));
    assert_eq!((remote.live(), remote.most_at_once()), (0, 1));
    remote.trace().assert([(0, "#1 dial"), (0, "#1 open"), (0, "#1 dropped")]);
}

#[test]
fn a_peer_receives_the_last_frame_and_then_the_end() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept().latency(ms(10)));
    run(&clock, connection.send(text("last"))).unwrap();
    drop(connection);
    run(&clock, async {
        assert_eq!(peer.next_received().await, Some(text("last")));
        assert_eq!(peer.next_received().await, None);
    });
    assert_eq!(clock.now(), at(10));
}

#[test]
fn a_held_link_delivers_later_and_a_cut_link_never() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    peer.hold();
    peer.send("a");
    peer.send("b");
    run(&clock, connection.send(text("up"))).unwrap();
    assert_eq!((connection.next().now_or_never(), peer.received().len()), (None, 0));
    clock.advance(ms(500));
    peer.release();
    assert_eq!(peer.received(), [(at(500), text("up"))]);
    run(&clock, async {
        assert_eq!(connection.next().await, Some(Ok(text("a"))));
        assert_eq!(connection.next().await, Some(Ok(text("b"))));
        peer.half_open();
        peer.send("c");
        peer.end();
        peer.release();
        connection.send(text("lost")).await.unwrap();
        assert_eq!(connection.next().now_or_never(), None);
    });
    assert_eq!(peer.received_messages().len(), 1);
    assert_eq!(peer.written().len(), 2);
    // A task that waits for the next frame gets `None`.
    drop(connection);
    peer.try_next_received();
    assert_eq!(run(&clock, peer.next_received()), None);
}

#[test]
fn a_hesitant_connection_only_needs_more_polls() {
    let clock = Clock::new();
    let script = Script::accept().echo().hesitant().close_after(ms(100), 1000, "");
    let (mut connection, _, remote) = open(&clock, script);
    run(&clock, async {
        connection.send(text("a")).await.unwrap();
        assert_eq!(connection.next().await, Some(Ok(text("a"))));
        assert!(matches!(connection.next().await, Some(Ok(Frame::Close(_)))));
        assert_eq!(connection.next().await, None);
    });
    remote.trace().assert([
        (0, "#1 dial"),
        (0, "#1 open"),
        (0, "#1 -> text \"a\""),
        (0, "#1 <- text \"a\""),
        (100, "#1 <- close 1000"),
        (100, "#1 -> close 1000"),
        (100, "#1 <- end"),
    ]);
}

#[test]
fn a_connection_may_report_bytes_written() {
    let clock = Clock::new();
    let (connection, _, _) = open(&clock, Script::accept());
    assert_eq!(connection.bytes_written(), Some(0));
    let (connection, _, _) = open(&clock, Script::accept().without_bytes_written());
    assert_eq!(connection.bytes_written(), None);
}

#[test]
#[should_panic(expected = "start_send without a poll_ready that was ready")]
fn start_send_without_poll_ready_panics() {
    let (mut connection, _, _) = open(&Clock::new(), Script::accept());
    let _ = connection.start_send_unpin(text("hello"));
}

#[test]
#[should_panic(expected = "a ping on a transport that cannot ping")]
fn a_ping_on_a_transport_without_pings_panics() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.push_script(Script::accept());
    let mut transport = transport.without_pings();
    let mut connection = run(&clock, dial(&mut transport, 1)).unwrap().connection;
    let _ = run(&clock, connection.send(Frame::Ping("".into())));
}
