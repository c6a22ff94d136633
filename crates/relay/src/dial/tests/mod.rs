//! The arithmetic of the limit and its record. `fleet` has whole fleets.

mod fleet;

use std::time::Duration;

use super::{
    Gcra,
    record::{self, Newer},
};

const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = SECOND / 1_000;
/// Some time in 2026.
const NOW: u64 = 1_764_000_000 * SECOND;

/// Takes a token at a time whenever one is free, for so long. Returns their times.
fn take_all(limit: Gcra, mut state: u64, block: u32, time: u64) -> Vec<u64> {
    let (mut now, mut times) = (NOW, Vec::new());
    while now < NOW + time {
        let taken = limit.take(now, state, block);
        assert_eq!(taken.moments().count(), taken.count as usize);
        times.extend(taken.moments().map(|moment| moment.max(now) - NOW));
        state = taken.state;
        now = taken.next;
    }
    times
}

#[test]
fn a_burst_is_followed_by_tokens_at_the_rate() {
    for block in [1, 3, 10, 1_000] {
        let times = take_all(Gcra::new(20.0, 20), 0, block, 10 * SECOND);
        assert!(times.is_sorted());
        assert!(times[..20].iter().all(|time| *time == 0), "{times:?}");
        let expected: Vec<_> = (1..=200).map(|index| index * 50 * MILLI).collect();
        assert_eq!(times[20..218], expected[..198], "in blocks of {block}");
    }
}

#[test]
fn no_second_has_more_tokens_than_rate_and_burst() {
    for (rate, burst) in [(20.0, 20), (0.5, 1), (3.0, 7), (1_000.0, 1)] {
        let times = take_all(Gcra::new(rate, burst), NOW, 10, 20 * SECOND);
        let most = (rate + f64::from(burst)).ceil() as usize;
        for (index, first) in times.iter().enumerate() {
            let count = times[index..].iter().take_while(|time| *time - first < SECOND).count();
            assert!(count <= most, "{count} of {rate}/s and {burst}");
        }
    }
}

#[test]
fn a_block_has_what_becomes_free_in_half_a_second() {
    let limit = Gcra::new(20.0, 1);
    let taken = limit.take(NOW, 0, 100);
    assert_eq!(taken.count, 11);
    assert_eq!(taken.moments().last(), Some(NOW + 500 * MILLI));
    assert_eq!(taken.next, NOW + 550 * MILLI);
    // Another worker takes nothing before.
    let other = limit.take(NOW + 549 * MILLI, taken.state, 100);
    assert_eq!((other.count, other.state, other.next), (0, taken.state, taken.next));
    assert_eq!(limit.take(taken.next, taken.state, 3).count, 3);
    // A slow limit gives one at a time.
    assert_eq!(Gcra::new(0.1, 1).take(NOW, 0, 100).count, 1);
}

#[test]
fn a_state_far_in_the_future_is_replaced() {
    let limit = Gcra::new(20.0, 20);
    let hour = 3_600 * SECOND;
    for state in [NOW + hour, u64::MAX] {
        let taken = limit.take(NOW, state, 5);
        assert_eq!((taken.count, taken.state), (0, limit.used_up(NOW)), "no burst, and no wait");
        assert_eq!(taken.next, NOW + 50 * MILLI);
        assert!(taken.replaced.unwrap() >= Duration::from_secs(3_000));
    }
    // A clock that is 5 s ahead has written this one, which stops the others no longer than that.
    let ahead = limit.take(NOW + 5 * SECOND, NOW + 5 * SECOND, 100);
    let taken = limit.take(NOW, ahead.state, 5);
    assert_eq!((taken.count, taken.state, taken.replaced), (0, ahead.state, None));
    assert!(taken.next <= NOW + 6 * SECOND);
    assert!(limit.take(NOW, ahead.state + 1, 5).replaced.is_some());
}

#[test]
fn shares_do_not_exceed_the_limit() {
    let limit = Gcra::new(20.0, 20);
    assert_eq!(limit.share(0), limit);
    assert_eq!(limit.share(1), limit);
    assert_eq!(limit.share(4), Gcra::new(5.0, 5));
    assert_eq!(limit.share(50), Gcra::new(0.4, 1));
    let times = take_all(limit.share(3), limit.share(3).used_up(NOW), 10, 3 * SECOND);
    assert_eq!(times[0], 150 * MILLI, "the burst is used up");
    assert_eq!(times.len(), 20);
}

#[test]
fn invalid_limits_allow_an_attempt_now_and_then() {
    for rate in [0.0, -1.0, f64::NAN, 1e-300] {
        assert_eq!(Gcra::new(rate, 0), Gcra::new(1.0 / 86_400.0, 1));
    }
    let fast = Gcra::new(f64::INFINITY, u32::MAX).share(usize::MAX);
    assert_eq!(fast.take(NOW, 0, 1).count, 1);
    let slow = Gcra::new(0.0, u32::MAX).share(usize::MAX);
    assert_eq!(slow.take(NOW, 0, 1).count, 1);
}

#[test]
fn a_record_keeps_its_state() {
    assert_eq!(record::encode(7), br#"{"v":1,"tat":7}"#);
    for state in [0, NOW, u64::MAX] {
        assert_eq!(record::decode(&record::encode(state)), Ok(state));
    }
    assert_eq!(record::decode(br#"{"v":1,"tat":7,"more":[]}"#), Ok(7));
    for broken in [&b""[..], b"{}", b"tat", br#"{"v":1}"#, br#"{"v":1,"tat":-1}"#] {
        assert_eq!(record::decode(broken), Ok(u64::MAX), "it is replaced");
    }
    assert_eq!(record::decode(br#"{"v":2}"#), Err(Newer { schema: 2 }));
}

#[test]
fn each_dial_key_has_a_key_that_the_store_accepts() {
    for (dial_key, key) in [
        ("feed.example.org", "feed.example.org"),
        ("127.0.0.1:9001", "127.0.0.1_3a9001"),
        ("[::1]:80", "_5b_3a_3a1_5d_3a80"),
        ("a b_c", "a_20b_5fc"),
        (".a..b.", "_2ea._2eb_2e"),
        ("*>", "_2a_3e"),
    ] {
        assert_eq!(record::key(dial_key), key);
    }
}
