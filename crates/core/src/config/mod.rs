//! The settings of a session.

mod attempts;
mod backoff;
mod connect_timeout;
pub(crate) mod dial_budget;
mod heartbeat;
mod outbox;
mod preset;
mod settings;
mod verdict;

pub use self::{
    attempts::Attempts,
    backoff::{Backoff, Constant, Exponential, ExponentialDelays},
    connect_timeout::ConnectTimeout,
    dial_budget::DialBudget,
    heartbeat::{Heartbeat, ProofOfLife},
    outbox::{Offline, OutboxSettings, WhenFull},
    preset::Preset,
    verdict::{Failure, Verdict},
};
pub(crate) use self::{
    backoff::Random,
    heartbeat::{Predicate, Probe, Trigger},
    settings::{Delays, Judge, MakeDelays, Policies, Settings},
};
