//! The rule that finds the id of a message.
//!
//! Two messages of a subscription with the same id are the same message: the stream stores one of them.

mod pointer;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use twox_hash::XxHash3_128;
use websocket_heartbeat_tokio::Message;

pub use self::pointer::{Pointer, PointerError};

/// The longest id that is used as it is, in bytes. The header of each message contains the id, so it
/// must be short in comparison with a message. Of a longer id, a hash is used.
pub const LONGEST: usize = 200;

/// How the id of a message is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// The number or the string at this place of a text message, which is JSON.
    ///
    /// A number is its text, so `1` and `1.0` are two ids, and no digit of a large number is lost. A
    /// string is its content, so `1` and `"1"` are the same id. Everything else is no id, also an empty
    /// string. If an object has a key twice, the first one counts.
    Pointer(Pointer),
    /// The bytes from `from` to before `to` of a binary message. A shorter message has no id.
    Bytes {
        /// The first byte, counted from 0.
        from: usize,
        /// The byte after the last one.
        to: usize,
    },
    /// A hash of the message. Two equal messages count as one message, even if the upstream meant two.
    Hash,
    /// No message has an id.
    #[default]
    None,
}

impl Rule {
    /// Finds the id of a message, if it has one.
    #[must_use]
    pub fn find<'m>(&self, message: &'m Message) -> Option<Id<'m>> {
        let form = match self {
            Self::Pointer(pointer) => Form::of_text(pointer.find(message.as_text()?)?)?,
            Self::Bytes { from, to } => match message {
                Message::Text(_) => return None,
                Message::Binary(payload) => Form::of_bytes(payload.get(*from..*to)?)?,
            },
            Self::Hash => {
                let text = matches!(message, Message::Text(_));
                let seed = if text { Seed::Text } else { Seed::Binary };
                Form::Hash(hash(message.as_bytes(), seed))
            }
            Self::None => return None,
        };
        Some(Id(form))
    }
}

/// The id of a message. `Display` shows it as the part of `Nats-Msg-Id` after the name of the
/// subscription: `i:` and an id of the upstream, or `h:` and the hash of the message.
///
/// Bytes are hexadecimal. `i:#` and 128 bits are the hash of an id that a header cannot hold: one that
/// is longer than [`LONGEST`], has control characters, begins or ends with white space, or begins with
/// `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id<'m>(Form<'m>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form<'m> {
    Text(Cow<'m, str>),
    Bytes(&'m [u8]),
    /// The hash of an id.
    Hashed(u128),
    /// The hash of the message.
    Hash(u128),
}

impl<'m> Form<'m> {
    fn of_text(text: Cow<'m, str>) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let fits = text.len() <= LONGEST
            && !text.starts_with('#')
            && text.trim() == text
            && !text.chars().any(char::is_control);
        Some(if fits { Self::Text(text) } else { Self::Hashed(hash(text.as_bytes(), Seed::Id)) })
    }

    fn of_bytes(bytes: &'m [u8]) -> Option<Self> {
        match bytes.len() {
            0 => None,
            length if 2 * length <= LONGEST => Some(Self::Bytes(bytes)),
            _ => Some(Self::Hashed(hash(bytes, Seed::Id))),
        }
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Text(text) => write!(f, "i:{text}"),
            Form::Bytes(bytes) => {
                f.write_str("i:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Form::Hashed(hash) => write!(f, "i:#{hash:032x}"),
            Form::Hash(hash) => write!(f, "h:{hash:032x}"),
        }
    }
}

/// A text and a binary message with the same bytes are two messages. All workers of a fleet must make
/// the same hashes, so these numbers stay.
#[derive(Clone, Copy)]
enum Seed {
    Text = 0,
    Binary = 1,
    Id = 2,
}

fn hash(bytes: &[u8], seed: Seed) -> u128 {
    XxHash3_128::oneshot_with_seed(seed as u64, bytes)
}
