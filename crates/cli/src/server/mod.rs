//! The server, and everything about reaching it: the URL, the request, secrets, TLS and networks.

mod network;
mod request;
mod secrets;
#[cfg(feature = "rustls")]
mod tls;
mod transport;
mod words;

use clap::Args;
use websocket_heartbeat_smol::{Dialer, SmolTimer, Tuning};

pub(crate) use self::transport::ServerTransport;
use self::{
    network::NetworkOptions, request::RequestOptions, secrets::SecretOptions, transport::Attempts,
};
use crate::{usage::UsageError, values};

/// The URL, and the options that are about reaching the server.
#[derive(Args)]
pub(crate) struct Server {
    /// The URL of the server: ws://host:port/path or wss://host/path
    // Without this, it would be under the heading of the options before.
    #[arg(help_heading = None::<&'static str>)]
    url: String,
    /// The maximum size of a message of the server [default: 67108864]
    ///
    /// A larger message ends the connection. By default one frame has at most 16777216 bytes.
    #[arg(long, value_name = "BYTES", value_parser = values::count, help_heading = "Receiving")]
    max_message: Option<u32>,
    #[command(flatten)]
    request: RequestOptions,
    #[command(flatten)]
    secrets: SecretOptions,
    #[cfg(feature = "rustls")]
    #[command(flatten)]
    tls: tls::TlsOptions,
    #[command(flatten)]
    network: NetworkOptions,
}

impl Server {
    /// The host and the port, without the parts of the URL that may be secret.
    pub(crate) fn name(&self) -> &str {
        authority(&self.url).rsplit('@').next().unwrap_or_default()
    }

    fn dialer(&self) -> Dialer {
        match self.max_message {
            // A message may be a single frame.
            Some(bytes) => {
                let bytes = Some(bytes as usize);
                Dialer::new().tuning(Tuning::new().max_message(bytes).max_frame(bytes))
            }
            None => Dialer::new(),
        }
    }

    /// A transport that reaches the server, by the clock of the session.
    pub(crate) fn transport(&self, timer: SmolTimer) -> Result<ServerTransport, UsageError> {
        let request = self.request.request(&self.url)?;
        let mut notes = Vec::new();
        if has_password(&self.url) {
            notes.push(note_on_password("the URL", "--basic-auth-file FILE"));
        }
        let sources: Vec<_> = self.request.files().chain(self.secrets.sources()).collect();
        secrets::check(&sources)?;
        let (dialer, proxy) = self.network.dialer(self.dialer(), &request, &mut notes)?;
        #[cfg(feature = "rustls")]
        let tls = match request.is_tls() || self.network.may_need_tls() {
            true => Some(self.tls.tls(&mut notes)?),
            false => match self.tls.first_given() {
                Some(option) => {
                    return Err(UsageError(format!(
                        "{option} has no effect with ws://; write wss:// in the URL, or leave it out"
                    )));
                }
                None => None,
            },
        };
        let attempts = Attempts {
            request,
            sources,
            dialer,
            proxy,
            #[cfg(feature = "rustls")]
            tls,
            may_redirect: self.network.may_redirect(),
            timer,
        };
        Ok(ServerTransport::new(attempts, notes))
    }
}

/// User, host and port of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether a URL contains a password.
fn has_password(url: &str) -> bool {
    authority(url).rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

fn note_on_password(place: &str, option: &str) -> String {
    format!(
        "{place} contains a password, which other users of this machine can see in the list of \
         processes; use {option} instead"
    )
}
