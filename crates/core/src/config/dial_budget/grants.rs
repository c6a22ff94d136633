//! The other side of a budget that is fed from outside: [`DialGrants`].

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{DialBudget, State, source::Source};
use crate::{
    sync::{Guarded, Polled, poll_registering},
    time::Timestamp,
};

/// Grants the attempts of a budget that was made by [`DialBudget::granted`].
///
/// It is for limits that one process alone cannot keep, for example a limit of a whole fleet, whose
/// count is in a database. A task waits for attempts without a grant, takes as many from the database
/// as it allows, and grants them:
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{DialBudget, Supervisor, Timer};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
/// # remote.script(|_| websocket_heartbeat_mock::Script::accept());
/// # let timer = clock.timer();
/// # async fn take_from_the_database(wanted: usize) -> usize { wanted.min(5) }
/// let (budget, mut grants) = DialBudget::granted();
/// let mut supervisor =
///     Supervisor::builder(transport, timer.clone()).dial_budget(budget.clone()).build()?;
/// let feeder = async move {
///     loop {
///         let wanted = grants.wanted().await;
///         let allowed = take_from_the_database(wanted).await;
///         grants.grant(allowed, timer.now(), Duration::from_secs(2));
///     }
/// };
/// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
/// # runner.spawn(feeder).detach();
/// # assert!(runner.run_until(async { supervisor.opened().await.is_ok() }));
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
///
/// # Drop behaviour
///
/// Without a `DialGrants` the budget has no limit, and all waiting attempts begin: a session that waits
/// for ever would be silently dead. So keep it as long as the sessions, and let the task that owns it
/// pause or close them before it ends.
#[derive(Debug)]
pub struct DialGrants {
    state: Arc<Guarded<State>>,
}

impl DialGrants {
    pub(super) fn new(budget: &DialBudget) -> Self {
        Self { state: Arc::clone(&budget.state) }
    }

    /// Waits until attempts wait for which there is no grant, and returns their number, which is above
    /// zero. A grant that was given back counts as a grant, so less is wanted then.
    ///
    /// It waits for ever if no supervisor has the budget.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect. The number is that of the present, so nothing is missed.
    pub async fn wanted(&mut self) -> usize {
        poll_fn(|cx| self.poll_wanted(cx)).await
    }

    /// Like [`wanted`](Self::wanted), for futures that are written by hand. The task of the last call
    /// is woken.
    pub fn poll_wanted(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        poll_registering(cx.waker(), |caller| {
            self.state.with(|state, deferred| match state.wanted() {
                0 => caller.wait_in(&mut state.feeder, deferred),
                wanted => Polled::Ready(wanted),
            })
        })
    }

    /// Allows `count` attempts to begin. A grant that no attempt has used is valid for `valid` after
    /// `now`, which is a time of the supervisors' timer.
    ///
    /// The first attempts that wait get the grants. What is left is for later ones. An attempt that
    /// was granted and does not begin, since its session is paused, closed or dropped, gives its grant
    /// back, and the next one has it for the rest of its time.
    ///
    /// Choose more than a second for `valid`: after this time an attempt loses its turn if its task is
    /// not polled, and the next one has the grant. Choose not much more, so that grants of different
    /// times are not used together.
    pub fn grant(&mut self, count: usize, now: Timestamp, valid: Duration) {
        let until = now.checked_add(valid).unwrap_or(Timestamp::from_epoch(Duration::MAX));
        self.state.with(|state, deferred| {
            if let Source::Grants(grants) = &mut state.source {
                grants.add(count, until);
            }
            state.observe(now);
            state.expire_turns(deferred);
            // The first attempt without a turn observes whether those before it use theirs.
            let free = state.source.free();
            if free < state.waiters.len() {
                state.waiters.wake(free, deferred);
            }
        });
    }
}

impl Drop for DialGrants {
    fn drop(&mut self) {
        self.state.with(|state, deferred| {
            state.source = Source::Unlimited;
            deferred.drop_waker(state.feeder.take());
            state.wake_from(0, deferred);
        });
    }
}
