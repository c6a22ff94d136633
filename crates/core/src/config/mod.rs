//! The settings of a session, one file for each kind.

mod attempts;
mod backoff;
mod connect_timeout;
pub(crate) mod dial_budget;
mod heartbeat;
mod inbox;
mod outbox;
mod preset;
mod proof_of_life;
mod random;
mod settings;
mod unproven;
mod verdict;

pub use self::{
    attempts::Attempts,
    backoff::{Backoff, Constant, Exponential, ExponentialDelays},
    connect_timeout::ConnectTimeout,
    dial_budget::{DialBudget, DialGrants},
    heartbeat::Heartbeat,
    inbox::InboxSettings,
    outbox::{Offline, OutboxSettings, WhenFull},
    preset::Preset,
    proof_of_life::ProofOfLife,
    verdict::{Failure, Verdict},
};
pub(crate) use self::{
    backoff::{BoxBackoff, Delays, MakeDelays},
    heartbeat::{Probe, Trigger},
    inbox::Overflow,
    outbox::OutboxRules,
    proof_of_life::Predicate,
    random::Random,
    settings::Settings,
    unproven::{KeepUnproven, Unproven},
    verdict::VerdictFn,
};
