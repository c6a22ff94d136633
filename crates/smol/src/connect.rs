//! The short way to a session.

use websocket_heartbeat::{Builder, Supervisor};

use crate::{Request, RequestError, SmolTimer, SmolTransport};

/// Begins the settings of a session with the server at a URL, or with a [`Request`] that says more.
///
/// Nothing is sent before the supervisor is polled. For settings of the transport, or another
/// transport, there is [`Supervisor::builder`].
///
/// Settings that are not set have the values of [`Preset::Resilient`](crate::Preset::Resilient).
///
/// # Errors
///
/// If the URL cannot work: nothing that a retry would heal.
pub fn connect<R>(request: R) -> Result<Builder<SmolTransport, SmolTimer>, RequestError>
where
    R: TryInto<Request, Error: Into<RequestError>>,
{
    let request = request.try_into().map_err(Into::into)?;
    Ok(Supervisor::builder(SmolTransport::new(request), SmolTimer::new()))
}
