//! What is wrong in a configuration, and where: [`Mistakes`], [`Mistake`], [`Warning`].

use std::fmt;

use websocket_heartbeat_tokio::RequestError;

use super::SecretError;
use crate::id::PointerError;

/// A place in a file: line and column, both from 1. A column is a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line. It exists in the file, or is 1.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Something that was found at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The place; `None` if the text is no file.
    pub place: Option<Place>,
    /// The key, with those of the tables around it, for example `nats.replicas`. Empty for an error of
    /// the syntax.
    pub key: String,
    /// What was found.
    pub what: T,
}

/// A mistake: the configuration cannot be used.
pub type Mistake = Found<Problem>;

/// All mistakes of a configuration, in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

/// What is wrong, and what to do. `Display` shows no value that may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The text is not TOML. These are the words of the parser.
    Syntax(String),
    /// The key is not known.
    UnknownKey {
        /// The known key that has almost the same name.
        nearest: Option<&'static str>,
        /// All known keys of this table.
        known: Vec<&'static str>,
    },
    /// The key is missing.
    Missing {
        /// What to write.
        write: &'static str,
    },
    /// The value has another type.
    Type {
        /// The type that it must have.
        expected: &'static str,
        /// The type that it has.
        found: &'static str,
    },
    /// The value is none of these.
    Choice(Vec<&'static str>),
    /// The number, duration or size is too small or too large.
    Range {
        /// The smallest.
        least: String,
        /// The largest.
        most: String,
    },
    /// The text is no duration.
    Duration,
    /// The text is no size.
    Size,
    /// The text is no name: it becomes a part of a subject.
    Name {
        /// How many characters it may have.
        longest: usize,
    },
    /// The text or the list is empty.
    Empty,
    /// The list is too long, or its texts are.
    TooMuch {
        /// The limit.
        most: &'static str,
    },
    /// Another subscription has this name.
    Twice {
        /// The line of the first.
        line: usize,
    },
    /// Only one of the two keys can be set.
    NotBoth {
        /// The other key.
        other: &'static str,
    },
    /// The key needs another one.
    Needs {
        /// The other key.
        other: &'static str,
    },
    /// The key has no effect.
    NoEffect {
        /// The condition under which it has one.
        without: &'static str,
    },
    /// The value is above another one.
    Above {
        /// The key of the other.
        other: &'static str,
        /// The other value.
        limit: String,
    },
    /// Two owners, but the kind is not `overlap`.
    TwoOwners,
    /// `overlap` without an id.
    IdMissing,
    /// Two owners, but no ids.
    TwoWithoutIds,
    /// The JSON pointer is malformed.
    Pointer(PointerError),
    /// The range of bytes has no byte.
    EmptyRange,
    /// The URL of the upstream is not valid.
    Url(RequestError),
    /// The URL of `resume` has no TLS, but that of the subscription has.
    OtherScheme,
    /// The header cannot be sent.
    Header(RequestError),
    /// A secret stands in the file.
    PlainSecret,
    /// The address of a server of NATS is not valid.
    Server,
    /// The address of a server of NATS has a user, a password or a token.
    ServerSecret,
    /// The text is no address of a socket.
    Address,
    /// The key of a budget is too long or has strange characters.
    DialKey,
    /// The template has a place that nothing fills.
    Template {
        /// Its name.
        place: String,
        /// What can be filled.
        known: Vec<String>,
    },
    /// The name of a value of `resume` cannot be used.
    ValueName,
}

/// Something that works and is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A file or a variable cannot be read here.
    Unreadable(SecretError),
    /// With `overlap` and no ids, messages are stored twice.
    Doubles,
    /// A secret is sent without encryption.
    Unencrypted,
    /// No template uses the value of `resume`.
    Unused,
    /// Messages that are sent again after an election of NATS can be outside the window.
    ShortWindow,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Place, key and explanation, for example `12:8: nats.replicas must be one of 1, 3, 5`.
impl<T: fmt::Display> fmt::Display for Found<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{} ", self.key)?;
        }
        self.what.fmt(f)
    }
}

/// One mistake a line.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.0.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Problem {
    /// Whether an error of the syntax somewhere else can be the cause.
    pub(super) fn can_follow(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::Needs { .. } | Self::NoEffect { .. } | Self::IdMissing
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(words) => write!(f, "the syntax is wrong: {words}"),
            Self::UnknownKey { nearest: Some(nearest), .. } => {
                write!(f, "is no known key: did you mean `{nearest}`?")
            }
            Self::UnknownKey { known, .. } => {
                write!(f, "is no known key: the keys here are {}", known.join(", "))
            }
            Self::Missing { write } => write!(f, "is missing: write {write}"),
            Self::Type { expected, found } => write!(f, "must be {expected}, and is {found}"),
            Self::Choice(allowed) => write!(f, "must be one of {}", allowed.join(", ")),
            Self::Range { least, most } => write!(f, "must be at least {least} and at most {most}"),
            Self::Duration => f.write_str(
                "is no duration: write a whole number and d, h, m, s or ms, such as \"15s\"",
            ),
            Self::Size => f.write_str(
                "is no size: write a whole number and TiB, GiB, MiB, KiB or B, such as \"10GiB\"",
            ),
            Self::Name { longest } => write!(
                f,
                "is no name: use letters A-Z and a-z, digits, `_` and `-`, at most {longest} of them"
            ),
            Self::Empty => f.write_str("must not be empty"),
            Self::TooMuch { most } => write!(f, "is too much: at most {most}"),
            Self::Twice { line: 0 } => f.write_str("has the name of another subscription"),
            Self::Twice { line } => write!(f, "is already the name of the subscription in line {line}"),
            Self::NotBoth { other } => {
                write!(f, "cannot be set together with `{other}`: remove one of them")
            }
            Self::Needs { other } => write!(f, "needs `{other}`: add it"),
            Self::NoEffect { without } => write!(f, "has no effect without {without}: remove it"),
            Self::Above { other, limit } => {
                write!(f, "must not be above `{other}`, which is {limit}")
            }
            Self::TwoOwners => f.write_str("must be 1 unless `kind` is \"overlap\""),
            Self::IdMissing => f.write_str(
                "is missing: two owners publish while a subscription moves, and equal ids make one \
                 message of two; write for example { pointer = \"/seq\" }, or \"hash\"",
            ),
            Self::TwoWithoutIds => f.write_str(
                "must find ids, since `replicas` is 2: without ids each message is stored twice",
            ),
            Self::Pointer(error) => write!(f, "is not valid: {error}"),
            Self::EmptyRange => f.write_str(
                "has no byte: write [FROM, TO], with the number of the first byte and of the byte \
                 after the last, such as [0, 8]",
            ),
            Self::Url(error) => write!(f, "is not valid: {error}"),
            Self::OtherScheme => f.write_str(
                "must begin with wss:// as `url` does, since the headers are sent there too",
            ),
            Self::Header(error) => write!(f, "is not valid: {error}"),
            Self::PlainSecret => f.write_str(
                "is a secret, and this file is not: write { file = \"PATH\" } or \
                 { env = \"VARIABLE\" }",
            ),
            Self::Server => f.write_str(
                "is no address of a server: write nats://HOST:PORT, or tls://HOST:PORT",
            ),
            Self::ServerSecret => f.write_str(
                "must not have a user, a password or a token, since this file is not secret: set \
                 `user` and `password`, or `token`",
            ),
            Self::Address => f.write_str(
                "is no address: write an IP address and a port such as \"127.0.0.1:9464\", or \"off\"",
            ),
            Self::DialKey => f.write_str("must have 1 to 200 visible ASCII characters"),
            Self::Template { place, known } => {
                write!(f, "has {{{{{place}}}}}, which nothing fills: known are ")?;
                let known: Vec<_> = known.iter().map(|name| format!("{{{{{name}}}}}")).collect();
                f.write_str(&known.join(", "))
            }
            Self::ValueName => f.write_str(
                "is no name for a value: use letters A-Z and a-z, digits and `_`, and not `name`",
            ),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => {
                write!(f, "is not available here: {error}; the worker needs it")
            }
            Self::Doubles => f.write_str(
                "is \"none\" with kind \"overlap\": while a subscription moves, its messages are \
                 stored twice",
            ),
            Self::Unencrypted => {
                f.write_str("is sent without encryption: use a URL that begins with wss://")
            }
            Self::Unused => f.write_str("is in no template of `resume`: the resume waits for it"),
            Self::ShortWindow => f.write_str(
                "is short: after an election of NATS, which can take 10 s, messages are sent again, \
                 and the window must still have their ids; use at least 20s",
            ),
        }
    }
}
