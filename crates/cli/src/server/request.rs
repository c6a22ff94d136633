//! The request of the upgrade.

use clap::Args;
use websocket_heartbeat_smol::{Request, RequestError};

use crate::usage::UsageError;

#[derive(Args)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestOptions {
    /// A header field; may be repeated
    #[arg(short = 'H', long = "header", value_name = "'NAME: VALUE'", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A subprotocol to offer; may be repeated
    #[arg(long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,
}

impl RequestOptions {
    pub(super) fn request(&self, url: &str) -> Result<Request, UsageError> {
        self.build(url).map_err(explain)
    }

    fn build(&self, url: &str) -> Result<Request, RequestError> {
        let mut request = Request::new(url)?;
        for (name, value) in &self.headers {
            request = request.header(name, value)?;
        }
        for name in &self.subprotocols {
            request = request.subprotocol(name)?;
        }
        Ok(request)
    }
}

fn header(field: &str) -> Result<(String, String), String> {
    let Some((name, value)) = field.split_once(':') else {
        return Err("there is no colon; write -H 'Name: value'".to_owned());
    };
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn explain(error: RequestError) -> UsageError {
    let remedy = match &error {
        RequestError::Scheme | RequestError::Malformed | RequestError::Host => {
            "write it as ws://host:port/path or wss://host/path"
        }
        RequestError::HostCharacter | RequestError::HostLength => "correct the host",
        RequestError::Port => "correct the port",
        RequestError::Fragment | RequestError::HeaderReserved(_) => "leave it out",
        RequestError::HeaderValue(_) => "remove control characters from the value",
        RequestError::Subprotocol => "use letters, digits, and for example - or .",
        RequestError::SubprotocolTwice => "leave one out",
        RequestError::TlsMissing => {
            return UsageError::new(
                "wss:// needs TLS and this wsbeat is built without it; \
                 build it with the feature rustls",
            );
        }
        // The text before the colon may be a secret value.
        RequestError::HeaderName => {
            return UsageError::new(
                "-H has no valid field name before the colon; write -H 'Name: value'",
            );
        }
        _ => "see wsbeat connect --help",
    };
    UsageError(format!("{error}; {remedy}"))
}
