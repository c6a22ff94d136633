//! [`timer`]: the rules of a timer.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use websocket_heartbeat::{Timer, Timestamp};

/// Checks every rule about a timer.
///
/// # Panics
///
/// If a rule is broken.
pub async fn timer(timer: impl Timer) {
    let begin = timer.now();
    timer.sleep_until(begin).await;
    timer.sleep_until(Timestamp::EPOCH).await;
    let late = timer.now().saturating_since(begin);
    assert!(late < Duration::from_secs(5), "a sleep until a past moment ends at once: {late:?}");

    let step = Duration::from_millis(50);
    let deadline = timer.now().checked_add(step).expect("in range");
    let mut sleeps = 0;
    // A sleep may end early, but not each time.
    while timer.now() < deadline {
        timer.sleep_until(deadline).await;
        sleeps += 1;
        assert!(sleeps < 100, "a sleep ends when the deadline is reached");
    }
    let elapsed = timer.now().saturating_since(begin);
    assert!((step..Duration::from_secs(5)).contains(&elapsed), "the clock runs: {elapsed:?}");

    // The last representable moment is never reached, and does not overflow.
    let mut never = pin!(timer.sleep_until(Timestamp::from_epoch(Duration::MAX)));
    let is_pending = poll_fn(|cx| Poll::Ready(never.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending, "the last moment is in the future");
}
