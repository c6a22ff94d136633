//! Fields of the outbox that most sessions rarely or never use: [`Rare`].

use super::{Outbox, Unsent, Wants, limits::WaitLimits, replay::Replays, sinks::Sinks};
use crate::{config::Unproven, sync::WaitQueue};

/// Waiting tasks, sinks, fates that are not reported yet, replays, and unproven messages.
#[derive(Default)]
pub(super) struct Rare {
    /// Tasks that wait for room or for a reservation.
    pub(super) waiters: WaitQueue<Wants>,
    pub(super) limits: Option<Box<dyn WaitLimits>>,
    pub(super) sinks: Sinks,
    /// The fates that the next loss reports.
    pub(super) unsent: Unsent,
    pub(super) replays: Option<Box<dyn Replays>>,
    /// Written messages without proof, if the application wants them back.
    pub(super) unproven: Option<Box<dyn Unproven>>,
}

impl Rare {
    fn is_empty(&self) -> bool {
        let Self { waiters, limits, sinks, unsent, replays, unproven } = self;
        unproven.is_none()
            && waiters.is_empty()
            && limits.as_ref().is_none_or(|limits| limits.is_empty())
            && sinks.is_empty()
            && unsent.is_empty()
            && replays.as_ref().is_none_or(|replays| replays.is_empty())
    }
}

impl Outbox {
    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Frees unused memory if the driver has parked several times since a message was accepted. So
    /// thousands of idle sessions keep no buffers, and a busy session does not allocate for each
    /// batch. The driver calls this when it parks.
    pub(crate) fn shrink_if_idle(&mut self) {
        const IDLE_PARKS: u8 = 4;
        if self.parks < IDLE_PARKS {
            self.parks += 1;
            return;
        }
        self.list.shrink();
        if self.is_settled() {
            // A receipt that was not read has its fate.
            self.receipts = None;
        }
        if self.rare.as_ref().is_some_and(|rare| rare.is_empty()) {
            self.rare = None;
        }
    }
}
