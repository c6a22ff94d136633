//! The decision whether to connect again: [`Verdict`], [`Failure`].

use std::time::Duration;

use crate::{error::ErrorKind, event::LostCause};

/// The decision after a lost connection or a failed attempt.
///
/// [`Builder::verdict`](crate::Builder::verdict) takes a function that returns a verdict for each
/// [`Failure`]. [`careful`](Self::careful) and [`always_retry`](Self::always_retry) are such
/// functions.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Failure, LostCause, Verdict};
///
/// /// This server closes with 4000 for maintenance, which takes minutes. A 404 before the first
/// /// connection shows that the path is wrong.
/// fn verdict(failure: &Failure<'_>) -> Verdict {
///     match (failure.close_code(), failure.http_status()) {
///         (Some(4000), _) => Verdict::RetryAfter(Duration::from_secs(120)),
///         (_, Some(404)) if !failure.ever_opened => Verdict::Stop,
///         _ => Verdict::careful(failure),
///     }
/// }
///
/// let cause = LostCause::Replaced;
/// assert_eq!(verdict(&Failure::new(true, 0, &cause)), Verdict::Retry);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Try again after the backoff's delay.
    Retry,
    /// Try again after this time plus the backoff's delay. The sum keeps clients apart if the
    /// server gave all of them the same time.
    RetryAfter(Duration),
    /// Try again after the backoff's delay, with fresh credentials: the transport sees
    /// [`Attempt::refresh`](crate::Attempt::refresh).
    RefreshThenRetry,
    /// End the session, with [`CloseReason::Stopped`](crate::CloseReason::Stopped).
    Stop,
}

pub(crate) type VerdictFn = Box<dyn FnMut(&Failure<'_>) -> Verdict + Send>;

/// A lost connection or a failed attempt: the argument of a verdict function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// Whether the connection was open. If not, the attempt failed.
    pub opened: bool,
    /// The number of the attempt, see [`Connecting::attempt`](crate::Connecting::attempt).
    pub attempt: u32,
    /// Whether the attempt was asked to use fresh credentials.
    pub refreshed: bool,
    /// The cause.
    pub cause: &'a LostCause,
    /// Whether writing failed, for example because the connection refused a message for its size.
    /// False if reading failed, for all other causes, and for an attempt.
    pub in_writing: bool,
    /// Whether a connection of this session was ever open, this one included. If so, address and
    /// settings have been right once.
    pub ever_opened: bool,
    /// How many losses in a row were of the same kind, including this one. It is 1 for the first
    /// loss.
    ///
    /// Two losses are of the same kind if both are transport errors of one [`ErrorKind`], or
    /// otherwise if both have the same variant of [`LostCause`]. [`ErrorKind::TooLarge`] has three
    /// kinds: an answer to an upgrade, an incoming message, and an outgoing message. A loss of
    /// another kind ends the row, including a loss by pause or on request. An open connection
    /// between two losses does not end it.
    pub in_a_row: u32,
}

impl<'a> Failure<'a> {
    /// A failure that is the first of its kind, for tests of verdict functions. No earlier connection
    /// was open.
    pub fn new(opened: bool, attempt: u32, cause: &'a LostCause) -> Self {
        Self {
            opened,
            attempt,
            refreshed: false,
            cause,
            in_writing: false,
            ever_opened: opened,
            in_a_row: 1,
        }
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

    /// The source of the transport's error, for example the error that a function of yours
    /// returned.
    pub fn source(&self) -> Option<&'a (dyn std::error::Error + 'static)> {
        self.cause.transport_error().and_then(std::error::Error::source)
    }

    /// The code of the server's close frame.
    pub fn close_code(&self) -> Option<u16> {
        self.cause.close_code()
    }
}

impl Verdict {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::RetryAfter(_) => "retry_after",
            Self::RefreshThenRetry => "refresh_then_retry",
            Self::Stop => "stop",
        }
    }

    /// The longest `Retry-After` that [`careful`](Self::careful) accepts, one hour: a typing error
    /// in a header must not stop a client for a year.
    pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

    /// The shortest wait after the close codes 1012 (service restart) and 1013 (try again later),
    /// 5 s: the server has announced an outage.
    pub const RESTART_FLOOR: Duration = Duration::from_secs(5);

    /// [`careful`](Self::careful) stops after this many losses in a row by a panic of the
    /// transport, 3: one or two panics may be chance.
    pub const PANICS_IN_A_ROW: u32 = 3;

    /// [`careful`](Self::careful) stops after this many connections in a row that ended by a
    /// message over the size limit, 3: one may be an unusual message, but three show that the
    /// message comes on every connection.
    pub const TOO_LARGE_IN_A_ROW: u32 = 3;

    /// [`careful`](Self::careful) stops after this many attempts in a row whose answer was not HTTP or
    /// not a valid upgrade, 3, if no connection was ever open: one such answer may come from a server
    /// or a proxy that is being started or replaced, but three show that the address or the offered
    /// subprotocols are wrong.
    pub const PROTOCOL_IN_A_ROW: u32 = 3;

    /// The shortest wait after a certificate that has expired or is not yet valid, 60 s: renewing
    /// the certificate or correcting the clock takes minutes, and each earlier attempt would fail.
    pub const CERTIFICATE_FLOOR: Duration = Duration::from_secs(60);

    /// The verdict of [`Preset::Resilient`](crate::Preset::Resilient). It stops only if no further
    /// attempt can help: most errors that look permanent during an outage are temporary.
    ///
    /// | failure | verdict | why |
    /// |---|---|---|
    /// | invalid address | stop | it stays invalid |
    /// | the runtime of the sockets is missing | stop | it stays missing: the program must poll the session elsewhere |
    /// | certificate not acceptable | stop | it stays unacceptable, and an attacker may be between client and server |
    /// | certificate expired or not valid yet | retry after at least 60 s | a renewed certificate or a corrected clock helps |
    /// | HTTP 401 | refresh, then retry; stop at the second in a row | the token has expired; if a fresh one also fails, the credentials are wrong |
    /// | a proxy needs or refuses credentials | the same | a proxy may lock an account after a few wrong passwords |
    /// | a proxy refuses, or cannot reach the server | retry | it answers so while the server or the network is down |
    /// | HTTP 410 | stop | the only status that means "permanently" |
    /// | HTTP 429, 503 and any other status with `Retry-After` | retry after that time, at most an hour | the server knows the best time |
    /// | HTTP 2xx, redirects, 403, 404, other 4xx, 5xx | retry | proxies, captive portals and unfinished deployments answer so for minutes |
    /// | an answer that is not HTTP or not a valid upgrade, such as a wrong `Sec-WebSocket-Accept` or no offered subprotocol | retry; stop at the third in a row if no connection was ever open | a wrong port, path or subprotocol stays wrong; but after a connection that was open, a broken proxy in between or a deployment is more likely, and these are repaired |
    /// | name, refused, unreachable, reset, TLS ended early, timeout | retry | these are failures of the network |
    /// | provider of URL or credentials failed | retry | it has an outage of its own |
    /// | close code 1012, 1013 | retry after at least 5 s | the server restarts, or is overloaded |
    /// | any other close code | retry | only the application knows its meaning; proxies also send 1000 |
    /// | the transport panicked | retry; stop at the third in a row | a bug may depend on chance, but a panic each time is permanent |
    /// | an incoming message over the size limit | retry; stop at the third in a row | the next connection may carry other messages; if the message comes each time, only a higher limit helps, and the cause names the limit |
    /// | an outgoing message refused for its size | retry | the outbox drops that message, see [`OutboxSettings::resend`](crate::OutboxSettings::resend) |
    /// | no answer to a heartbeat, or a stalled write | retry | the connection was dead |
    pub fn careful(failure: &Failure<'_>) -> Self {
        if let Some(code) = failure.close_code() {
            return match code {
                1012 | 1013 => Self::RetryAfter(Self::RESTART_FLOOR),
                _ => Self::Retry,
            };
        }
        match (failure.error_kind(), failure.http_status()) {
            (Some(ErrorKind::Url | ErrorKind::Certificate | ErrorKind::Runtime), _) => Self::Stop,
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
            (Some(ErrorKind::Protocol), _)
                if !failure.ever_opened && failure.in_a_row >= Self::PROTOCOL_IN_A_ROW =>
            {
                Self::Stop
            }
            (Some(ErrorKind::CertificateTime), _) => Self::RetryAfter(Self::CERTIFICATE_FLOOR),
            (Some(ErrorKind::ProxyAuth), _) | (_, Some(401)) if failure.refreshed => Self::Stop,
            (Some(ErrorKind::ProxyAuth), _) | (_, Some(401)) => Self::RefreshThenRetry,
            (_, Some(410)) => Self::Stop,
            _ => failure.retry_after().map_or(Self::Retry, |after| {
                Self::RetryAfter(after.min(Self::LONGEST_RETRY_AFTER))
            }),
        }
    }

    /// The verdict of [`Preset::Original`](crate::Preset::Original): it always retries, so only the
    /// user ends a session. The exception is [`ErrorKind::Runtime`]: the program is wrong, and the
    /// original, whose runtime cannot be missing, has no such error.
    pub fn always_retry(failure: &Failure<'_>) -> Self {
        match failure.error_kind() {
            Some(ErrorKind::Runtime) => Self::Stop,
            _ => Self::Retry,
        }
    }
}
