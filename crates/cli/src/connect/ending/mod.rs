//! The account of a session, and its exit code: [`Ending`].

use std::io;

use websocket_heartbeat_smol::{CloseReason, DropReason, ErrorKind, Fate, LostCause, Message};

use crate::{
    exit::{FAILURE, GAVE_UP, OUTPUT_CLOSED, REFUSED, TOO_LARGE, UNSENT},
    record::UnsentSum,
};

/// The lines that were not written.
#[derive(Debug, Default)]
pub(super) struct Tally {
    all: UnsentSum,
    /// Those of them that are longer than allowed.
    too_large: u64,
    /// How many lines may still be listed. It bounds the lines after the first one that was dropped
    /// because the session ended.
    listed: usize,
    ended: bool,
    not_listed: UnsentSum,
}

/// A line that was not written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsent {
    /// It may have arrived.
    unknown: bool,
    too_large: bool,
    session_ended: bool,
    bytes: usize,
}

impl Unsent {
    /// `None` if the line was written.
    pub(super) fn of(fate: &Fate) -> Option<Self> {
        match fate {
            Fate::Unknown { message, .. } => {
                let bytes = message.as_ref().map_or(0, Message::len);
                Some(Self { unknown: true, too_large: false, session_ended: false, bytes })
            }
            Fate::Dropped { reason, message } => Some(Self::dropped(reason.name(), message)),
            _ => None,
        }
    }

    pub(super) fn dropped(reason: &str, message: &Message) -> Self {
        let is = |other: DropReason| reason == other.name();
        let (too_large, session_ended) = (is(DropReason::TooLarge), is(DropReason::SessionEnded));
        Self { unknown: false, too_large, session_ended, bytes: message.len() }
    }
}

impl Tally {
    /// At the end of the session this many lines are listed.
    pub(super) fn new(listed: usize) -> Self {
        Self { listed, ..Self::default() }
    }

    /// Counts a line. Returns whether it is to be listed.
    pub(super) fn count(&mut self, line: Unsent) -> bool {
        self.all.add(line.unknown, line.bytes);
        self.too_large += u64::from(line.too_large);
        self.ended |= line.session_ended;
        if !self.ended {
            return true;
        }
        if self.listed == 0 {
            self.not_listed.add(line.unknown, line.bytes);
            return false;
        }
        self.listed -= 1;
        true
    }

    /// The lines that were counted and not listed, if there are any.
    pub(super) fn not_listed(&self) -> Option<UnsentSum> {
        (self.not_listed.lines() > 0).then_some(self.not_listed)
    }
}

/// Everything that decides the exit code.
pub(super) struct Ending<'a> {
    pub(super) reason: &'a CloseReason,
    pub(super) tally: &'a Tally,
    /// The error of standard output.
    pub(super) output: Option<&'a io::Error>,
    /// The error of standard input, in words.
    pub(super) input: Option<&'a str>,
    /// The number of messages that came and the number of `-n`, if they did not all come.
    pub(super) missing: Option<(u64, u64)>,
    /// The number of messages that were discarded after the session was closed at the end of
    /// standard input. They may be answers.
    pub(super) unread: u64,
}

impl Ending<'_> {
    /// Whether the reason of the exit code is this one, in the same words.
    pub(super) fn has_reason(reason: &CloseReason) -> bool {
        code_of(reason).is_some_and(|code| code != TOO_LARGE)
    }

    /// The exit code and its reason in one sentence. `None`: success.
    pub(super) fn failure(&self) -> Option<(u8, String)> {
        if let Some(code) = code_of(self.reason) {
            let mut words = match code {
                TOO_LARGE => "a message of the server is longer than allowed; \
                              raise the limit with --max-message"
                    .to_owned(),
                _ => self.reason.detail(),
            };
            if let Some(unsent) = self.unsent() {
                words += &format!("; {unsent}");
            }
            return Some((code, words));
        }
        if let Some(error) = self.output {
            return Some((
                OUTPUT_CLOSED,
                match error.kind() {
                    io::ErrorKind::BrokenPipe => "standard output was closed".to_owned(),
                    _ => format!("standard output cannot be written: {error}"),
                },
            ));
        }
        if let Some(words) = self.input {
            return Some((FAILURE, words.to_owned()));
        }
        if let Some(unsent) = self.unsent() {
            let only_large = self.tally.too_large == self.tally.all.lines();
            return Some((if only_large { TOO_LARGE } else { UNSENT }, unsent));
        }
        if let Some((came, wanted)) = self.missing {
            return Some((FAILURE, format!("{came} of {wanted} messages came")));
        }
        (self.unread > 0).then(|| {
            let words =
                "messages came after the close and were discarded; --wait waits for answers";
            (FAILURE, format!("{} {words}", self.unread))
        })
    }

    /// The lines that were not written, in words.
    fn unsent(&self) -> Option<String> {
        let Tally { all, too_large, .. } = self.tally;
        let lines = all.lines();
        let (noun, verb) = if lines == 1 { ("line", "was") } else { ("lines", "were") };
        let more = match (all.unknown, *too_large) {
            _ if lines == 0 => return None,
            (0, large) if large == lines => ": longer than --outbox-bytes".to_owned(),
            (0, 0) => String::new(),
            (0, large) => format!(", {large} of them for their length (--outbox-bytes)"),
            (unknown, _) => format!(", {unknown} of them may have arrived"),
        };
        Some(format!("{lines} {noun} {verb} not sent{more}"))
    }
}

/// The code of a session that ended by itself. `None` if it was closed on request.
fn code_of(reason: &CloseReason) -> Option<u8> {
    match reason {
        CloseReason::Stopped(cause) if is_too_large(cause) => Some(TOO_LARGE),
        CloseReason::Stopped(_) => Some(REFUSED),
        CloseReason::AttemptsExhausted(_)
        | CloseReason::BackoffEnded(_)
        | CloseReason::FlapLimit(_)
        | CloseReason::OutageLimit(_) => Some(GAVE_UP),
        reason if reason.by_user() => None,
        _ => Some(FAILURE),
    }
}

/// Whether the server sent a message above the limit.
fn is_too_large(cause: &LostCause) -> bool {
    matches!(cause, LostCause::Broken(error) if error.kind() == ErrorKind::TooLarge)
}

#[cfg(test)]
mod tests;
