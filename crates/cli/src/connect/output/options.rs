//! The options of the output.

use std::path::PathBuf;

use crate::{framing::Framing, usage::UsageError};

/// Standard output, standard error and the record.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputOptions {
    /// Print all events as JSON on standard output, one object per line
    ///
    /// The events are listed under JSON below.
    #[arg(long)]
    json: bool,
    /// Show the session on the whole terminal, with keys for its control
    #[cfg(feature = "tui")]
    #[arg(long, conflicts_with_all = ["json", "out", "timestamps", "record", "quiet", "verbose", "no_footer", "framing", "binary", "close_on_eof", "wait", "duration", "messages", "one", "on_open", "on_lost", "on_message"])]
    tui: bool,
    /// The format: lines, raw, nul, length, base64 or json
    ///
    /// lines: text messages, with a line end after each. raw: text and binary messages, with nothing
    /// between them. nul: with a zero byte after each. length: with the length before each, as 4 bytes,
    /// the highest first. base64: a line of base64 for each. json: the message lines of --json. Only json
    /// shows whether a message is binary.
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "lines",
        hide_possible_values = true,
        conflicts_with = "json"
    )]
    out: Framing,
    /// Print the time in UTC before each message
    #[arg(long, conflicts_with = "json")]
    timestamps: bool,
    /// Append the lines of --json to this file, in addition to the other output
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Print nothing but errors on standard error
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more on standard error: addresses, and heartbeats when they are sent
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,
    /// Do not show the state of the session in the last row of a terminal
    #[arg(long)]
    no_footer: bool,
}

/// The contents of standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// All events, as JSON.
    Records,
    /// Messages. With the time, [`Framing::Lines`] has the time before each message.
    Messages(Framing, Time),
}

/// Whether the time is printed before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Hidden,
    Shown,
}

/// The extent of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// Errors only.
    Quiet,
    Normal,
    Verbose,
}

impl OutputOptions {
    /// Refuses options without effect, and bytes that could control the terminal.
    pub(crate) fn check(&self, terminal: bool) -> Result<(), UsageError> {
        let refused = |message: String| Err(UsageError(message));
        let out = self.out.name();
        match self.out {
            Framing::Lines => Ok(()),
            _ if self.timestamps => refused(format!(
                "--timestamps has no effect with --out {out}; leave it out, or use --out json, \
                 which has the time"
            )),
            Framing::Raw | Framing::Nul | Framing::Length if terminal => refused(format!(
                "--out {out} could write bytes to the terminal that control it; write standard \
                 output to a file or a pipe, or use --out base64"
            )),
            _ => Ok(()),
        }
    }

    #[cfg(feature = "tui")]
    pub(crate) fn is_tui(&self) -> bool {
        self.tui
    }

    /// Whether heartbeats are shown when they are sent.
    pub(crate) fn shows_probes(&self) -> bool {
        self.verbose
    }

    /// Whether each record is printed as JSON or kept in a file, for programs.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.json || self.record.is_some()
    }

    /// Whether the state of the session is shown on a terminal.
    pub(crate) fn shows_footer(&self) -> bool {
        !self.no_footer && !self.quiet
    }

    pub(super) fn format(&self) -> Format {
        match (self.json, self.timestamps) {
            (true, _) => Format::Records,
            (false, true) => Format::Messages(self.out, Time::Shown),
            (false, false) => Format::Messages(self.out, Time::Hidden),
        }
    }

    pub(super) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }
}
