//! The task that gets attempts for one dial key: [`Feeder`].

use std::{
    pin::pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::{
    FutureExt,
    future::{Either, select},
};
use websocket_heartbeat_tokio::{Timer, Timestamp, backend::DialGrants};

use super::{Gcra, Store, Taken, record};
use crate::{fleet::Written, telemetry};

/// The most tokens of one write. A worker that is killed takes them with it.
const BLOCK: usize = 10;

/// How long an unused grant is valid: a second for a session whose task is not polled, and one for the
/// next session.
const VALID: Duration = Duration::from_secs(2);

/// How long an answer of the store is awaited. A write takes milliseconds, an election seconds, and in
/// an election attempts go on by the local share.
const ANSWER: Duration = Duration::from_secs(1);

/// The time between attempts to reach a store that did not answer.
const RETRY: Duration = Duration::from_secs(2);

/// The longest wait before the record is read again: another worker may have replaced it.
const LONGEST: Duration = Duration::from_secs(5);

/// Workers wait for the same token. This keeps their reads apart.
const JITTER: Duration = Duration::from_millis(20);

/// Takes tokens of one dial key from the store, and grants attempts.
///
/// It takes no more tokens than attempts wait, at most 10 at once. Each grants an attempt at its own
/// time, and is lost if none waits then. If a write is refused, since another worker was first, it
/// tries again after a random time.
///
/// While the store does not answer, it grants its share: the limit divided by the number of workers
/// that were known last. A line of the log reports when this begins, and another one when it ends. No
/// burst follows in both cases. If only some workers have lost the store, the fleet exceeds its rate by
/// their shares.
#[derive(Debug)]
pub struct Feeder<S, K, W, M> {
    /// The dial key.
    pub dial_key: String,
    /// The limit of the fleet.
    pub limit: Gcra,
    /// The records.
    pub store: S,
    /// The timer of the supervisors.
    pub timer: K,
    /// The time in nanoseconds since 1970, see [`wall_clock`].
    pub wall: W,
    /// The number of workers that were known last, with this one.
    pub members: M,
}

/// Where tokens come from.
enum Source {
    Store,
    /// The store does not answer.
    Local {
        state: u64,
        /// When to try the store again.
        retry: Timestamp,
    },
}

/// A round, with the time at which it began.
struct Round {
    began: Timestamp,
    /// Since when attempts wait.
    waiting: Timestamp,
    wall: u64,
    wanted: u32,
}

/// The answer of the store.
enum Answer {
    Taken(Taken),
    /// Another worker was first.
    Refused,
    Failed(String),
}

/// The clock of this machine: nanoseconds since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "timers of two machines have no time in common")]
pub fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    nanos(since)
}

impl<S, K, W, M> Feeder<S, K, W, M>
where
    S: Store,
    K: Timer,
    W: Fn() -> u64,
    M: Fn() -> usize,
{
    /// Grants attempts. It never ends.
    ///
    /// # Drop behaviour
    ///
    /// Dropping the future drops the `grants`, and the budget has no limit from then on. So end the
    /// sessions first. Tokens that were taken and not granted are lost.
    pub async fn run(mut self, mut grants: DialGrants) {
        let key = record::key(&self.dial_key);
        let mut random = Random(self.timer.entropy());
        let mut source = Source::Store;
        let mut refusals = 0;
        let mut replaced = false;
        // Since when attempts wait without a token.
        let mut waiting = None;
        loop {
            let wanted = grants.wanted().await.min(BLOCK);
            let began = self.timer.now();
            let round = Round {
                began,
                waiting: *waiting.get_or_insert(began),
                wall: (self.wall)(),
                wanted: u32::try_from(wanted).unwrap_or(u32::MAX),
            };
            let taken = match &mut source {
                Source::Local { state, retry } if round.began < *retry => {
                    let share = self.limit.share((self.members)());
                    let taken = share.take(round.wall, *state, round.wanted);
                    *state = taken.state;
                    taken
                }
                _ => match self.take(&key, &round, matches!(source, Source::Local { .. })).await {
                    Answer::Taken(taken) => {
                        if matches!(source, Source::Local { .. }) {
                            tracing::info!(
                                dial_key = self.dial_key,
                                "the store of the dial budget answers again"
                            );
                            source = Source::Store;
                        }
                        taken
                    }
                    Answer::Refused => {
                        let most = JITTER * (1 << u32::min(refusals, 4));
                        refusals += 1;
                        self.timer.sleep(random.below(most)).await;
                        continue;
                    }
                    Answer::Failed(error) => {
                        source = self.local(source, error);
                        continue;
                    }
                },
            };
            refusals = 0;
            if let Some(ahead) = taken.replaced
                && !std::mem::replace(&mut replaced, true)
            {
                tracing::warn!(
                    dial_key = self.dial_key,
                    ahead_s = ahead.as_secs(),
                    "replaced a record of the dial budget that is in the future: compare the clocks of the workers"
                );
            }
            if taken.count == 0 {
                let wait = Duration::from_nanos(taken.next.saturating_sub(round.wall));
                self.timer.sleep(wait.min(LONGEST) + random.below(JITTER)).await;
            } else {
                self.give(&mut grants, &taken, &round).await;
                waiting = None;
            }
        }
    }

    /// The store did not answer. From now on the tokens are the share of this worker, without a burst:
    /// it may have been used just before.
    fn local(&mut self, source: Source, error: String) -> Source {
        let retry = later(self.timer.now(), RETRY);
        if let Source::Local { state, .. } = source {
            return Source::Local { state, retry };
        }
        let members = (self.members)().max(1);
        tracing::warn!(
            dial_key = self.dial_key,
            members,
            error,
            "the store of the dial budget does not answer: this worker uses its share of the budget"
        );
        Source::Local { state: self.limit.share(members).used_up((self.wall)()), retry }
    }

    /// Takes tokens from the store. `used_up`: the burst counts as used up.
    async fn take(&mut self, key: &str, round: &Round, used_up: bool) -> Answer {
        let entry = match self.answer(self.store.read(key)).await {
            Ok(entry) => entry,
            Err(error) => return Answer::Failed(error),
        };
        let (stored, revision) = match entry {
            None => (0, 0),
            Some(entry) => match record::decode(&entry.value) {
                Ok(state) => (state, entry.revision),
                Err(newer) => return Answer::Failed(newer.to_string()),
            },
        };
        let least = if used_up { self.limit.used_up(round.wall) } else { 0 };
        let taken = self.limit.take(round.wall, stored.max(least), round.wanted);
        if taken.state == stored {
            return Answer::Taken(taken);
        }
        let write = self.store.write(key, record::encode(taken.state), revision);
        match self.answer(write).await {
            Ok(Written::Stored(_)) => Answer::Taken(taken),
            Ok(Written::Refused) => Answer::Refused,
            // It may be stored: then these tokens are lost.
            Ok(Written::Unknown) => Answer::Failed("the result of a write is unknown".to_owned()),
            Err(error) => Answer::Failed(error),
        }
    }

    /// Waits for an answer of the store, but not for long.
    async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, S::Error>>,
    ) -> Result<T, String> {
        match select(pin!(answer), pin!(self.timer.sleep(ANSWER))).await {
            Either::Left((answer, _)) => answer.map_err(|error| error.to_string()),
            Either::Right(_) => Err(format!("no answer in {ANSWER:?}")),
        }
    }

    /// Grants an attempt for each token, at its time.
    async fn give(&mut self, grants: &mut DialGrants, taken: &Taken, round: &Round) {
        for moment in taken.moments() {
            let wait = Duration::from_nanos(moment.saturating_sub(round.wall));
            let at = later(round.began, wait);
            if at > self.timer.now() {
                self.timer.sleep_until(at).await;
            }
            let now = self.timer.now();
            // A token that is late for long would be used beside those of now.
            let is_late = now.saturating_since(at) > VALID;
            if !is_late && grants.wanted().now_or_never().is_some() {
                grants.grant(1, now, VALID);
                telemetry::dial_wait(now.saturating_since(round.waiting));
            }
        }
    }
}

/// Spreads the times of the workers: SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Duration::from_nanos((bits ^ (bits >> 31)) % nanos(most).max(1))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn later(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::from_epoch(Duration::MAX))
}
