//! A type-erased timer: [`BoxTimer`].

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{timer::Timer, timestamp::Timestamp};

/// A type-erased timer, for programs that choose a timer while they run. Clones share the timer.
///
/// Each of its sleeps is one allocation. With a [`BoxTransport`](crate::BoxTransport), all sessions
/// of a program have one type.
///
/// ```
/// use websocket_heartbeat::{BoxTransport, ConfigError, Supervisor, backend::BoxTimer};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
/// # let timer = clock.timer();
/// type Session = Supervisor<BoxTransport, BoxTimer>;
///
/// fn session(transport: BoxTransport, timer: BoxTimer) -> Result<Session, ConfigError> {
///     Supervisor::builder(transport, timer).build()
/// }
/// # drop(session(BoxTransport::new(transport), BoxTimer::new(timer))?);
/// # Ok::<_, ConfigError>(())
/// ```
#[derive(Clone)]
pub struct BoxTimer {
    timer: Arc<dyn DynTimer + Send + Sync>,
}

impl BoxTimer {
    /// Boxes a timer.
    pub fn new(timer: impl Timer<Sleep: Send + 'static> + Send + Sync + 'static) -> Self {
        Self { timer: Arc::new(timer) }
    }
}

impl Timer for BoxTimer {
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn now(&self) -> Timestamp {
        self.timer.read()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        self.timer.boxed_sleep(deadline)
    }

    fn entropy(&self) -> u64 {
        self.timer.number()
    }
}

impl fmt::Debug for BoxTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxTimer").finish_non_exhaustive()
    }
}

/// The object-safe form of a timer.
trait DynTimer {
    fn read(&self) -> Timestamp;
    fn boxed_sleep(&self, deadline: Timestamp) -> <BoxTimer as Timer>::Sleep;
    fn number(&self) -> u64;
}

impl<K: Timer<Sleep: Send + 'static>> DynTimer for K {
    fn read(&self) -> Timestamp {
        self.now()
    }

    fn boxed_sleep(&self, deadline: Timestamp) -> <BoxTimer as Timer>::Sleep {
        Box::pin(self.sleep_until(deadline))
    }

    fn number(&self) -> u64 {
        self.entropy()
    }
}
