//! Subscriptions of the configuration as wishes and sessions: [`Upstreams`].

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use websocket_heartbeat_tokio::{DialBudget, Dialer, InboxSettings, Message, TokioTimer, Tuning};

use crate::{
    config::{Config, Dial, Kind, OnFull, Oversize, Ready, Subscription, WithoutId},
    dial::{self, Feeder, Gcra},
    engine::{Engine, EngineError},
    fleet::Written,
    id::Rule,
    nats::Nats,
    record::Bucket,
    session::{Follows, Resume, Rules, Upstream, Values},
    upstream::{self, Checkpoint},
    worker::{Group, Opened, Source, Wish},
};

/// How the owners of a subscription change.
#[must_use]
pub fn group_of(subscription: &Subscription) -> Group {
    match subscription.kind {
        Kind::Overlap { owners: 2 } => Group::Twice,
        Kind::Overlap { .. } => Group::Overlap,
        Kind::Resume(_) | Kind::Exclusive => Group::Exclusive,
    }
}

/// Begins sessions with the upstreams of subscriptions, within the budgets of attempts of the fleet.
pub struct Upstreams {
    timer: TokioTimer,
    dialer: Dialer,
    store: DialStore,
    limits: Dial,
    members: Arc<AtomicUsize>,
    budgets: Mutex<HashMap<String, DialBudget>>,
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Upstreams {
    /// Uses the budgets of attempts in this store.
    #[must_use]
    pub fn new(engine: Nats, config: &Config) -> Self {
        Self {
            timer: TokioTimer::new(),
            dialer: Dialer::new(),
            store: DialStore(engine),
            limits: config.dial.clone(),
            members: Arc::new(AtomicUsize::new(1)),
            budgets: Mutex::default(),
        }
    }

    /// The budget of this key. Its first use begins the task that feeds it.
    fn budget(&self, key: String) -> DialBudget {
        // Each change is complete before something can panic.
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = budgets.get(&key) {
            return budget.clone();
        }
        let (budget, grants) = DialBudget::granted();
        let rate = self.limits.rate(&key);
        let members = Arc::clone(&self.members);
        let feeder = Feeder {
            dial_key: key.clone(),
            // One less: attempts take different times on their way to the upstream, which counts those
            // that arrive.
            limit: Gcra::new(rate.per_second, rate.burst.saturating_sub(1).max(1)),
            store: self.store.clone(),
            timer: self.timer.clone(),
            wall: dial::wall_clock,
            members: move || members.load(Ordering::Relaxed),
        };
        tokio::spawn(feeder.run(grants));
        budgets.insert(key, budget.clone());
        budget
    }
}

/// The bucket of budgets.
#[derive(Clone, Debug)]
struct DialStore(Nats);

impl dial::Store for DialStore {
    type Error = EngineError;

    async fn read(&self, key: &str) -> Result<Option<dial::Entry>, EngineError> {
        let record = self.0.get(Bucket::Dials, key).await?;
        Ok(record.map(|(value, revision)| dial::Entry { value: value.into(), revision }))
    }

    async fn write(&self, key: &str, value: Vec<u8>, after: u64) -> Result<Written, EngineError> {
        Ok(self.0.put(Bucket::Dials, key, value.into(), after).await)
    }
}

/// The values of a checkpoint in messages.
struct Learned {
    checkpoint: Checkpoint,
    /// Ids can be numbers. Bytes are none, since their order is not known.
    has_numbers: bool,
    /// The connection and the number of the last message that the upstream sent again.
    repeated: Option<(u64, u64)>,
}

impl Resume for Learned {
    fn read(&mut self, connection: u64, message: &Message) -> Option<Arc<Values>> {
        self.checkpoint.learn(connection, message);
        let values = self.checkpoint.take_changed()?;
        serde_json::from_slice(&values).ok().map(Arc::new)
    }

    /// Only ids that are numbers say so. The upstream sends again what followed the checkpoint, one
    /// after another, until it reaches the last message: an upstream that has begun to count anew does
    /// not begin with the number of the checkpoint.
    fn follows(&mut self, connection: u64, last: &str, id: &str) -> Follows {
        let numbers = number(last).zip(number(id)).filter(|_| self.has_numbers);
        let Some((last, number)) = numbers else { return Follows::Unknown };
        if last.checked_add(1) == Some(number) {
            return Follows::Continues;
        }
        let after = |before: u64| before.checked_add(1) == Some(number);
        let is_next = match self.repeated {
            Some((on, repeated)) if on == connection => after(repeated),
            // Some upstreams also send the message of the checkpoint itself.
            _ => {
                let checkpoint = self.checkpoint.resumed_after(connection);
                checkpoint.into_iter().any(|seq| seq == number || after(seq))
            }
        };
        if number > last || !is_next {
            return Follows::Unknown;
        }
        self.repeated = Some((connection, number));
        Follows::Repeats
    }
}

/// The number that an id of the upstream is.
fn number(id: &str) -> Option<u64> {
    id.strip_prefix("i:")?.parse().ok()
}

impl Source for Upstreams {
    fn wish(&self, name: &str, value: &Bytes) -> Result<Wish, String> {
        let subscription = Subscription::from_json(value).map_err(|error| error.to_string())?;
        if subscription.name != name {
            return Err(format!("its name is `{}`, and its key is `{name}`", subscription.name));
        }
        Ok(Wish {
            name: name.into(),
            group: group_of(&subscription),
            resumes: matches!(subscription.kind, Kind::Resume(_)),
            value: value.clone(),
        })
    }

    fn members(&self, count: usize) {
        self.members.store(count, Ordering::Relaxed);
    }

    fn open(&self, wish: &Wish, values: Option<Values>, inbox: usize) -> Result<Opened, String> {
        let subscription =
            Subscription::from_json(&wish.value).map_err(|error| error.to_string())?;
        let subscription = Arc::new(subscription);
        let checkpoint = Checkpoint::new(&subscription);
        if let Some(values) = values {
            let json = serde_json::to_vec(&values).map_err(|error| error.to_string())?;
            checkpoint.restore(&json).map_err(|error| error.to_string())?;
        }
        let key = upstream::dial_key(&subscription).map_err(|error| error.to_string())?;
        let session = upstream::session(
            Arc::clone(&subscription),
            checkpoint.clone(),
            self.timer.clone(),
            self.dialer.clone().tuning(Tuning::new().read_buffer(read_buffer(inbox))),
            Some(self.budget(key)),
        );
        let session = session.map_err(|error| error.to_string())?;
        let handle = session.handle();
        let settings = InboxSettings::new(INBOX_MESSAGES).bytes(inbox);
        let settings = match subscription.on_full {
            OnFull::Block => settings,
            OnFull::DropOldest => settings.drop_oldest(),
        };
        let (driver, inbox) = session.into_driver(settings).map_err(|error| error.to_string())?;
        let rules = rules(&subscription, checkpoint);
        Ok(Opened { rules, upstream: Upstream { handle, inbox }, driver: Box::pin(driver) })
    }
}

/// The bytes of the buffer into which a connection reads. It exists also while nothing comes: with
/// thousands of connections it is most of their memory. A busy one of a few is faster with a large one.
fn read_buffer(inbox: usize) -> usize {
    (inbox / 16).clamp(2 << 10, 16 << 10)
}

/// The messages in an inbox. Its bytes are the bound that matters.
const INBOX_MESSAGES: usize = 1_024;

fn rules(subscription: &Subscription, checkpoint: Checkpoint) -> Rules {
    let rule = subscription.id.clone();
    let resumes = matches!(subscription.kind, Kind::Resume(_));
    let has_numbers = matches!(rule, Rule::Pointer(_));
    let learned = Learned { checkpoint, has_numbers, repeated: None };
    let resume = resumes.then(|| Box::new(learned) as Box<dyn Resume>);
    let counts_all = matches!(rule, Rule::Hash | Rule::None);
    Rules {
        id: Box::new(move |message: &Message| rule.find(message).map(|id| id.to_string())),
        drop_without_id: subscription.without_id == WithoutId::Drop && !counts_all,
        counts_all,
        is_exclusive: subscription.kind == Kind::Exclusive,
        ready_when_open: subscription.ready == Ready::Open,
        stop_when_too_large: subscription.oversize == Oversize::Stop,
        resume,
        commands: subscription.commands,
        resend: subscription.resend,
    }
}
