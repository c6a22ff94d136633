//! [`Step`]: the steps of an attempt, for a program that shows them.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use crate::Target;
#[cfg(feature = "rustls")]
use crate::tls::TlsInfo;

/// A completed step of an attempt, or the beginning of one that can take long. See
/// [`Dialer::on_step`](super::Dialer::on_step).
///
/// An attempt has these steps in this order: `Resolved`, then one `Opening` for each address that is
/// tried, with its `Opened` or `OpenFailed`, then `Tls` for `wss://`, then `Upgraded`. An attempt through
/// a proxy first resolves and opens the proxy, then has `Tunnel`. A redirect begins again. A Unix socket
/// is not resolved.
///
/// ```
/// use std::time::Instant;
///
/// use websocket_heartbeat_tungstenite::Dialer;
///
/// let start = Instant::now();
/// let dialer = Dialer::new().on_step(move |step| println!("{:?} {step}", start.elapsed()));
/// # drop(dialer);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// A host has these addresses.
    #[non_exhaustive]
    Resolved {
        /// The host: of the server or of a proxy.
        host: String,
        /// The addresses in the order of the system.
        addresses: Vec<SocketAddr>,
    },
    /// A socket is being opened.
    Opening(Target),
    /// A socket is open.
    Opened(Target),
    /// A socket cannot be opened. The attempt continues with the next address.
    OpenFailed(Target, io::ErrorKind),
    /// The proxy has opened a tunnel to the server.
    Tunnel,
    /// The TLS handshake with the server has succeeded.
    #[cfg(feature = "rustls")]
    Tls(TlsInfo),
    /// The server has accepted the upgrade.
    Upgraded,
}

/// One line of text. It contains hosts and addresses, and no other part of a URL.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved { host, addresses } => {
                write!(f, "{host} has ")?;
                for (index, address) in addresses.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", address.ip())?;
                }
                Ok(())
            }
            Self::Opening(target) => write!(f, "opening {target}"),
            Self::Opened(target) => write!(f, "opened {target}"),
            Self::OpenFailed(target, error) => write!(f, "{target}: {error}"),
            Self::Tunnel => f.write_str("the proxy opened a tunnel"),
            #[cfg(feature = "rustls")]
            Self::Tls(info) => info.fmt(f),
            Self::Upgraded => f.write_str("the server accepted the upgrade"),
        }
    }
}

/// The function that gets the steps.
#[derive(Clone, Default)]
pub(super) struct Observer(Option<Arc<dyn Fn(Step) + Send + Sync>>);

impl Observer {
    pub(super) fn new(observe: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    /// Reports a step, which is made only if there is a function.
    pub(super) fn report(&self, step: impl FnOnce() -> Step) {
        if let Some(observe) = &self.0 {
            observe(step());
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.is_some().fmt(f)
    }
}
