//! No wake is lost in any order of random operations.

use std::task::Poll;

use websocket_heartbeat::Frame;
use websocket_heartbeat_mock::{Clock, Rng, Script};

use crate::client::{Counter, ms, open, text};

/// If a poll without a wake found something new, a client that polls only after wakes would miss it.
#[test]
fn a_poll_without_a_wake_finds_nothing_new() {
    let mut pendings = 0;
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let clock = Clock::new();
        let script = Script::accept().echo().latency(ms(rng.below(3) * 10)).write_buffer(40);
        let script = if rng.once_in(3) { script.write_rate(15, ms(20)) } else { script };
        let (mut connection, peer, _) = open(&clock, script);
        let counter = Counter::new();
        // The number of wakes when the read, and the flush, was last pending.
        let (mut read_at, mut flush_at) = (None, None);
        for _ in 0..100 {
            match rng.below(14) {
                0 => peer.send("hello"),
                1 => peer.ping("x"),
                2 => peer.stall_writes(),
                3 | 4 => peer.resume_writes(),
                5 => peer.write_quota(rng.below(30)),
                6 => peer.hold(),
                7 | 8 => peer.release(),
                9 => peer.wake_spuriously(),
                10 if rng.once_in(20) => peer.end(),
                11 => {
                    if counter.ready(&mut connection).is_ready() {
                        counter.hand(&mut connection, text("hello"));
                        flush_at = None;
                    }
                }
                _ => clock.advance(ms(rng.below(15))),
            }
            let wakes = counter.wakes();
            let read = counter.next(&mut connection);
            if read_at == Some(wakes) {
                assert_eq!(read, Poll::Pending, "a lost wake, seed {seed}");
                pendings += 1;
            }
            let wakes_before_flush = counter.wakes();
            let flush = counter.flush(&mut connection);
            if flush_at == Some(wakes) && wakes == wakes_before_flush {
                assert_eq!(flush, Poll::Pending, "a lost wake, seed {seed}");
                pendings += 1;
            }
            flush_at = flush.is_pending().then_some(wakes_before_flush);
            // A read that returned a ping has a pong to write, so a flush has something new to do.
            if matches!(read, Poll::Ready(Some(Ok(Frame::Ping(_))))) {
                flush_at = None;
            }
            // A wake during a poll counts as a wake after the poll.
            read_at = read.is_pending().then_some(wakes);
        }
    }
    assert!(pendings > 10_000, "{pendings}");
}
