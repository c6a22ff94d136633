//! Timers.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake},
    time::Duration,
};

use websocket_heartbeat::{Timer, Timestamp};

use super::client::{Client, Kept, Subject, ensure};

/// Long enough for a busy machine.
const LATE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(50);

pub(super) async fn past(client: &Client<'_, impl Subject>) -> Kept {
    let timer = client.subject.timer();
    let begin = timer.now();
    timer.sleep_until(begin).await;
    timer.sleep_until(Timestamp::EPOCH).await;
    let took = timer.now().saturating_since(begin);
    ensure!(took < LATE, "a sleep until a past time takes {took:?}");
    Ok(())
}

pub(super) async fn deadline(client: &Client<'_, impl Subject>) -> Kept {
    let timer = client.subject.timer();
    let begin = timer.now();
    let deadline = begin.checked_add(STEP).unwrap_or(begin);
    let mut sleeps = 0;
    // A sleep may end early, but not each time.
    while timer.now() < deadline {
        timer.sleep_until(deadline).await;
        sleeps += 1;
        ensure!(sleeps < 100, "a hundred sleeps end before their deadline");
    }
    let took = timer.now().saturating_since(begin);
    ensure!(took < LATE, "a sleep of {STEP:?} takes {took:?}");
    Ok(())
}

pub(super) async fn forward(client: &Client<'_, impl Subject>) -> Kept {
    let timer = client.subject.timer();
    let mut last = timer.now();
    for _ in 0..1000 {
        let now = timer.now();
        ensure!(now >= last, "the clock goes from {last:?} to {now:?}");
        last = now;
    }
    Ok(())
}

pub(super) async fn last(client: &Client<'_, impl Subject>) -> Kept {
    let timer = client.subject.timer();
    let mut never = pin!(timer.sleep_until(Timestamp::from_epoch(Duration::MAX)));
    let ended = poll_fn(|cx| Poll::Ready(never.as_mut().poll(cx).is_ready())).await;
    ensure!(!ended, "a sleep until the last time has ended");
    Ok(())
}

pub(super) async fn waker(client: &Client<'_, impl Subject>) -> Kept {
    struct Never(AtomicBool);
    impl Wake for Never {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Release);
        }
    }
    let timer = client.subject.timer();
    let begin = timer.now();
    let mut sleep = pin!(timer.sleep(STEP));
    // The first waker does not wake this task.
    let other = Arc::new(Never(AtomicBool::new(false))).into();
    if sleep.as_mut().poll(&mut Context::from_waker(&other)).is_pending() {
        sleep.await;
    }
    let took = timer.now().saturating_since(begin);
    ensure!(took < LATE, "a sleep of {STEP:?} takes {took:?} after a change of its waker");
    Ok(())
}

pub(super) async fn entropy(client: &Client<'_, impl Subject>) -> Kept {
    let timer = client.subject.timer();
    let numbers = [(); 3].map(|()| timer.entropy());
    ensure!(numbers[0] != numbers[1] || numbers[1] != numbers[2], "always {}", numbers[0]);
    Ok(())
}
