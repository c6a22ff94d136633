//! [`Subscription`]: one upstream, and how the fleet takes its messages.

mod id;
mod read;
mod resume;
mod source;
mod write;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::de::{Deserialize, Deserializer, Error};

pub(super) use self::read::read_all;
pub use self::resume::{Reset, Resume};
use super::{Source, document::Table, mistakes::Mistakes, notes::Notes, template, tree::Node};
use crate::id::Rule;

/// A subscription: an upstream, and how the fleet takes its messages.
///
/// Its JSON has the keys of the table `[[subscription]]`, and is the value in the bucket of wishes.
/// Workers of two neighbouring versions read it: a key that is not known is ignored, and one that is
/// missing has its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its name in subjects and ids, unique in the fleet.
    pub name: String,
    /// The URL of the upstream.
    pub url: Source,
    /// Header fields of the request.
    pub headers: BTreeMap<String, Source>,
    /// Offered subprotocols, the preferred one first.
    pub subprotocols: Vec<String>,
    /// The messages that are sent on each connection, in this order.
    pub open: Vec<Source>,
    /// How its owner changes. The default is [`Kind::Overlap`] with one owner.
    pub kind: Kind,
    /// How ids are found. The default is [`Rule::None`], except for `overlap`, which has no default.
    pub id: Rule,
    /// What happens to a message in which the rule finds no id.
    pub without_id: WithoutId,
    /// How a silent connection is found to be dead.
    pub heartbeat: Heartbeat,
    /// When a new owner counts as ready.
    pub ready: Ready,
    /// What happens when too many messages wait for the stream.
    pub on_full: OnFull,
    /// What happens to a message above the limit of the stream.
    pub oversize: Oversize,
    /// Whether messages of the command subject are sent to the upstream. The default is no.
    pub commands: bool,
    /// How often a command whose fate is unknown is sent again. The default is 0, since the upstream
    /// may have received it.
    pub resend: u32,
    /// The key of the budget of attempts; `None` for the host of the URL, see
    /// [`upstream::dial_key`](crate::upstream::dial_key).
    pub dial_key: Option<String>,
}

/// How the owner of a subscription changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The new owner connects before the old one ends.
    Overlap {
        /// How many workers own it at the same time: 1 or 2.
        owners: u8,
    },
    /// The old owner ends first, and the new one continues its session with the upstream.
    Resume(Resume),
    /// The old owner ends first.
    Exclusive,
}

/// How a silent connection is found to be dead.
#[derive(Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// With a text: the period in which it is sent. Without: the silence after which a ping is sent.
    /// The default is 15 s, as in the library.
    pub interval: Duration,
    /// How long an answer may take. The default is 10 s, as in the library.
    pub timeout: Duration,
    /// A text that the upstream expects. By default pings are sent, which every server answers.
    pub text: Option<String>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), timeout: Duration::from_secs(10), text: None }
    }
}

/// Shows whether there is a text, which may be secret.
impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interval, timeout, text } = self;
        let mut shown = f.debug_struct("Heartbeat");
        shown.field("interval", interval).field("timeout", timeout);
        shown.field("text", &text.is_some()).finish()
    }
}

/// Defines an enum whose variants have names in the configuration.
macro_rules! choice {
    (
        $(#[$about:meta])* $name:ident {
            $($(#[$variant_about:meta])* $variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_about])* $variant),+ }

        impl $name {
            pub(super) const CHOICES: &[(&'static str, Self)] = &[$(($text, Self::$variant)),+];

            /// The name in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

choice! {
    /// What happens to a message in which the rule finds no id.
    WithoutId {
        /// It is stored. Its id is the number of its connection and its own, so two owners store it
        /// twice. The default, because no message may be lost by a wrong rule.
        #[default]
        Publish = "publish",
        /// It is not stored. For answers to subscribe messages and similar.
        Drop = "drop",
    }
}

choice! {
    /// When a new owner counts as ready.
    Ready {
        /// With its first message. The default: only a message shows that the upstream accepted the
        /// subscribe messages.
        #[default]
        Message = "message",
        /// When the connection is open. For upstreams that are silent for long.
        Open = "open",
    }
}

choice! {
    /// What happens when too many messages wait for the stream.
    OnFull {
        /// Nothing more is read from the upstream until there is room. The default, since it loses no
        /// message that the upstream still sends.
        #[default]
        Block = "block",
        /// The oldest messages are dropped, and a record says how many.
        DropOldest = "drop_oldest",
    }
}

choice! {
    /// What happens to a message above the limit of the stream.
    Oversize {
        /// A record says that it was skipped. The default, since one message must not stop all others.
        #[default]
        Skip = "skip",
        /// The subscription stops.
        Stop = "stop",
    }
}

/// The reason why a value of the bucket is no subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// It is no JSON, at this place.
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Its values are wrong.
    Invalid(Mistakes),
}

impl Subscription {
    /// Reads a value of the bucket, and checks it as a file is checked.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or has mistakes. The error contains no value that may be secret.
    pub fn from_json(json: &[u8]) -> Result<Self, SubscriptionError> {
        let node = serde_json::from_slice(json).map_err(|error| SubscriptionError::Json {
            line: error.line().max(1),
            column: error.column().max(1),
        })?;
        Self::from_node(&node).map_err(SubscriptionError::Invalid)
    }

    fn from_node(node: &Node) -> Result<Self, Mistakes> {
        let notes = Notes::of_json();
        let subscription = Table::of_document(node, &notes).and_then(read::read_json);
        let mistakes = notes.into_collected().mistakes;
        subscription.filter(|_| mistakes.is_empty()).ok_or(Mistakes(mistakes))
    }

    /// The secrets that the subscription uses, without those in other secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &super::Secret> {
        let resume = match &self.kind {
            Kind::Resume(resume) => Some(resume),
            Kind::Overlap { .. } | Kind::Exclusive => None,
        };
        let of_resume = resume.into_iter().flat_map(|resume| resume.open.iter().chain(&resume.url));
        let sources = [&self.url].into_iter().chain(self.headers.values()).chain(&self.open);
        sources.chain(of_resume).filter_map(Source::secret)
    }

    /// The subscription with this name in the place of `{{name}}`.
    fn named(&self, name: &str) -> Self {
        let fill = |source: &Source| source.named(name);
        let kind = match &self.kind {
            Kind::Resume(resume) => Kind::Resume(Resume {
                open: resume.open.iter().map(fill).collect(),
                url: resume.url.as_ref().map(fill),
                ..resume.clone()
            }),
            kind @ (Kind::Overlap { .. } | Kind::Exclusive) => kind.clone(),
        };
        let headers = self.headers.iter().map(|(key, value)| (key.clone(), fill(value)));
        Self {
            name: name.to_owned(),
            url: fill(&self.url),
            headers: headers.collect(),
            open: self.open.iter().map(fill).collect(),
            kind,
            dial_key: self.dial_key.as_deref().map(|key| template::fill_name(key, name)),
            ..self.clone()
        }
    }
}

impl<'de> Deserialize<'de> for Subscription {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Self::from_node(&Node::deserialize(json)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for SubscriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { line, column } => {
                write!(f, "the subscription is no JSON (line {line}, column {column})")
            }
            Self::Invalid(mistakes) => {
                f.write_str("the subscription is wrong: ")?;
                for (n, mistake) in mistakes.0.iter().enumerate() {
                    let end = if n == 0 { "" } else { "; " };
                    write!(f, "{end}{mistake}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for SubscriptionError {}
