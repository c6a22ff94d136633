//! Stalls, quotas and rates: a flush can be cut at every byte.

use std::task::Poll;

use futures::{FutureExt, SinkExt};
use websocket_heartbeat::{Connection, ErrorKind, Frame, Message};
use websocket_heartbeat_mock::{Clock, Script, run, wire_len};

use crate::client::{Counter, at, ms, open, text};

#[test]
fn a_flush_can_be_cut_at_every_byte() {
    let frames = [text("one"), Frame::Ping("2".into()), text(&"x".repeat(130))];
    let ends: Vec<u64> = frames
        .iter()
        .scan(0, |end, frame| {
            *end += wire_len(frame);
            Some(*end)
        })
        .collect();
    let total = *ends.last().unwrap();
    assert_eq!(ends, [9, 16, 154]);
    for cut in 0..=total {
        let clock = Clock::new();
        let (mut connection, peer, _) = open(&clock, Script::accept());
        let counter = Counter::new();
        peer.write_quota(cut);
        for frame in &frames {
            counter.hand(&mut connection, frame.clone());
        }
        assert_eq!((connection.bytes_written(), peer.received().len()), (Some(0), 0));
        let flushed = counter.flush(&mut connection);
        assert_eq!(flushed.is_ready(), cut == total);
        assert_eq!((connection.bytes_written(), peer.bytes_written()), (Some(cut), cut));
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!((peer.received().len(), peer.unflushed().len()), (whole, 3 - whole), "{cut}");
        if cut < total {
            peer.resume_writes();
            assert_eq!(counter.wakes(), 1);
            assert_eq!(counter.flush(&mut connection), Poll::Ready(Ok(())));
        }
        let received: Vec<_> = peer.received().into_iter().map(|(_, frame)| frame).collect();
        assert_eq!(received, frames);
    }
}

#[test]
fn frames_are_as_long_as_the_protocol_says() {
    for (payload, expected) in [(0, 6), (125, 131), (126, 134), (65_535, 65_543), (65_536, 65_550)]
    {
        let frame = Frame::Message(Message::binary(vec![0; payload]));
        assert_eq!(wire_len(&frame), expected);
    }
}

#[test]
fn a_stuck_line_blocks_writing_and_not_reading() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept());
    let counter = Counter::new();
    counter.hand(&mut connection, text("a"));
    peer.stall_writes();
    assert_eq!(counter.flush(&mut connection), Poll::Pending);
    assert_eq!(counter.ready(&mut connection), Poll::Pending);
    peer.send("b");
    assert_eq!(counter.next(&mut connection), Poll::Ready(Some(Ok(text("b")))));
    assert_eq!((peer.unflushed(), connection.bytes_written()), (vec![text("a")], Some(0)));
    peer.resume_writes();
    assert_eq!(counter.flush(&mut connection), Poll::Ready(Ok(())));
    assert_eq!(peer.received_messages(), [Message::text("a")]);
}

#[test]
fn a_full_write_buffer_asks_for_the_line() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept().write_buffer(20));
    let counter = Counter::new();
    peer.write_quota(0);
    counter.hand(&mut connection, text("0123456789"));
    counter.hand(&mut connection, text("0123456789"));
    assert_eq!(counter.ready(&mut connection), Poll::Pending);
    peer.write_quota(16);
    assert_eq!(counter.wakes(), 1);
    counter.hand(&mut connection, text("0123456789"));
    assert_eq!((peer.received().len(), peer.unflushed().len()), (1, 2));
}

#[test]
fn a_slow_line_takes_its_time_and_all_bytes() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept().write_rate(100, ms(1000)));
    let upload = Message::binary(vec![7; 992]);
    run(&clock, async {
        assert_eq!(connection.send(Frame::Message(upload.clone())).now_or_never(), None);
        assert_eq!(peer.bytes_written(), 100);
        connection.flush().await.unwrap();
    });
    assert_eq!(peer.received(), [(at(9000), Frame::Message(upload))]);
    assert_eq!(peer.bytes_written(), 1000);
    // Who does not write leaves nothing to do: the clock comes to rest.
    clock.advance(ms(1000));
    assert_eq!(clock.next_instant(), None);
}

#[test]
fn too_large_a_message_is_refused_and_harms_nothing() {
    let clock = Clock::new();
    let (mut connection, peer, _) = open(&clock, Script::accept().message_limit(3));
    let refused = run(&clock, connection.send(text("four"))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    run(&clock, connection.send(text("two"))).unwrap();
    assert_eq!(peer.received_messages(), [Message::text("two")]);
}
