//! The options of the way to the server: proxies, Unix sockets, addresses and redirects.

use std::{
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};

use clap::Args;
use websocket_heartbeat_smol::{
    Dialer, Request,
    proxy::{ExceptionError, Proxies, Proxy, ProxyError},
};

use super::{has_password, note_on_password, secrets};
use crate::usage::UsageError;

#[derive(Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkOptions {
    /// Connect through this proxy [default: by the environment]
    ///
    /// The URL begins with http://, https://, socks5:// (wsbeat resolves the host of the server) or
    /// socks5h:// (the proxy resolves it). It contains the user if the proxy needs one. The variables of
    /// the environment are as in curl: ws_proxy, http_proxy or all_proxy for ws://, and wss_proxy,
    /// https_proxy or all_proxy for wss://.
    #[arg(long, value_name = "URL", value_parser = proxy)]
    proxy: Option<GivenProxy>,
    /// A file with user:password for --proxy
    ///
    /// It is read again at each attempt.
    #[arg(long, value_name = "FILE", requires = "proxy")]
    proxy_auth_file: Option<PathBuf>,
    /// Connect to these hosts without a proxy; '*' means all
    ///
    /// They replace those of the environment variable no_proxy. A comma separates them.
    #[arg(long, value_name = "HOST,..")]
    no_proxy: Option<String>,
    /// Connect through this Unix socket, without a proxy
    ///
    /// The URL still gives the Host and the path of the request.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["proxy", "resolve", "ipv4", "ipv6"])]
    unix: Option<PathBuf>,
    /// Use this address for a host and port; may be repeated
    ///
    /// The host is not resolved. Several addresses are separated by commas.
    #[arg(long, value_name = "HOST:PORT:ADDRESS,..", value_parser = resolution)]
    resolve: Vec<Resolution>,
    /// Use only IPv4
    #[arg(short = '4', long)]
    ipv4: bool,
    /// Use only IPv6
    #[arg(short = '6', long, conflicts_with = "ipv4")]
    ipv6: bool,
    /// The maximum number of redirects [default: 0]
    ///
    /// They are followed in each attempt, at most 10. Another host gets no header field that may be a secret. A server that can
    /// redirect can send wsbeat to any host.
    #[arg(long, value_name = "COUNT", value_parser = redirects, allow_negative_numbers = true)]
    redirects: Option<u8>,
}

/// The value of `--proxy`.
#[derive(Clone)]
struct GivenProxy {
    proxy: Proxy,
    has_password: bool,
}

/// The value of `--resolve`.
#[derive(Clone)]
struct Resolution {
    host: String,
    port: u16,
    addresses: Vec<IpAddr>,
}

/// A proxy whose credentials are read at each attempt.
#[derive(Clone)]
pub(super) struct ProxyWithFile {
    proxy: Proxy,
    exceptions: Option<String>,
    file: PathBuf,
}

impl NetworkOptions {
    /// Sets the options, except for a proxy whose credentials are in a file. Adds notes for people.
    pub(super) fn dialer(
        &self,
        mut dialer: Dialer,
        request: &Request,
        notes: &mut Vec<String>,
    ) -> Result<(Dialer, Option<ProxyWithFile>), UsageError> {
        self.check_family(request)?;
        if self.ipv4 {
            dialer = dialer.ipv4_only();
        }
        if self.ipv6 {
            dialer = dialer.ipv6_only();
        }
        for Resolution { host, port, addresses } in &self.resolve {
            dialer = dialer.resolve_to(host, *port, addresses.iter().copied());
        }
        dialer = dialer.redirects(self.redirects.unwrap_or(0));
        if let Some(path) = &self.unix {
            return Ok((dialer.unix_socket(path), None));
        }
        if self.proxy.as_ref().is_some_and(|given| given.has_password) {
            notes.push(note_on_password("--proxy", "--proxy-auth-file FILE"));
        }
        let proxies = self.proxies()?;
        let with_file = match (&self.proxy, &self.proxy_auth_file) {
            (Some(GivenProxy { proxy, .. }), Some(file)) => {
                secrets::check_file(file)?;
                let (proxy, exceptions) = (proxy.clone(), self.no_proxy.clone());
                Some(ProxyWithFile { proxy, exceptions, file: file.clone() })
            }
            _ => None,
        };
        Ok((dialer.proxy(proxies), with_file))
    }

    /// Whether TLS is needed for an attempt at a `ws://` URL.
    #[cfg(feature = "rustls")]
    pub(super) fn may_need_tls(&self) -> bool {
        // A redirect may lead to wss://, and a proxy may be https://.
        self.may_redirect()
            || (self.unix.is_none()
                && self.proxies().is_ok_and(|proxies| proxies != Proxies::none()))
    }

    pub(super) fn may_redirect(&self) -> bool {
        self.redirects.is_some_and(|count| count > 0)
    }

    fn proxies(&self) -> Result<Proxies, UsageError> {
        let proxies = match &self.proxy {
            Some(given) => Proxies::all(given.proxy.clone()),
            // An invalid variable must not prevent a connection without a proxy.
            None if self.no_proxy.as_deref() == Some("*") => return Ok(Proxies::none()),
            None => Proxies::from_env().map_err(|error| {
                UsageError(format!("{error}; correct it, or use --no-proxy '*'"))
            })?,
        };
        match &self.no_proxy {
            Some(hosts) => proxies.except(hosts).map_err(|error| exception(&error)),
            None => Ok(proxies),
        }
    }

    /// Refuses an address in the URL that is not of the only version of IP.
    fn check_family(&self, request: &Request) -> Result<(), UsageError> {
        let host = request.host().split('%').next().unwrap_or_default();
        let wrong = match host.parse() {
            Ok(IpAddr::V4(_)) if self.ipv6 => "an IPv4 address, and -6",
            Ok(IpAddr::V6(_)) if self.ipv4 => "an IPv6 address, and -4",
            _ => return Ok(()),
        };
        Err(UsageError(format!(
            "the host of the URL is {wrong} uses the other version; leave it out"
        )))
    }
}

impl ProxyWithFile {
    /// The dialer with the credentials as they are in the file now.
    pub(super) async fn dialer(&self, dialer: Dialer) -> Result<Dialer, secrets::SecretError> {
        let (user, password) = secrets::credentials_of(&self.file).await?;
        let with_credentials = self.proxy.clone().credentials(user, password);
        let proxy =
            with_credentials.map_err(|error| secrets::SecretError::of_proxy(&self.file, error))?;
        let proxies = Proxies::all(proxy);
        let proxies = match &self.exceptions {
            // They were checked at the start.
            Some(hosts) => proxies.clone().except(hosts).unwrap_or(proxies),
            None => proxies,
        };
        Ok(dialer.proxy(proxies))
    }
}

fn proxy(text: &str) -> Result<GivenProxy, String> {
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    match Proxy::new(&url) {
        Ok(proxy) => Ok(GivenProxy { proxy, has_password: has_password(&url) }),
        Err(ProxyError::TlsMissing) => Err("an https proxy needs TLS and this wsbeat is built \
                                            without it; build it with the feature rustls"
            .to_owned()),
        Err(error @ (ProxyError::Path | ProxyError::UserWithColon)) => {
            Err(format!("{error}; or use --proxy-auth-file FILE"))
        }
        Err(ProxyError::Address(error)) => Err(format!("{error}; {PROXY_FORM}")),
        Err(error) => Err(format!("{error}; {PROXY_FORM}")),
    }
}

const PROXY_FORM: &str = "write for example http://user@proxy.example.org:3128";

fn exception(error: &ExceptionError) -> UsageError {
    UsageError(format!("--no-proxy: {error}"))
}

fn resolution(text: &str) -> Result<Resolution, String> {
    const FORM: &str = "the value must be HOST:PORT:ADDRESS; write for example \
                        example.org:443:192.0.2.7";
    let end = if text.starts_with('[') { text.find(']').map_or(0, |at| at + 1) } else { 0 };
    let colon = text[end..].find(':').ok_or(FORM)? + end;
    let (port, addresses) = text[colon + 1..].split_once(':').ok_or(FORM)?;
    // The host in the form that a request has.
    let request = Request::for_stream(&format!("ws://{}", &text[..colon])).map_err(|_| FORM)?;
    let port = port.parse().ok().filter(|&port| port != 0).ok_or(FORM)?;
    let addresses = addresses.split(',').map(address).collect::<Option<Vec<_>>>().ok_or(FORM)?;
    Ok(Resolution { host: request.host().to_owned(), port, addresses })
}

/// An IP address; IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

fn redirects(text: &str) -> Result<u8, String> {
    let limit = Dialer::MAX_REDIRECTS;
    let number = text.parse().ok().filter(|number| *number <= limit);
    number.ok_or_else(|| format!("the value must be a whole number from 0 to {limit}"))
}
