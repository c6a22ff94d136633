//! All settings of a session, checked: [`Settings`] and [`Policies`].

use std::time::Duration;

use super::{
    attempts::Attempts,
    backoff::Backoff,
    connect_timeout::ConnectTimeout,
    dial_budget::DialBudget,
    heartbeat::Heartbeat,
    outbox::OutboxSettings,
    verdict::{Failure, Verdict},
};
use crate::error::{ConfigError, not_zero};

pub(crate) type Delays = Box<dyn Iterator<Item = Duration> + Send>;
pub(crate) type MakeDelays = Box<dyn FnMut() -> Delays + Send>;
pub(crate) type Judge = Box<dyn FnMut(&Failure<'_>) -> Verdict + Send>;

/// A gap is a bound on storms, not a way to stop.
const LONGEST_GAP: Duration = Duration::from_secs(3_600);

/// The plain settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) attempts: Attempts,
    pub(crate) stable_after: Duration,
    pub(crate) connect_timeout: ConnectTimeout,
    pub(crate) close_timeout: Duration,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) minimum_gap: Duration,
    pub(crate) flap_limit: Option<u32>,
    pub(crate) outage_limit: Option<Duration>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) outbox: OutboxSettings,
}

/// The settings that hold code of the user.
pub(crate) struct Policies {
    pub(crate) heartbeat: Heartbeat,
    pub(crate) delays: MakeDelays,
    pub(crate) verdict: Judge,
    pub(crate) budget: Option<DialBudget>,
    pub(crate) backoff: Result<(), ConfigError>,
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.connect_timeout.check()?;
        not_zero("close timeout", self.close_timeout)?;
        self.write_timeout.map_or(Ok(()), |timeout| not_zero("write timeout", timeout))?;
        not_zero("minimum gap", self.minimum_gap)?;
        if self.minimum_gap > LONGEST_GAP {
            let rule = "must be at most an hour";
            return Err(ConfigError::new("minimum gap", self.minimum_gap, rule));
        }
        if let Some(limit) = self.flap_limit
            && self.stable_after.is_zero()
        {
            let rule = "must come with stable_after above zero";
            return Err(ConfigError::new("flap limit", limit, rule));
        }
        self.outbox.check()?;
        self.outage_limit.map_or(Ok(()), |limit| not_zero("outage limit", limit))?;
        self.max_age.map_or(Ok(()), |age| not_zero("maximum connection age", age))
    }
}

impl Policies {
    pub(crate) fn new<B>(heartbeat: Heartbeat, backoff: B, verdict: Judge) -> Self
    where
        B: Backoff<Delays: Send + 'static> + Send + 'static,
    {
        let checked = backoff.check();
        let delays = Box::new(move || Box::new(backoff.delays()) as Delays);
        Self { heartbeat, delays, verdict, budget: None, backoff: checked }
    }
}
