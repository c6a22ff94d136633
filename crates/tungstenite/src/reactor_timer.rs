//! [`ReactorTimer`]: one timer of a reactor for all sessions of a process.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use websocket_heartbeat::{
    Timer, Timestamp,
    backend::{SharedSleep, SharedTimer},
};

/// Sleeps end together at whole milliseconds. tokio's timers have the same resolution.
const SLOT: Duration = Duration::from_millis(1);

/// A runtime with one reactor per process, such as smol and async-std.
///
/// It makes a [`ReactorTimer`]:
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat_tungstenite::{Reactor, ReactorClock, ReactorTimer};
///
/// #[derive(Clone, Debug)]
/// struct AsyncIo;
///
/// impl Reactor for AsyncIo {
///     fn clock() -> &'static ReactorClock<Self> {
///         static CLOCK: ReactorClock<AsyncIo> = ReactorClock::new();
///         &CLOCK
///     }
///
///     async fn sleep(duration: Duration) {
///         async_io::Timer::after(duration).await;
///     }
/// }
///
/// let timer: ReactorTimer<AsyncIo> = ReactorTimer::new();
/// ```
pub trait Reactor: Sized + 'static {
    /// The clock of this reactor. It is a static, because a process has one reactor.
    fn clock() -> &'static ReactorClock<Self>;

    /// Sleeps by a timer of the reactor. A sleep of `Duration::MAX` never ends.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send + 'static;
}

/// A [`Timer`] by a [`Reactor`]. Its clock is [`Instant`], its epoch the moment of
/// [`new`](Self::new); a clone keeps the epoch.
///
/// A sleep ends up to a millisecond after its deadline. All timers of one reactor set only one
/// timer of the reactor for each millisecond in which a sleep ends, see [`SharedTimer`].
#[derive(Clone, Debug)]
pub struct ReactorTimer<R: Reactor> {
    shared: SharedTimer<Clock<R>>,
}

impl<R: Reactor> ReactorTimer<R> {
    /// A timer whose epoch is now.
    pub fn new() -> Self {
        let clock = || SharedTimer::with_slot(Clock::new(), SLOT);
        Self { shared: R::clock().shared.get_or_init(clock).from_now() }
    }
}

impl<R: Reactor> Default for ReactorTimer<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Reactor> Timer for ReactorTimer<R> {
    type Sleep = ReactorSleep<R>;

    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> ReactorSleep<R> {
        ReactorSleep { sleep: self.shared.sleep_until(deadline) }
    }
}

/// A sleep of a [`ReactorTimer`]. Dropping it cancels the sleep.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ReactorSleep<R: Reactor> {
    sleep: SharedSleep<Clock<R>>,
}

impl<R: Reactor> Future for ReactorSleep<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.sleep).poll(cx)
    }
}

/// The clock that all timers of a [`Reactor`] share.
#[derive(Debug)]
pub struct ReactorClock<R: Reactor> {
    shared: OnceLock<SharedTimer<Clock<R>>>,
}

impl<R: Reactor> ReactorClock<R> {
    /// A clock that starts at its first use.
    #[expect(clippy::new_without_default, reason = "it is only for statics")]
    pub const fn new() -> Self {
        Self { shared: OnceLock::new() }
    }
}

/// The reactor's own timers.
#[derive(Debug)]
struct Clock<R> {
    epoch: Instant,
    reactor: PhantomData<fn() -> R>,
}

impl<R> Clock<R> {
    fn new() -> Self {
        Self { epoch: Instant::now(), reactor: PhantomData }
    }
}

impl<R: Reactor> Timer for Clock<R> {
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        Box::pin(R::sleep(deadline.saturating_since(self.now())))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[derive(Clone, Debug)]
    struct AsyncIo;

    impl Reactor for AsyncIo {
        fn clock() -> &'static ReactorClock<Self> {
            static CLOCK: ReactorClock<AsyncIo> = ReactorClock::new();
            &CLOCK
        }

        async fn sleep(duration: Duration) {
            async_io::Timer::after(duration).await;
        }
    }

    #[test]
    fn each_timer_has_its_own_epoch() {
        let step = Duration::from_millis(20);
        let deadline = Timestamp::from_epoch(step);
        let first = ReactorTimer::<AsyncIo>::new();
        block_on(first.sleep_until(deadline));
        assert!(first.now() >= deadline);
        let second = ReactorTimer::<AsyncIo>::new();
        let (later, earlier) = (second.now(), first.now());
        assert!(earlier.saturating_since(later) >= step);
        block_on(second.sleep_until(deadline));
        assert!(second.now() >= deadline);
        assert!(second.clone().now() >= deadline, "a clone keeps the epoch");
    }
}
