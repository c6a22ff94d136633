//! The session with the upstream of a subscription.

mod checkpoint;
mod plan;
#[cfg(test)]
mod tests;
mod transport;

use std::{error::Error, fmt, sync::Arc, time::Duration};

use websocket_heartbeat_tokio::{
    ConfigError, DialBudget, Dialer, ErrorKind, Failure, Heartbeat, OutboxSettings, Request,
    RequestError, Supervisor, TokioTimer, Verdict,
};

pub use self::{
    checkpoint::{Checkpoint, CheckpointError},
    transport::Upstream,
};
use crate::config::{SecretError, Source, Subscription, template};

/// A session with an upstream.
pub type Session = Supervisor<Upstream, TokioTimer>;

/// The wait after a failure that no further attempt seems to mend, such as an unknown certificate or a
/// wrong password: a minute. The session still tries for ever, since somebody may mend it meanwhile.
pub const LONG_WAIT: Duration = Duration::from_secs(60);

/// How long a command waits for a connection: 20 s. It is shorter than the 30 s after which the work
/// queue delivers an unacknowledged command again.
pub const COMMAND_AGE: Duration = Duration::from_secs(20);

/// Makes the session of a subscription. It connects when it is polled, and never ends by itself,
/// except outside of a tokio runtime.
///
/// Each attempt reads the secrets again, so a new token is used as soon as it stands in its file.
/// On each connection the messages of `open` are sent before all others, or those of `resume` if the
/// checkpoint has all its values.
///
/// All sessions that share a budget must have clones of one timer. Clones of one dialer share what it has
/// learnt about addresses, and its settings. The caller splits the session by
/// [`into_driver`](Supervisor::into_driver), with the bounds of its inbox, and with
/// [`drop_oldest`](websocket_heartbeat_tokio::InboxSettings::drop_oldest) as
/// [`on_full`](Subscription::on_full) says.
///
/// # Errors
///
/// If the settings of the session are not valid. Those of a checked subscription are.
pub fn session(
    subscription: Arc<Subscription>,
    checkpoint: Checkpoint,
    timer: TokioTimer,
    dialer: Dialer,
    budget: Option<DialBudget>,
) -> Result<Session, ConfigError> {
    let heartbeat = heartbeat(&subscription);
    // Enough for the messages of `open`. Replays and commands share it.
    let outbox = OutboxSettings::new().count(4_096).max_age(COMMAND_AGE);
    let outbox = match subscription.resend {
        // The work queue still has the command.
        0 => outbox.give_back(false),
        times => outbox.resend(times),
    };
    let name = subscription.name.clone();
    let transport = Upstream::new(subscription, checkpoint.clone(), dialer);
    let builder = Supervisor::builder(transport, timer)
        .name(name)
        .heartbeat(heartbeat)
        .outbox(outbox)
        .verdict(move |failure| {
            if let Some(code) = failure.close_code() {
                checkpoint.closed_with(code);
            }
            verdict(failure)
        });
    let builder = match budget {
        Some(budget) => builder.dial_budget(budget),
        None => builder,
    };
    let session = builder.build()?;
    session.transport().connect_to(session.handle());
    Ok(session)
}

/// The key of the budget of attempts: that of the subscription, or the host of its URL, with the port
/// if it is not the default of the scheme. A URL that is a secret is read.
///
/// # Errors
///
/// If the URL cannot be read, or is not valid.
pub fn dial_key(subscription: &Subscription) -> Result<String, UpstreamError> {
    if let Some(key) = &subscription.dial_key {
        return Ok(key.clone());
    }
    let request = Request::new(&read(&subscription.url, &subscription.name)?)?;
    let host = request.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let default_port = if request.is_tls() { 443 } else { 80 };
    Ok(match request.port() {
        port if port == default_port => host,
        port => format!("{host}:{port}"),
    })
}

/// The reason why a request cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamError {
    /// A secret cannot be read.
    Secret(SecretError),
    /// The URL or a header is not valid.
    Request(RequestError),
    /// The URL that the upstream gave for the resume has no TLS, but the first one has.
    WithoutTls,
}

/// The text of a source. The content of a secret may have the place `{{name}}`.
fn read(source: &Source, name: &str) -> Result<String, SecretError> {
    let text = source.read()?;
    Ok(match source {
        Source::Plain(_) => text,
        Source::Secret(_) => template::fill_name(&text, name),
    })
}

/// A text that the upstream expects is sent in a period, since a busy upstream may close connections
/// on which it hears nothing. Pings are sent after silence.
fn heartbeat(subscription: &Subscription) -> Heartbeat {
    let crate::config::Heartbeat { interval, timeout, text } = &subscription.heartbeat;
    let heartbeat = match text {
        Some(text) => Heartbeat::every(*interval).message(text.as_str()),
        None => Heartbeat::idle(*interval).ping(),
    };
    heartbeat.timeout(*timeout)
}

fn verdict(failure: &Failure<'_>) -> Verdict {
    match Verdict::careful(failure) {
        Verdict::Stop if failure.error_kind() != Some(ErrorKind::Runtime) => {
            Verdict::RetryAfter(LONG_WAIT)
        }
        verdict => verdict,
    }
}

impl From<SecretError> for UpstreamError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<RequestError> for UpstreamError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::WithoutTls => f.write_str("the URL for the resume must begin with wss://"),
        }
    }
}

impl Error for UpstreamError {}
