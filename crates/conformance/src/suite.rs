//! [`Suite`]: a client under test, and the report about it.

use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    io::{self, Write},
    pin::pin,
    task::Poll,
    time::Duration,
};

use websocket_heartbeat::{Timer, Transport};

use crate::{
    rule::{Ability, Rule},
    rules::{self, Broken, Client, RULES, Subject},
};

/// The result of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The client keeps the rule.
    Kept,
    /// The rule does not apply, for this reason.
    Skipped(String),
    /// The client breaks the rule in this way.
    Broken(String),
}

/// The results of all rules.
#[derive(Clone, Debug)]
#[must_use = "a broken rule is only in the report"]
pub struct Report {
    rows: Vec<(Rule, Outcome)>,
}

impl Report {
    /// Each rule with its result.
    pub fn rows(&self) -> &[(Rule, Outcome)] {
        &self.rows
    }

    /// Writes each skipped rule with its reason to standard error, also if a test harness captures
    /// the output. `client` names the client there.
    ///
    /// # Panics
    ///
    /// If a rule is broken. The message has each broken rule.
    pub fn assert_kept(&self, client: &str) {
        let mut lines = String::new();
        for (rule, outcome) in &self.rows {
            if let Outcome::Skipped(reason) = outcome {
                lines += &format!("skipped conformance of {client}: {}: {reason}\n", rule.name);
            }
        }
        // Not `eprint!`, which the harness captures. Without standard error nobody would read it.
        let _ = io::stderr().write_all(lines.as_bytes());
        let is_broken = |row: &&(Rule, Outcome)| matches!(row.1, Outcome::Broken(_));
        assert!(!self.rows.iter().any(|row| is_broken(&row)), "{client}: {self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.rows.iter().filter(|(_, outcome)| *outcome == Outcome::Kept).count();
        write!(f, "{kept} of {} rules are kept", self.rows.len())?;
        for (rule, outcome) in &self.rows {
            match outcome {
                Outcome::Kept => {}
                Outcome::Skipped(reason) => write!(f, "\nskipped: {}: {reason}", rule.name)?,
                Outcome::Broken(what) => write!(f, "\nbroken: {}: {what}", rule.name)?,
            }
        }
        Ok(())
    }
}

/// A client under test: a function that makes its transport for a URL, and a timer.
///
/// The rules need no thread, no socket and no clock but the timer, and nothing has to be `Send`. So they
/// run on any target and executor, also in a browser and in virtual time. A rule that waits too long
/// is broken, by the clock of the timer. A poll that never returns also stops the suite.
///
/// ```
/// use websocket_heartbeat_conformance::{Outcome, Rule, Suite};
/// use websocket_heartbeat_smol::{Request, SmolTimer, SmolTransport};
///
/// let transport = |url: &str| SmolTransport::new(Request::new(url).unwrap());
/// let suite = Suite::new(transport, SmolTimer::new());
/// let rule = Rule::find("the clock does not go backward").unwrap();
/// // This rule needs no server.
/// let outcome = smol::block_on(suite.check("ws://127.0.0.1:1", rule));
/// assert_eq!(outcome, Outcome::Kept);
/// ```
#[derive(Debug)]
pub struct Suite<F, K> {
    transport: F,
    timer: K,
    limit: Duration,
    missing: Vec<(Ability, String)>,
    message_limit: Option<usize>,
    last_number: Cell<u64>,
}

impl<F, T, K> Suite<F, K>
where
    F: Fn(&str) -> T,
    T: Transport,
    K: Timer,
{
    /// A client with all abilities, except those that the system, [`Transport::can_ping`] or a
    /// missing [`message_limit`](Self::message_limit) exclude.
    pub fn new(transport: F, timer: K) -> Self {
        // Several suites may use one server. Half of the bits are enough to tell them apart, and the
        // other half counts.
        let first = timer.entropy() << 32;
        Self {
            transport,
            timer,
            limit: Duration::from_secs(30),
            missing: Vec::new(),
            message_limit: None,
            last_number: Cell::new(first),
        }
    }

    /// Declares that the client does not have an ability, for a reason that the report repeats.
    #[must_use]
    pub fn without(mut self, ability: Ability, reason: impl Into<String>) -> Self {
        self.missing.push((ability, reason.into()));
        self
    }

    /// Sets the size in bytes above which the client refuses to send a message; by default no limit
    /// is known.
    #[must_use]
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = Some(bytes);
        self
    }

    /// Sets the time limit of a rule; 30 s by default, since the server waits for ten. Each rule takes
    /// less than a second.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Checks all rules, one after the other, with the server at this URL: `ws://` and an authority,
    /// without a path.
    pub async fn run(&self, server: &str) -> Report {
        let mut rows = Vec::new();
        for rule in RULES {
            rows.push((*rule, self.check(server, *rule).await));
        }
        Report { rows }
    }

    /// Checks one rule.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the next check begins with connections of its own.
    pub async fn check(&self, server: &str, rule: Rule) -> Outcome {
        if let Some(reason) = rule.needs.iter().find_map(|need| self.reason_without(*need, server))
        {
            return Outcome::Skipped(reason);
        }
        let client = Client::new(self, server);
        let mut checked = pin!(rules::check(rule.name, &client));
        let deadline = self.timer.now().checked_add(self.limit);
        let mut alarm = pin!(self.timer.sleep(self.limit));
        let mut early = 0;
        let result = poll_fn(|cx| {
            if let Poll::Ready(result) = checked.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            // A sleep may end early.
            while alarm.as_mut().poll(cx).is_ready() {
                if deadline.is_none_or(|deadline| self.timer.now() >= deadline) {
                    let limit = self.limit;
                    return Poll::Ready(Err(Broken::new(format!("not kept after {limit:?}"))));
                }
                early += 1;
                if early > 1000 {
                    return Poll::Ready(Err(Broken::new("sleeps end before their deadline")));
                }
                alarm.set(self.timer.sleep_until(deadline.unwrap_or_default()));
            }
            Poll::Pending
        });
        match result.await {
            Ok(()) => Outcome::Kept,
            Err(broken) => Outcome::Broken(broken.to_string()),
        }
    }

    /// Why the client does not have an ability; `None` if it has it.
    fn reason_without(&self, ability: Ability, server: &str) -> Option<String> {
        if let Some((_, reason)) = self.missing.iter().find(|(missing, _)| *missing == ability) {
            return Some(reason.clone());
        }
        let reason = match ability {
            Ability::SendPings if !(self.transport)(server).can_ping() => {
                "`Transport::can_ping` is false"
            }
            Ability::LimitMessages if self.message_limit.is_none() => {
                "the suite has no limit of sent messages"
            }
            Ability::ReadAfterReset if !cfg!(target_os = "linux") => {
                "this system discards received bytes when the connection is reset"
            }
            _ => return None,
        };
        Some(reason.to_owned())
    }
}

impl<F, T, K> Subject for Suite<F, K>
where
    F: Fn(&str) -> T,
    T: Transport,
    K: Timer,
{
    type Transport = T;
    type Timer = K;

    fn transport(&self, url: &str) -> T {
        (self.transport)(url)
    }

    fn timer(&self) -> &K {
        &self.timer
    }

    fn message_limit(&self) -> usize {
        self.message_limit.unwrap_or_default()
    }

    fn next_number(&self) -> u64 {
        let number = self.last_number.get().wrapping_add(1);
        self.last_number.set(number);
        number
    }
}
