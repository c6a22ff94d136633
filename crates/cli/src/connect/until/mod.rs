//! When the session ends by itself: [`Until`].

use std::time::Duration;

use clap::Args;
use websocket_heartbeat_smol::Timestamp;

use super::closing::By;
use crate::{usage::UsageError, values};

#[derive(Args, Debug)]
#[command(next_help_heading = "End")]
pub(super) struct UntilOptions {
    /// Close after this time [default: never]
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    pub(super) duration: Option<Duration>,
    /// Close after all of standard input is sent
    #[arg(long)]
    pub(super) close_on_eof: bool,
    /// With --close-on-eof: wait this time for a message [default: 0s]
    ///
    /// The time begins when all is sent, and again with each message. At its end the session is
    /// closed.
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    wait: Option<Duration>,
    /// Print this number of messages and close
    ///
    /// With --close-on-eof, all of standard input is sent first.
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = values::count)]
    messages: Option<u32>,
    /// The same as -n 1
    #[arg(short = '1', conflicts_with = "messages")]
    one: bool,
}

impl UntilOptions {
    /// Refuses options without effect.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        match self.wait {
            Some(_) if !self.close_on_eof => {
                Err(UsageError::new("--wait has no effect without --close-on-eof; add it"))
            }
            _ => Ok(()),
        }
    }

    fn count(&self) -> Option<u64> {
        if self.one { Some(1) } else { self.messages.map(u64::from) }
    }
}

/// Decides when the session has reached its end, from the messages and the lines so far.
#[derive(Debug)]
pub(super) struct Until {
    close_on_eof: bool,
    wait: Option<Duration>,
    /// The number of messages after which the session ends.
    count: Option<u64>,
    received: u64,
    /// The time of the last message or the last written line.
    last: Timestamp,
    /// All of standard input has its fate.
    sent: bool,
}

/// The decision of [`Until`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The session goes on.
    Never,
    /// It ends at this time, if nothing happens before.
    At(Timestamp),
    Now(By),
}

impl Until {
    pub(super) fn new(options: &UntilOptions, now: Timestamp) -> Self {
        let count = options.count();
        let UntilOptions { close_on_eof, wait, .. } = *options;
        Self { close_on_eof, wait, count, received: 0, last: now, sent: false }
    }

    /// Counts a message. False if it is one more than `-n` and is not printed.
    pub(super) fn message(&mut self, now: Timestamp) -> bool {
        self.last = now;
        let wanted = !self.has_all_messages();
        self.received += u64::from(wanted);
        wanted
    }

    /// Some lines got their fate.
    pub(super) fn lines(&mut self, now: Timestamp) {
        self.last = now;
    }

    /// All of standard input has its fate. Later calls have no effect.
    pub(super) fn all_sent(&mut self, now: Timestamp) {
        if !self.sent {
            self.sent = true;
            self.last = now;
        }
    }

    pub(super) fn due(&self, now: Timestamp) -> Due {
        let messages = self.count.map(|count| (By::Messages(count), self.received >= count));
        match messages {
            Some((by, true)) if self.sent || !self.close_on_eof => return Due::Now(by),
            _ if !(self.sent && self.close_on_eof) => return Due::Never,
            // The messages end the session, unless there is a limit on the wait.
            Some((_, false)) if self.wait.is_none() => return Due::Never,
            _ => {}
        }
        match self.wait {
            None | Some(Duration::ZERO) => Due::Now(By::EndOfInput),
            Some(wait) => match self.last.checked_add(wait) {
                Some(at) if at <= now => Due::Now(By::Silence(wait)),
                Some(at) => Due::At(at),
                None => Due::Never,
            },
        }
    }

    /// The number of messages so far and the number of `-n`, if they are not all there.
    pub(super) fn missing(&self) -> Option<(u64, u64)> {
        self.count.filter(|_| !self.has_all_messages()).map(|count| (self.received, count))
    }

    fn has_all_messages(&self) -> bool {
        self.count.is_some_and(|count| self.received >= count)
    }
}

#[cfg(test)]
mod tests;
