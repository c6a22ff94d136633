//! The arguments of the browser's `WebSocket`: [`Request`].

use std::fmt;

/// A request for a WebSocket: URL and subprotocols.
///
/// Neither is checked here. The browser checks them at each attempt, and an attempt with an invalid
/// part fails with an error of the kind [`Url`](crate::ErrorKind::Url).
///
/// `Debug` hides both, because each can be a secret token.
///
/// ```
/// use websocket_heartbeat_web::Request;
///
/// let request = Request::new("wss://example.org/feed?token=abc").subprotocol("v2.feed");
/// assert_eq!(format!("{request:?}"), "Request { .. }");
/// ```
#[derive(Clone)]
pub struct Request {
    pub(crate) url: String,
    pub(crate) subprotocols: Vec<String>,
}

impl Request {
    /// A request for this URL, `ws://` or `wss://`. Newer browsers also accept `http://`,
    /// `https://` and a URL that is relative to the page. A page that was loaded by `https://` can
    /// only use `wss://`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), subprotocols: Vec::new() }
    }

    /// Offers a subprotocol, after the earlier ones. The server must select one of them.
    #[must_use]
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocols.push(name.into());
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

impl From<&str> for Request {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Request {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}
