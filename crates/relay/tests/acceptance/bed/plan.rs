//! The configuration of a fleet, as TOML.

use std::fmt::Write;

/// The name of the group in all tests. Each test has servers of its own.
pub(crate) const GROUP: &str = "bed";

/// What the workers of a fleet have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The replicas of the stream and of the buckets.
    pub(crate) replicas: usize,
    /// Further tables: `[dial]`, `[fleet]`.
    pub(crate) tables: String,
    pub(crate) subscriptions: Vec<Subscriptions>,
}

/// Subscriptions that differ by their names only.
#[derive(Clone, Debug)]
pub(crate) struct Subscriptions {
    pub(crate) names: Vec<String>,
    /// With `{{name}}`.
    pub(crate) url: String,
    pub(crate) kind: Kind,
    /// Further lines.
    pub(crate) lines: String,
}

/// How the owner changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Overlap,
    /// Two owners always.
    Twice,
    Exclusive,
}

impl Plan {
    pub(crate) fn new(replicas: usize) -> Self {
        // The tests of failover measure the workers, not the budget.
        Self { replicas, tables: "[dial]\nrate = 2000\n".to_owned(), subscriptions: Vec::new() }
    }

    /// Other tables in place of a large dial budget.
    pub(crate) fn tables(mut self, tables: &str) -> Self {
        tables.clone_into(&mut self.tables);
        self
    }

    /// Adds so many subscriptions.
    pub(crate) fn subscribe(self, kind: Kind, count: usize, url: &str) -> Self {
        self.subscribe_with(kind, count, url, "")
    }

    /// The same with further lines for each.
    pub(crate) fn subscribe_with(
        mut self,
        kind: Kind,
        count: usize,
        url: &str,
        lines: &str,
    ) -> Self {
        let before = self.names().count();
        let names = (before..before + count).map(|number| format!("s{number}")).collect();
        let (url, lines) = (url.to_owned(), lines.to_owned());
        self.subscriptions.push(Subscriptions { names, url, kind, lines });
        self
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.subscriptions.iter().flat_map(|subscriptions| &subscriptions.names)
    }

    /// The feed of a subscription, by its URL. `None` for a name that is not in the plan.
    pub(crate) fn feed(&self, name: &String) -> Option<String> {
        let subscription = self.subscriptions.iter().find(|one| one.names.contains(name))?;
        let (_, path) = subscription.url.rsplit_once('/')?;
        let feed = path.split('?').next()?;
        Some(feed.replace("{{name}}", name))
    }

    /// The name and slot of each owner that there must be.
    pub(crate) fn slots(&self) -> Vec<(String, u8)> {
        let mut slots = Vec::new();
        for subscriptions in &self.subscriptions {
            let owners = if subscriptions.kind == Kind::Twice { 2 } else { 1 };
            for name in &subscriptions.names {
                slots.extend((0..owners).map(|slot| (name.clone(), slot)));
            }
        }
        slots
    }

    /// The configuration of one worker.
    pub(crate) fn toml(&self, servers: &[String], worker: &str) -> String {
        let mut text = String::new();
        let replicas = self.replicas;
        let _ = write!(
            text,
            "[nats]\nservers = {servers:?}\ngroup = \"{GROUP}\"\nreplicas = {replicas}\n\
             [stream]\nmax_bytes = \"2GiB\"\n\
             [worker]\nid = \"{worker}\"\nmetrics = \"off\"\n{}",
            self.tables
        );
        for Subscriptions { names, url, kind, lines } in &self.subscriptions {
            let kind = match kind {
                Kind::Overlap => "kind = \"overlap\"",
                Kind::Twice => "kind = \"overlap\"\nreplicas = 2",
                Kind::Exclusive => "kind = \"exclusive\"",
            };
            let _ = write!(
                text,
                "[[subscription]]\nnames = {names:?}\nurl = \"{url}\"\n{kind}\n\
                 id = {{ pointer = \"/seq\" }}\n{lines}\n",
            );
        }
        text
    }
}
