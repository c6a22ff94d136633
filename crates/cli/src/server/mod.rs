//! The server, and the way to it: the URL and the options of the request.

mod request;

use clap::Args;
use websocket_heartbeat_smol::SmolTransport;

use self::request::RequestOptions;
use crate::usage::UsageError;

/// The URL, and the options that are about reaching the server.
#[derive(Args)]
pub(crate) struct Server {
    /// The URL of the server: ws://host:port/path or wss://host/path
    url: String,
    #[command(flatten)]
    request: RequestOptions,
}

impl Server {
    /// The host and the port, without the parts of the URL that may be secret.
    pub(crate) fn name(&self) -> String {
        let (_, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default().to_owned()
    }

    /// A transport that reaches the server.
    pub(crate) fn transport(&self) -> Result<SmolTransport, UsageError> {
        Ok(SmolTransport::new(self.request.request(&self.url)?))
    }
}
