//! The short way to a session.

use websocket_heartbeat::{Builder, Supervisor};

use crate::{AsyncStdTimer, AsyncStdTransport, Request, RequestError};

/// Begins the settings of a session with the server at a URL, or with a [`Request`] that says more.
///
/// Nothing is sent before the supervisor is polled. For settings of the transport, or another
/// transport, there is [`Supervisor::builder`].
///
/// The settings begin with [`Preset::Original`](crate::Preset::Original), which keeps to the
/// numbers of the original: a server that does not answer the text `heartbeat` loses its line every
/// 25 s. [`Preset::Resilient`](crate::Preset::Resilient) sends pings, which every server answers.
///
/// # Errors
///
/// If the URL cannot work: nothing that a retry would heal.
pub fn connect<R>(request: R) -> Result<Builder<AsyncStdTransport, AsyncStdTimer>, RequestError>
where
    R: TryInto<Request, Error: Into<RequestError>>,
{
    let request = request.try_into().map_err(Into::into)?;
    Ok(Supervisor::builder(AsyncStdTransport::new(request), AsyncStdTimer::new()))
}
