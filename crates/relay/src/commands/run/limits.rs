//! The number of files that the process may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Failure;

/// Files beside the sockets of subscriptions.
const OTHERS: u64 = 64;

/// Raises the soft limit as far as it goes.
///
/// # Errors
///
/// If one worker could not hold all subscriptions, which it has to when the others are down.
pub(super) fn raise(subscriptions: usize) -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files cannot be raised");
    }
    let current = getrlimit(Resource::Nofile).current;
    let needed = subscriptions as u64 + OTHERS;
    match current {
        Some(current) if current < needed => Err(Failure::Failed(format!(
            "the process may open {current} files, and {subscriptions} subscriptions need {needed} \
             if this worker is the only one: raise the limit (`ulimit -n {needed}`, or \
             `LimitNOFILE={needed}` for systemd)"
        ))),
        _ => Ok(()),
    }
}
