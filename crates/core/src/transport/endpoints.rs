//! Several servers for one session: [`Endpoints`].

use std::fmt;

use super::{Attempt, Transport};
use crate::error::{ConfigError, ensure};

/// A transport over several servers, in order of preference. Each attempt uses the endpoint with
/// the fewest recorded failures. If several have the same number, it uses the earlier one.
///
/// An attempt that fails counts as one failure of its endpoint. A connection that is lost before it
/// is [stable](crate::Builder::stable_after) also counts as one. A stable connection resets the
/// count of its endpoint and halves the counts of the others, so that an endpoint that was down an
/// hour ago is tried again. An attempt that was given up for a pause does not count. A connection
/// that was replaced on request or for its age does not count either.
///
/// # Example
///
/// ```
/// use futures::StreamExt;
/// use websocket_heartbeat::{Endpoints, Event, Supervisor};
///
/// # use websocket_heartbeat_mock::{Clock, Script, mock, run};
/// # let clock = Clock::new();
/// # let timer = clock.timer();
/// # let ((primary, down), (fallback, up)) = (mock(&clock), mock(&clock));
/// # down.script(|_| Script::refuse_connection());
/// # up.script(|_| Script::accept());
/// let servers = Endpoints::new([primary, fallback])?;
/// let mut supervisor = Supervisor::builder(servers, timer).build()?;
/// # run(&clock, async {
/// while let Some(event) = supervisor.next().await {
///     if let Event::Open(_) = event {
///         println!("connected to server {:?}", supervisor.transport().current());
/// #       assert_eq!(supervisor.transport().current(), Some(1));
/// #       break;
///     }
/// }
/// # });
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
pub struct Endpoints<T> {
    endpoints: Vec<Endpoint<T>>,
    /// The endpoint of the last attempt.
    current: Option<usize>,
}

struct Endpoint<T> {
    transport: T,
    failures: u32,
}

impl<T: Transport> Endpoints<T> {
    /// Makes a transport from these transports, with the preferred one first.
    ///
    /// # Errors
    ///
    /// If there is no transport.
    pub fn new(transports: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        let endpoints: Vec<_> =
            transports.into_iter().map(|transport| Endpoint { transport, failures: 0 }).collect();
        ensure(!endpoints.is_empty(), "endpoints", 0_usize, "must be at least one")?;
        Ok(Self { endpoints, current: None })
    }

    /// The index of the endpoint that the last attempt used; `None` before the first attempt.
    pub fn current(&self) -> Option<usize> {
        self.current
    }

    /// The recorded failures of each endpoint, in order.
    pub fn failures(&self) -> impl Iterator<Item = u32> {
        self.endpoints.iter().map(|endpoint| endpoint.failures)
    }

    /// Records the result of the last attempt.
    fn record(&mut self, attempt: &Attempt) {
        let Some(current) = self.current else { return };
        if attempt.follows.was_failure() {
            let failures = &mut self.endpoints[current].failures;
            *failures = failures.saturating_add(1);
        } else if attempt.follows.was_stable() {
            self.endpoints.iter_mut().for_each(|endpoint| endpoint.failures /= 2);
            self.endpoints[current].failures = 0;
        }
    }
}

impl<T: Transport> Transport for Endpoints<T> {
    type Connection = T::Connection;
    type Connect = T::Connect;

    fn connect(&mut self, attempt: Attempt) -> T::Connect {
        self.record(&attempt);
        let best = (0..self.endpoints.len()).min_by_key(|index| self.endpoints[*index].failures);
        let best = best.expect("there is at least one endpoint");
        self.current = Some(best);
        self.endpoints[best].transport.connect(attempt)
    }

    /// Whether all endpoints can ping.
    fn can_ping(&self) -> bool {
        self.endpoints.iter().all(|endpoint| endpoint.transport.can_ping())
    }
}

impl<T> fmt::Debug for Endpoints<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("count", &self.endpoints.len())
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}
