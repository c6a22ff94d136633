//! Attempts by the browser's `WebSocket`: [`WebTransport`].

use std::{fmt, future::Future, pin::Pin};

use websocket_heartbeat::{Attempt, Builder, Established, Supervisor, Transport, TransportError};

use crate::{Request, WebConnection, WebTimer};

/// Starts the settings of a session with the server at a URL, or with a [`Request`].
///
/// Nothing is sent before the supervisor is polled. A URL that the browser does not accept fails at
/// the first attempt, with an error of the kind [`Url`](crate::ErrorKind::Url). For a URL that
/// changes from attempt to attempt, use [`WebTransport::with_provider`].
///
/// The settings start with the default preset, see [`Preset`](crate::Preset).
///
/// # Panics
///
/// Without JavaScript.
pub fn connect(request: impl Into<Request>) -> Builder<WebTransport, WebTimer> {
    Supervisor::builder(WebTransport::new(request), WebTimer::new())
}

/// The [`Transport`] of this backend, over the browser's `WebSocket`.
///
/// Its connections cannot send pings, and the browser hides why an attempt failed; see the
/// [crate documentation](crate).
pub struct WebTransport {
    provide: Box<dyn FnMut(Attempt) -> Provided>,
}

/// The request of one attempt.
type Provided = Pin<Box<dyn Future<Output = Result<Request, TransportError>>>>;

/// A running attempt of [`WebTransport`]. Dropping it abandons the attempt.
pub type WebConnect =
    Pin<Box<dyn Future<Output = Result<Established<WebConnection>, TransportError>>>>;

impl WebTransport {
    /// Makes a transport with the same request at each attempt.
    pub fn new(request: impl Into<Request>) -> Self {
        let request = request.into();
        Self::with_provider(move |_| std::future::ready(Ok(request.clone())))
    }

    /// Makes a transport that gets its request from a function at each attempt, for example with a
    /// fresh token.
    ///
    /// The function is also the place to ask the server why it refuses: the browser hides the
    /// status of a refused upgrade, but not that of a `fetch`. Its error becomes the error of the
    /// attempt. With [`TransportError::http`] it has a status, and the [`Verdict`](crate::Verdict)
    /// can be based on it.
    ///
    /// ```no_run
    /// use websocket_heartbeat_web::{
    ///     Attempt, ErrorKind, Request, Supervisor, TransportError, WebTimer, WebTransport,
    /// };
    ///
    /// # async fn fetch_token() -> Result<String, &'static str> { Ok(String::new()) }
    /// let transport = WebTransport::with_provider(|_: Attempt| async {
    ///     let token = fetch_token().await;
    ///     let token = token.map_err(|text| TransportError::new(ErrorKind::Provider, text))?;
    ///     Ok(Request::new("wss://example.org/feed").subprotocol(token))
    /// });
    /// let builder = Supervisor::builder(transport, WebTimer::new());
    /// # drop(builder);
    /// ```
    pub fn with_provider<F, Fut>(mut provide: F) -> Self
    where
        F: FnMut(Attempt) -> Fut + 'static,
        Fut: Future<Output = Result<Request, TransportError>> + 'static,
    {
        Self { provide: Box::new(move |attempt| Box::pin(provide(attempt))) }
    }
}

impl Transport for WebTransport {
    type Connection = WebConnection;
    type Connect = WebConnect;

    fn connect(&mut self, attempt: Attempt) -> WebConnect {
        let request = (self.provide)(attempt);
        Box::pin(async move { WebConnection::open(&request.await?).await })
    }

    /// Returns `false`.
    fn can_ping(&self) -> bool {
        false
    }
}

impl fmt::Debug for WebTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebTransport").finish_non_exhaustive()
    }
}
