//! The tables `[stream]`, `[worker]`, `[fleet]` and `[dial]`.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use super::{
    document::{Field, Table},
    mistakes::{Problem, Warning},
    units,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The limits of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// How old a message becomes. The default is a day.
    pub max_age: Duration,
    /// How many bytes are stored. The default is 10 GiB.
    pub max_bytes: u64,
    /// The largest message in bytes. The default is 1 MiB, the largest that a server accepts by
    /// default.
    pub max_message: u64,
    /// What a full stream does.
    pub discard: Discard,
    /// How long the stream knows the ids of its messages. The default is 30 s: an election of the
    /// servers takes up to 10 s, and then messages are sent again.
    pub dedupe_window: Duration,
}

/// What a full stream does with messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discard {
    /// It drops the oldest. The default, since a reader that is late must not stop the fleet.
    #[default]
    Old,
    /// It refuses new ones, so the fleet stops to receive.
    New,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            max_age: secs(86_400),
            max_bytes: 10 << 30,
            max_message: 1 << 20,
            discard: Discard::default(),
            dedupe_window: secs(30),
        }
    }
}

impl Stream {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = field.table()?;
        let max_age = table
            .or("max_age", default.max_age, |field| field.duration(secs(1)..=secs(86_400 * 3_650)));
        let max_bytes =
            table.or("max_bytes", default.max_bytes, |field| field.size(1 << 20..=1 << 50));
        let max_message =
            table.or("max_message", default.max_message, |field| field.size(1 << 10..=64 << 20));
        let choices = [("old", Discard::Old), ("new", Discard::New)];
        let discard = table.or("discard", default.discard, |field| field.choice(&choices));
        let dedupe_window = table.or("dedupe_window", default.dedupe_window, |field| {
            let window = field.duration(secs(1)..=secs(86_400 * 3_650))?;
            if window < secs(20) {
                field.warn(Warning::ShortWindow);
            }
            Some(window)
        });
        let text = units::duration_text;
        not_above(&mut table, ("dedupe_window", dedupe_window), ("max_age", max_age), text);
        let text = units::size_text;
        not_above(&mut table, ("max_message", max_message), ("max_bytes", max_bytes), text);
        table.finish();
        Some(Self {
            max_age: max_age?,
            max_bytes: max_bytes?,
            max_message: max_message?,
            discard: discard?,
            dedupe_window: dedupe_window?,
        })
    }
}

/// Notes a mistake if the value of the first key is above that of the second.
fn not_above<T: Ord + Copy>(
    table: &mut Table<'_>,
    (key, value): (&'static str, Option<T>),
    (other, limit): (&'static str, Option<T>),
    text: impl Fn(T) -> String,
) {
    if let (Some(value), Some(limit)) = (value, limit)
        && value > limit
    {
        let problem = Problem::Above { other, limit: text(limit) };
        match table.field(key) {
            Some(field) => field.mistake(problem),
            None => table.mistake(key, problem),
        }
    }
}

/// This worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its name, which is unique in the fleet; `None` for that of the host, see
    /// [`name`](Self::name).
    pub id: Option<String>,
    /// Its share of the subscriptions, in comparison with other workers. The default is 1.
    pub weight: u32,
    /// Where its metrics are served; `None` is nowhere. The default is 127.0.0.1:9464, the port that
    /// OpenTelemetry gives to this format, for this machine only.
    pub metrics: Option<SocketAddr>,
    /// How long a drain may take. The default is 30 s, the time that Kubernetes gives to a process.
    pub drain_timeout: Duration,
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            id: None,
            weight: 1,
            metrics: Some(SocketAddr::from(([127, 0, 0, 1], 9464))),
            drain_timeout: secs(30),
        }
    }
}

impl Worker {
    /// The longest name of a worker.
    const LONGEST: usize = 64;

    /// The name of the worker on this host. In the name of a host, `-` replaces each character that a
    /// subject cannot have.
    #[must_use]
    pub fn name(&self, host: &str) -> String {
        let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let of_host = || host.chars().map(allowed).take(Self::LONGEST).collect::<String>();
        match self.id.clone().unwrap_or_else(of_host) {
            name if name.is_empty() => "worker".to_owned(),
            name => name,
        }
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = field.table()?;
        let id = table.maybe("id", |field| field.name(Self::LONGEST));
        let weight = table.or("weight", default.weight, |field| field.integer(1..=1_000));
        let metrics = table.or("metrics", default.metrics, |field| {
            let address = field.any_text()?;
            if address == "off" {
                return Some(None);
            }
            let parsed = address.parse().ok();
            if parsed.is_none() {
                field.mistake(Problem::Address);
            }
            parsed.map(Some)
        });
        let drain_timeout = table.or("drain_timeout", default.drain_timeout, |field| {
            field.duration(secs(1)..=secs(3_600))
        });
        table.finish();
        Some(Self { id: id?, weight: weight?, metrics: metrics?, drain_timeout: drain_timeout? })
    }
}

/// What all workers must have alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Into how many blocks the subscriptions of each kind are divided. Each block has a lease, so
    /// the work for leases does not grow with the number of subscriptions. The default is 512.
    pub blocks: u32,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { blocks: 512 }
    }
}

impl Fleet {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut table = field.table()?;
        let blocks = table.or("blocks", Self::default().blocks, |field| field.integer(1..=16_384));
        table.finish();
        Some(Self { blocks: blocks? })
    }
}

/// How many attempts to connect the whole fleet begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dial {
    /// For upstreams that are not in `keys`.
    pub default: Rate,
    /// For upstreams with these keys, see [`dial_key`](super::Subscription::dial_key).
    pub keys: BTreeMap<String, Rate>,
}

/// A number of attempts in a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Attempts a second. The default is 20; 0.2 is one attempt in five seconds.
    pub per_second: f64,
    /// How many attempts may begin at once. The default is the number of attempts in a second.
    pub burst: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: 20.0, burst: 20 }
    }
}

impl Dial {
    /// The rate of the upstreams with this key.
    #[must_use]
    pub fn rate(&self, key: &str) -> Rate {
        self.keys.get(key).copied().unwrap_or(self.default)
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut table = field.table()?;
        let default = Rate::read(&mut table, Rate::default());
        let keys = table.or("keys", Vec::new(), |field| field.entries());
        table.finish();
        let used = default.unwrap_or_default();
        let rate = |(key, field): (&str, Field<'_>)| {
            let mut table = field.table()?;
            let rate = Rate::read(&mut table, used);
            table.finish();
            Some((key.to_owned(), rate?))
        };
        let keys: Vec<_> = keys?.into_iter().map(rate).collect();
        Some(Self { default: default?, keys: keys.into_iter().collect::<Option<_>>()? })
    }
}

impl Rate {
    fn read(table: &mut Table<'_>, default: Self) -> Option<Self> {
        let rate = table.maybe("rate", |field| field.number(0.001..=10_000.0));
        let burst = table.maybe("burst", |field| field.integer(1..=10_000));
        let (rate, burst) = (rate?, burst?);
        // The number of attempts in a second, and at least one.
        let in_a_second = |rate: f64| rate.ceil() as u32;
        let burst = burst.unwrap_or_else(|| rate.map_or(default.burst, in_a_second));
        Some(Self { per_second: rate.unwrap_or(default.per_second), burst })
    }
}
