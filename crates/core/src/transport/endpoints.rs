//! Several servers for one session: [`Endpoints`].

use std::fmt;

use super::{Attempt, Transport};
use crate::error::ConfigError;

/// Transports in order of preference, of which each attempt uses the one with the fewest failures
/// remembered, the earlier one among equals.
///
/// An attempt that fails, be it the first or a replacement, and a connection that is lost before it
/// proved [stable](crate::Builder::stable_after), counts against its endpoint. A stable one clears
/// its own count and halves those of the others, so that what was down an hour ago is tried again.
/// What the user gave up counts for nothing: an attempt given up for a pause, a connection replaced
/// before it was stable.
pub struct Endpoints<T> {
    endpoints: Vec<Endpoint<T>>,
    /// The one that the last attempt used.
    current: Option<usize>,
}

struct Endpoint<T> {
    transport: T,
    failures: u32,
}

impl<T: Transport> Endpoints<T> {
    /// These transports, the preferred one first.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn new(transports: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        let endpoints: Vec<_> =
            transports.into_iter().map(|transport| Endpoint { transport, failures: 0 }).collect();
        if endpoints.is_empty() {
            return Err(ConfigError::new("endpoints", 0, "must be at least one"));
        }
        Ok(Self { endpoints, current: None })
    }

    /// The place in the order, from 0, of the endpoint that the last attempt used.
    pub fn current(&self) -> Option<usize> {
        self.current
    }

    /// The failures remembered of each endpoint, in order.
    pub fn failures(&self) -> impl Iterator<Item = u32> {
        self.endpoints.iter().map(|endpoint| endpoint.failures)
    }

    /// Learns from how the last attempt went.
    fn learn(&mut self, attempt: &Attempt) {
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
        self.learn(&attempt);
        let best = (0..self.endpoints.len()).min_by_key(|index| self.endpoints[*index].failures);
        let best = best.expect("there is at least one endpoint");
        self.current = Some(best);
        self.endpoints[best].transport.connect(attempt)
    }

    /// Whether all of them can.
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
