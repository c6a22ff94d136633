//! Messages in a stream of bytes: the formats of `--in` and `--out`.

mod decode;
mod encode;
mod split;

use clap::ValueEnum;

pub(crate) use self::decode::{Decoded, Decoder};

/// The place where one message ends and the next begins.
///
/// Only [`Json`](Self::Json) says whether a message is text or binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framing {
    /// A line end after each message.
    Lines,
    /// Nothing between messages. As input, all bytes are one message.
    Raw,
    /// A zero byte after each message.
    Nul,
    /// The length of each message before it, as four bytes, the highest first.
    Length,
    /// A line of base64 (RFC 4648 section 4) for each message.
    Base64,
    /// A line with a JSON object for each message, as JSON.md describes it.
    Json,
}

impl Framing {
    /// The value of the options.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Raw => "raw",
            Self::Nul => "nul",
            Self::Length => "length",
            Self::Base64 => "base64",
            Self::Json => "json",
        }
    }
}

#[cfg(test)]
mod tests;
