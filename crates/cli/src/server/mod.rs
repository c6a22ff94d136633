//! The server, and the way to it: the URL and the options of the request.

mod request;

use clap::Args;
use websocket_heartbeat_smol::{SmolTransport, Tuning};

use self::request::RequestOptions;
use crate::{usage::UsageError, values};

/// The URL, and the options that are about reaching the server.
#[derive(Args)]
pub(crate) struct Server {
    /// The URL of the server: ws://host:port/path or wss://host/path
    url: String,
    #[command(flatten)]
    request: RequestOptions,
    /// The maximum size of a message of the server; a larger one ends the connection [default:
    /// 67108864, and 16777216 in one frame]
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = values::count,
        help_heading = "Receiving"
    )]
    max_message: Option<u32>,
}

impl Server {
    /// A transport that reaches the server.
    pub(crate) fn transport(&self) -> Result<SmolTransport, UsageError> {
        let transport = SmolTransport::new(self.request.request(&self.url)?);
        let tuning = match self.max_message {
            // A message may be a single frame.
            Some(bytes) => {
                let bytes = Some(bytes as usize);
                Tuning::new().max_message(bytes).max_frame(bytes)
            }
            None => Tuning::new(),
        };
        Ok(transport.tuning(tuning))
    }
}
