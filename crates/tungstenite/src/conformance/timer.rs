//! The rules of a timer.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use websocket_heartbeat::{Timer, Timestamp};

/// Runs every rule about a timer.
///
/// # Panics
///
/// If a rule is broken.
pub async fn timer(timer: impl Timer) {
    let begin = timer.now();
    timer.sleep_until(begin).await;
    timer.sleep_until(Timestamp::EPOCH).await;
    let late = timer.now().saturating_since(begin);
    assert!(late < Duration::from_secs(5), "what is past is not waited for: {late:?}");

    let step = Duration::from_millis(50);
    let deadline = timer.now().checked_add(step).expect("in range");
    let mut waits = 0;
    // A wait may end early, but then not for ever.
    while timer.now() < deadline {
        timer.sleep_until(deadline).await;
        waits += 1;
        assert!(waits < 100, "a wait ends when the deadline is reached");
    }
    let elapsed = timer.now().saturating_since(begin);
    assert!((step..Duration::from_secs(5)).contains(&elapsed), "the clock goes on: {elapsed:?}");

    // The last representable moment is not reached, and does not overflow.
    let mut never = pin!(timer.sleep_until(Timestamp::from_epoch(Duration::MAX)));
    let waiting = poll_fn(|cx| Poll::Ready(never.as_mut().poll(cx).is_pending())).await;
    assert!(waiting, "the end of time is not now");
}
