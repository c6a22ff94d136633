//! Subscriptions of the configuration as wishes and sessions: [`Upstreams`].

use std::{fmt, sync::Arc};

use bytes::Bytes;
use websocket_heartbeat_tokio::{InboxSettings, Message, TokioTimer};

use crate::{
    config::{Config, Kind, OnFull, Oversize, Ready, Subscription, WithoutId},
    id::Rule,
    nats::Nats,
    session::{Rules, Upstream},
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

/// Begins sessions with the upstreams of subscriptions.
pub struct Upstreams {
    timer: TokioTimer,
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams").finish_non_exhaustive()
    }
}

impl Upstreams {
    /// Uses the budgets of attempts in this store.
    #[must_use]
    pub fn new(_engine: Nats, _config: &Config) -> Self {
        Self { timer: TokioTimer::new() }
    }
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

    fn open(
        &self,
        wish: &Wish,
        _values: Option<crate::session::Values>,
        inbox: usize,
    ) -> Result<Opened, String> {
        let subscription =
            Subscription::from_json(&wish.value).map_err(|error| error.to_string())?;
        let subscription = Arc::new(subscription);
        let checkpoint = Checkpoint::new(&subscription);
        let session =
            upstream::session(Arc::clone(&subscription), checkpoint, self.timer.clone(), None);
        let session = session.map_err(|error| error.to_string())?;
        let handle = session.handle();
        let settings = InboxSettings::new(INBOX_MESSAGES).bytes(inbox);
        let settings = match subscription.on_full {
            OnFull::Block => settings,
            OnFull::DropOldest => settings.drop_oldest(),
        };
        let (driver, inbox) = session.into_driver(settings).map_err(|error| error.to_string())?;
        let rules = rules(&subscription);
        Ok(Opened { rules, upstream: Upstream { handle, inbox }, driver: Box::pin(driver) })
    }
}

/// The messages in an inbox. Its bytes are the bound that matters.
const INBOX_MESSAGES: usize = 1_024;

fn rules(subscription: &Subscription) -> Rules {
    let rule = subscription.id.clone();
    let counts_all = matches!(rule, Rule::Hash | Rule::None);
    Rules {
        id: Box::new(move |message: &Message| rule.find(message).map(|id| id.to_string())),
        drop_without_id: subscription.without_id == WithoutId::Drop && !counts_all,
        counts_all,
        is_exclusive: subscription.kind == Kind::Exclusive,
        ready_when_open: subscription.ready == Ready::Open,
        stop_when_too_large: subscription.oversize == Oversize::Stop,
        resume: None,
        commands: subscription.commands,
        resend: subscription.resend,
    }
}
