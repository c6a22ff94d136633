//! Whether a worker is ready: [`Health`].

use std::fmt;

/// What a worker reports about itself, every half second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It does not take part in the fleet yet.
    #[default]
    Starting,
    /// It takes part.
    Running {
        /// The blocks that it owns.
        owned: usize,
        /// Those whose connections have all been open.
        open: usize,
    },
    /// It gives its subscriptions to the others.
    Draining,
}

/// Why a worker is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// There is no connection to NATS.
    Disconnected,
    /// It does not take part in the fleet yet.
    Starting,
    /// Some blocks that it owns are not open yet.
    Opening {
        /// How many it owns.
        owned: usize,
        /// How many of them are not open.
        missing: usize,
    },
    /// It gives its subscriptions to the others.
    Draining,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("no connection to NATS"),
            Self::Starting => f.write_str("starting"),
            Self::Opening { owned, missing } => {
                write!(f, "{missing} of {owned} blocks are not open yet")
            }
            Self::Draining => f.write_str("draining"),
        }
    }
}

impl Health {
    /// Whether the worker is ready: it has a connection to NATS, and all that it owns is open. A worker
    /// that owns nothing is ready.
    ///
    /// # Errors
    ///
    /// Why it is not ready.
    pub fn readiness(self, is_connected: bool) -> Result<(), NotReady> {
        match self {
            // A worker that drains stays not ready, whatever NATS does.
            Self::Draining => Err(NotReady::Draining),
            _ if !is_connected => Err(NotReady::Disconnected),
            Self::Starting => Err(NotReady::Starting),
            Self::Running { owned, open } if open < owned => {
                Err(NotReady::Opening { owned, missing: owned - open })
            }
            Self::Running { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_ready_when_connected_with_all_blocks_open() {
        let running = |owned, open| Health::Running { owned, open };
        for (health, is_connected, expected) in [
            (running(2, 2), true, Ok(())),
            (running(0, 0), true, Ok(())),
            (running(2, 2), false, Err("no connection to NATS")),
            (running(3, 1), true, Err("2 of 3 blocks are not open yet")),
            (Health::Starting, true, Err("starting")),
            (Health::Starting, false, Err("no connection to NATS")),
            (Health::Draining, true, Err("draining")),
            (Health::Draining, false, Err("draining")),
        ] {
            let found = health.readiness(is_connected).map_err(|reason| reason.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{health:?}");
        }
    }
}
