//! [`Proxies`]: the choice of a proxy for each request.

use std::ffi::OsString;

use super::{ExceptionError, Proxy, VariableError, environment, exceptions::Exceptions};
use crate::Request;

/// The choice of a proxy for each request: none (the default), one for all, or those of the
/// environment.
///
/// The environment is read once, by [`from_env`](Self::from_env). The choice is made again for each
/// attempt, by scheme, host and port of its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    ws: Option<Proxy>,
    wss: Option<Proxy>,
    exceptions: Exceptions,
}

impl Proxies {
    /// No proxy for any request.
    pub fn none() -> Self {
        Self::default()
    }

    /// This proxy for all requests.
    pub fn all(proxy: Proxy) -> Self {
        Self { ws: Some(proxy.clone()), wss: Some(proxy), ..Self::default() }
    }

    /// The proxies of the environment, by the rules of curl.
    ///
    /// | variables, the first that is set and not empty | for |
    /// |---|---|
    /// | `ws_proxy`, `WS_PROXY`, `http_proxy`, `HTTP_PROXY`, `all_proxy`, `ALL_PROXY` | `ws://` |
    /// | `wss_proxy`, `WSS_PROXY`, `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` | `wss://` |
    /// | `no_proxy`, `NO_PROXY` | the servers without a proxy, see [`except`](Self::except) |
    ///
    /// `HTTP_PROXY` in upper case is ignored where `REQUEST_METHOD` is set: in a CGI program, a
    /// client can set it with the header `Proxy`. A value without a scheme is that of an HTTP proxy.
    ///
    /// Three rules differ from curl. `HTTP_PROXY` is read outside of CGI programs, as by most other
    /// libraries; curl never reads it. An HTTP proxy has port 80 by default, not 1080. A value that
    /// is not valid is an error, because a connection without the intended proxy could reveal what
    /// the proxy hides.
    ///
    /// # Errors
    ///
    /// If the value of a variable is not valid. The error names the variable, without its value.
    pub fn from_env() -> Result<Self, VariableError> {
        Self::from_os_vars(|name| std::env::var_os(name))
    }

    /// Like [`from_env`](Self::from_env), but your function gives the variables: it gets a name and
    /// returns the value.
    ///
    /// ```
    /// use websocket_heartbeat_tungstenite::{Request, proxy::Proxies};
    ///
    /// let proxies = Proxies::from_vars(|name| match name {
    ///     "all_proxy" => Some("socks5h://proxy.example.org".to_owned()),
    ///     "no_proxy" => Some("internal.example.org".to_owned()),
    ///     _ => None,
    /// })?;
    /// let request = Request::new("ws://feed.example.org")?;
    /// assert_eq!(proxies.proxy_for(&request).map(|proxy| proxy.port()), Some(1080));
    /// let request = Request::new("ws://a.internal.example.org")?;
    /// assert_eq!(proxies.proxy_for(&request), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`from_env`](Self::from_env).
    pub fn from_vars(variable: impl Fn(&str) -> Option<String>) -> Result<Self, VariableError> {
        Self::from_os_vars(|name| variable(name).map(Into::into))
    }

    fn from_os_vars(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, VariableError> {
        Ok(Self {
            ws: environment::proxy(&variable, &environment::WS)?,
            wss: environment::proxy(&variable, &environment::WSS)?,
            exceptions: environment::exceptions(&variable)?,
        })
    }

    /// Sets the servers that are reached without a proxy, as in `NO_PROXY`. Commas or spaces
    /// separate the entries:
    ///
    /// - a domain, with or without a dot or `*.` before it: itself and all domains below it;
    /// - an IP address;
    /// - a range of addresses, such as `10.0.0.0/8` or `fd00::/8`;
    /// - each of the first two with a port, such as `example.org:8080` or `[2001:db8::1]:80`: that
    ///   port only;
    /// - `*`: all servers.
    ///
    /// Addresses are compared with the host of the URL. A name is not resolved for that. An IPv4 address
    /// equals its form in IPv6, such as `::ffff:192.0.2.1`, also in ranges.
    ///
    /// # Errors
    ///
    /// If an entry is none of these.
    pub fn except(mut self, servers: &str) -> Result<Self, ExceptionError> {
        self.exceptions = servers.parse()?;
        Ok(self)
    }

    /// The proxy for a request, or `None` if the connection goes to the server itself.
    pub fn proxy_for(&self, request: &Request) -> Option<&Proxy> {
        let proxy = if request.is_tls() { &self.wss } else { &self.ws };
        proxy.as_ref().filter(|_| !self.exceptions.contain(request.host(), request.port()))
    }
}

/// This proxy for all requests.
impl From<Proxy> for Proxies {
    fn from(proxy: Proxy) -> Self {
        Self::all(proxy)
    }
}
