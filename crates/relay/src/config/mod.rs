//! The configuration of a worker: a file in TOML.
//!
//! ```
//! use wsbeat_relay::config::Config;
//!
//! let config = Config::parse(
//!     r#"
//!     [nats]
//!     servers = ["nats://127.0.0.1:4222"]
//!
//!     [[subscription]]
//!     names = ["btc", "eth"]
//!     url = "wss://feed.example.org/{{name}}"
//!     id = { pointer = "/seq" }
//!     "#,
//! )?;
//! assert_eq!(config.subscriptions[1].name, "eth");
//!
//! let mistakes = Config::parse("[nats]\nserver = 7").unwrap_err();
//! let explained = mistakes.to_string();
//! assert!(explained.ends_with("2:1: nats.server is no known key: did you mean `servers`?"));
//! # Ok::<_, wsbeat_relay::config::Mistakes>(())
//! ```

mod document;
mod mistakes;
mod nats;
mod notes;
mod report;
mod secret;
mod sections;
mod subscription;
pub(crate) mod template;
#[cfg(test)]
mod tests;
mod tree;
mod units;

use toml::de::DeTable;

use self::{
    document::Table,
    notes::{Collected, Notes},
    tree::Node,
};
pub use self::{
    mistakes::{Found, Mistake, Mistakes, Place, Problem, Warning},
    nats::{Authentication, Nats, Tls},
    report::{Report, check},
    secret::{Secret, SecretError, Source},
    sections::{Dial, Discard, Fleet, Rate, Stream, Worker},
    subscription::{
        Heartbeat, Kind, OnFull, Oversize, Ready, Reset, Resume, Subscription, SubscriptionError,
        WithoutId,
    },
};

/// The configuration of a worker. It contains no secrets, only the places where they stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The servers of NATS.
    pub nats: Nats,
    /// The limits of the stream.
    pub stream: Stream,
    /// This worker.
    pub worker: Worker,
    /// What all workers must have alike.
    pub fleet: Fleet,
    /// The attempts of the whole fleet.
    pub dial: Dial,
    /// The subscriptions of the file, in its order. `init` and `apply` write them to the store.
    pub subscriptions: Vec<Subscription>,
}

impl Config {
    /// Reads a file. No secret is read, and nothing else outside of the text.
    ///
    /// # Errors
    ///
    /// All mistakes of the file. If its syntax is wrong, mistakes that can follow from that are left
    /// out.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let (config, collected) = read(text);
        config.ok_or(Mistakes(collected.mistakes))
    }
}

/// The configuration, if there are no mistakes, and all that was found.
fn read(text: &str) -> (Option<Config>, Collected) {
    let notes = Notes::of_file(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    let tree = Node::of_document(&document);
    let config = Table::of_document(&tree, &notes).and_then(read_document);
    let mut wrong = Vec::new();
    for error in errors {
        let place = notes.place(error.span().map_or(0, |span| span.start));
        let what = Problem::Syntax(error.message().to_owned());
        wrong.push(Found { place, key: String::new(), what });
    }
    let mut collected = notes.into_collected();
    if !wrong.is_empty() {
        // One wrong character can be several errors.
        wrong.sort_by_key(|mistake| mistake.place);
        wrong.dedup_by_key(|mistake| mistake.place.map(|place| place.line));
        let on_line = |mistake: &Mistake| {
            let line = |mistake: &Mistake| mistake.place.map(|place| place.line);
            wrong.iter().any(|wrong| line(wrong) == line(mistake))
        };
        collected.mistakes.retain(|mistake| !mistake.what.can_follow() && !on_line(mistake));
        collected.mistakes.append(&mut wrong);
    }
    collected.mistakes.sort_by_key(|mistake| mistake.place);
    collected.warnings.sort_by_key(|warning| warning.place);
    (config.filter(|_| collected.mistakes.is_empty()), collected)
}

fn read_document(mut table: Table<'_>) -> Option<Config> {
    let write = "[nats], and below it servers = [\"nats://HOST:4222\"]";
    let nats = table.required("nats", write, |field| nats::read(&field));
    let stream = table.or("stream", Stream::default(), |field| Stream::read(&field));
    let worker = table.or("worker", Worker::default(), |field| Worker::read(&field));
    let fleet = table.or("fleet", Fleet::default(), |field| Fleet::read(&field));
    let dial = table.or("dial", Dial::default(), |field| Dial::read(&field));
    let subscriptions =
        table.or("subscription", Vec::new(), |field| subscription::read_all(&field));
    table.finish();
    Some(Config {
        nats: nats?,
        stream: stream?,
        worker: worker?,
        fleet: fleet?,
        dial: dial?,
        subscriptions: subscriptions?,
    })
}
