//! The options of the input.

use crate::{
    framing::{Decoder, Framing},
    usage::UsageError,
};

/// The format of standard input.
#[derive(clap::Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputOptions {
    /// The format: lines, raw, nul, length, base64 or json
    ///
    /// lines: each line is a message. raw: all input is one message, which is sent at its end. nul: each
    /// message ends with a zero byte. length: each message follows its length, which is 4 bytes, the
    /// highest first. base64: each line is a binary message in base64. json: each line is an object with
    /// text or base64, such as the messages of --json; lines of other events are skipped.
    #[arg(
        long = "in",
        value_enum,
        value_name = "FORMAT",
        default_value = "lines",
        hide_possible_values = true
    )]
    framing: Framing,
    /// Send binary messages instead of text
    #[arg(long)]
    binary: bool,
}

impl InputOptions {
    /// Refuses options without effect.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        match self.framing {
            Framing::Base64 | Framing::Json if self.binary => Err(UsageError(format!(
                "--binary has no effect with --in {}; leave one out",
                self.framing.name()
            ))),
            _ => Ok(()),
        }
    }

    /// Whether each line is a message, so that a user can type messages.
    pub(crate) fn has_lines(&self) -> bool {
        matches!(self.framing, Framing::Lines | Framing::Base64 | Framing::Json)
    }

    /// The decoder of messages of at most `limit` bytes.
    pub(crate) fn decoder(&self, limit: usize) -> Decoder {
        Decoder::new(self.framing, self.binary, limit)
    }
}
