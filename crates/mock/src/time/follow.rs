//! [`Follow`]: a clock that follows the timer of another executor.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use websocket_heartbeat::{Timer, Timestamp};

use super::{clock::Clock, leader::Leader};

impl Clock {
    /// Makes this clock follow another timer, for tests that run on another executor than the
    /// [`Runner`](crate::Runner): for example on tokio, whose clock a test can pause.
    ///
    /// From now on the time of this clock advances with the timer. The returned future performs the
    /// actions of scripted servers, and ends the sleeps of this clock's timers, by sleeps of that
    /// timer. So it must be polled beside the code under test: spawn it. It never ends. When it is
    /// dropped, the clock stands still again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use websocket_heartbeat_mock::{Clock, Script, mock};
    /// use websocket_heartbeat_tokio::{Heartbeat, LostCause, Event, Supervisor, TokioTimer};
    ///
    /// #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// async fn main() {
    ///     let clock = Clock::new();
    ///     tokio::spawn(clock.follow(TokioTimer::new()));
    ///     let (transport, server) = mock(&clock);
    ///     server.script(|_| Script::accept().half_open_after(Duration::from_secs(3_600)));
    ///
    ///     let mut session = Supervisor::builder(transport, TokioTimer::new()).build().unwrap();
    ///     loop {
    ///         if let Some(Event::Lost(lost)) = session.next().await {
    ///             assert!(matches!(lost.cause, LostCause::HeartbeatTimeout(_)));
    ///             break;
    ///         }
    ///     }
    ///     // An hour of tokio's paused clock, and no real time.
    ///     assert!(clock.now().since_epoch() > Duration::from_secs(3_600));
    /// }
    /// ```
    ///
    /// Meanwhile no other code may move this clock: neither a [`Runner`](crate::Runner) nor
    /// [`advance`](Self::advance) nor [`jump`](Self::jump). If actions of servers and sleeps of the
    /// other timer are due at the same time, the executor decides which comes first. Actions happen when
    /// the timer's sleeps end: tokio rounds these up to the millisecond.
    ///
    /// # Panics
    ///
    /// If the clock already follows a timer. The timer must not read this clock itself.
    pub fn follow<K: Timer + Send + Sync + 'static>(&self, timer: K) -> Follow<K> {
        let timer = Arc::new(timer);
        let start = Start { clock: self.now(), timer: timer.now() };
        let read = Arc::clone(&timer);
        self.set_leader(Leader::new(move || start.on_clock(read.now())));
        Follow { clock: self.clone(), timer, start, sleep: None }
    }
}

/// Moves a [`Clock`] with another timer, from [`Clock::follow`]. It must be polled, and never ends.
#[must_use = "the clock's actions do not happen unless this is polled"]
pub struct Follow<K: Timer> {
    clock: Clock,
    timer: Arc<K>,
    start: Start,
    /// The sleep until this instant of the clock.
    sleep: Option<(Timestamp, Pin<Box<K::Sleep>>)>,
}

/// One instant, on both clocks.
#[derive(Clone, Copy)]
struct Start {
    clock: Timestamp,
    timer: Timestamp,
}

impl Start {
    fn on_clock(self, at: Timestamp) -> Timestamp {
        Timestamp::from_epoch(self.clock.since_epoch() + at.saturating_since(self.timer))
    }

    fn on_timer(self, at: Timestamp) -> Timestamp {
        Timestamp::from_epoch(self.timer.since_epoch() + at.saturating_since(self.clock))
    }
}

impl<K: Timer> Future for Follow<K> {
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let this = self.get_mut();
        loop {
            let Some(next) = this.clock.catch_up(cx.waker()) else {
                this.sleep = None;
                return Poll::Pending;
            };
            if this.sleep.as_ref().is_none_or(|(at, _)| *at != next) {
                let sleep = this.timer.sleep_until(this.start.on_timer(next));
                this.sleep = Some((next, Box::pin(sleep)));
            }
            if let Some((_, sleep)) = &mut this.sleep
                && sleep.as_mut().poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            this.sleep = None;
        }
    }
}

impl<K: Timer> Drop for Follow<K> {
    fn drop(&mut self) {
        self.clock.leave_leader();
    }
}

impl<K: Timer> fmt::Debug for Follow<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("clock", &self.clock).finish_non_exhaustive()
    }
}
