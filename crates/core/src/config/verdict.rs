//! Whether a lost connection deserves another attempt: [`Verdict`], [`Failure`].

use std::time::Duration;

use crate::{error::ErrorKind, event::LostCause};

/// What to do about a lost connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Try again after the backoff's delay.
    Retry,
    /// Try again after this time and the backoff's delay on top, so that clients which a server
    /// told the same moment stay apart.
    RetryAfter(Duration),
    /// Try again after the backoff's delay, with fresh credentials:
    /// [`Attempt::refresh`](crate::Attempt::refresh) tells the transport.
    RefreshThenRetry,
    /// End the session.
    Stop,
}

/// A lost connection, as the verdict sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// Whether the connection had been open; otherwise the attempt failed.
    pub opened: bool,
    /// The number of the attempt that made, or did not make, the connection.
    pub attempt: u32,
    /// Whether the attempt had been told to use fresh credentials.
    pub refreshed: bool,
    /// Why it was lost.
    pub cause: &'a LostCause,
    /// Whether it was writing that failed, as where the connection refuses a message of ours for its
    /// size. False where reading did, for all other causes, and for an attempt.
    pub in_writing: bool,
    /// How many losses in a row were of the same kind, this one included: 1 for the first. Two
    /// losses are of the same kind if both are transport errors of one [`ErrorKind`], or else
    /// the same variant of [`LostCause`]. What is too large is of three kinds: an answer to an
    /// upgrade, a message that came in, a message of ours. A connection in between that was open, stable or not,
    /// does not end the row; a loss of another kind does, by pause or request as well.
    pub in_a_row: u32,
}

impl<'a> Failure<'a> {
    /// A failure, as tests of verdicts want to make them: the first of its kind in a row.
    pub fn new(opened: bool, attempt: u32, cause: &'a LostCause) -> Self {
        Self { opened, attempt, refreshed: false, cause, in_writing: false, in_a_row: 1 }
    }

    /// The kind of transport error, if it was one.
    pub fn error_kind(&self) -> Option<ErrorKind> {
        self.cause.transport_error().map(|error| error.kind())
    }

    /// The HTTP status of a refused upgrade.
    pub fn http_status(&self) -> Option<u16> {
        self.cause.transport_error().and_then(|error| error.http_status())
    }

    /// The server's `Retry-After` of a refused upgrade.
    pub fn retry_after(&self) -> Option<Duration> {
        self.cause.transport_error().and_then(|error| error.retry_after())
    }

    /// What lies below the transport's error: the error that a function of yours returned, say.
    pub fn source(&self) -> Option<&'a (dyn std::error::Error + 'static)> {
        self.cause.transport_error().and_then(std::error::Error::source)
    }

    /// The code of the server's close frame.
    pub fn close_code(&self) -> Option<u16> {
        self.cause.close_code()
    }
}

impl Verdict {
    /// The longest that a server's `Retry-After` is believed, one hour: a mistyped header must not
    /// take a client away for a year.
    pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

    /// The least wait after close codes 1012 (service restart) and 1013 (try again later), 5 s:
    /// the server has said that it will not be there at once.
    pub const RESTART_FLOOR: Duration = Duration::from_secs(5);

    /// After so many losses in a row by a panic of the transport [`careful`](Self::careful) stops,
    /// 3: one may be chance, two may be bad luck.
    pub const PANICS_IN_A_ROW: u32 = 3;

    /// After so many connections in a row that ended by a message which was too large
    /// [`careful`](Self::careful) stops, 3: one may be an odd message, three are what the server
    /// sends to whoever connects.
    pub const TOO_LARGE_IN_A_ROW: u32 = 3;

    /// The least wait after a certificate that has expired or is not valid yet, 60 s: a renewal or a
    /// clock that is being set takes minutes, and until then each attempt only costs a handshake.
    pub const CERTIFICATE_FLOOR: Duration = Duration::from_secs(60);

    /// The careful defaults of [`Preset::Resilient`](crate::Preset::Resilient): slow to stop,
    /// because what looks permanent in the middle of somebody's outage seldom is.
    ///
    /// | failure | verdict | why |
    /// |---|---|---|
    /// | address makes no sense | stop | no retry changes it |
    /// | certificate not acceptable | stop | a retry would only ask again; an attacker may be in between |
    /// | certificate expired or not valid yet | after 60 s at least | a renewal or a clock that is set heals it |
    /// | HTTP 401 | refresh, then retry; stop at the second in a row | the token has expired; a fresh one that fails as well is wrong |
    /// | HTTP 410 | stop | the one status that says "for ever" |
    /// | HTTP 429, 503 and any but these with `Retry-After` | after that time, at most an hour | the server knows |
    /// | HTTP 403, 404, other 4xx, redirects, 5xx | retry | proxies, captive portals and half-done deployments answer so for minutes |
    /// | name, refused, unreachable, reset, TLS cut short, timeout | retry | the network |
    /// | provider of URL or credentials failed | retry | it is an outage of its own |
    /// | close code 1012, 1013 | after 5 s at least | the server restarts, or asks to stay away |
    /// | any other close code | retry | only the application knows; 1000 is what proxies send as well |
    /// | the transport panicked | retry; stop at the third in a row | a bug may depend on chance; one that shows each time does not heal |
    /// | a message larger than the limit came in | retry; stop at the third in a row | the next connection may bring others; where it comes each time, only a higher limit helps, and the cause names the setting |
    /// | a message of ours was refused for its size | retry | the outbox gives up on that message, see [`OutboxSettings::resend`](crate::OutboxSettings::resend) |
    /// | heartbeat or write stalled | retry | the line died |
    pub fn careful(failure: &Failure<'_>) -> Self {
        if let Some(code) = failure.close_code() {
            return match code {
                1012 | 1013 => Self::RetryAfter(Self::RESTART_FLOOR),
                _ => Self::Retry,
            };
        }
        match (failure.error_kind(), failure.http_status()) {
            (Some(ErrorKind::Url | ErrorKind::Certificate), _) => Self::Stop,
            (Some(ErrorKind::Panicked), _) if failure.in_a_row >= Self::PANICS_IN_A_ROW => {
                Self::Stop
            }
            (Some(ErrorKind::TooLarge), _)
                if failure.opened
                    && !failure.in_writing
                    && failure.in_a_row >= Self::TOO_LARGE_IN_A_ROW =>
            {
                Self::Stop
            }
            (Some(ErrorKind::CertificateTime), _) => Self::RetryAfter(Self::CERTIFICATE_FLOOR),
            (_, Some(401)) if failure.refreshed => Self::Stop,
            (_, Some(401)) => Self::RefreshThenRetry,
            (_, Some(410)) => Self::Stop,
            _ => failure.retry_after().map_or(Self::Retry, |after| {
                Self::RetryAfter(after.min(Self::LONGEST_RETRY_AFTER))
            }),
        }
    }

    /// The original's: whatever happened, retry. Only the user ends a session.
    pub fn always_retry(_: &Failure<'_>) -> Self {
        Self::Retry
    }
}
