//! A WebSocket server over TLS, by rustls or by OpenSSL.

use std::{process::Child, sync::mpsc::Receiver};

use websocket_heartbeat_tests::{SkipReason, TIME_LIMIT, skip};
use websocket_heartbeat_tungstenite::Request;

use crate::{authority::Identity, openssl_server, rustls_server};

/// The library of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Rustls,
    OpenSsl,
}

impl Library {
    pub(crate) const BOTH: [Self; 2] = [Self::Rustls, Self::OpenSsl];
}

/// The versions of TLS that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    All,
    Only12,
    /// Only OpenSSL has this version.
    Only11,
}

/// The settings of a server.
pub(crate) struct Settings<'a> {
    pub(crate) identity: &'a Identity,
    /// The authority of the certificates that clients must have.
    pub(crate) client_authority: Option<&'a str>,
    pub(crate) versions: Versions,
    /// The protocols that it knows, in the order of its preference.
    pub(crate) alpn: &'a [&'a str],
    /// Whether it ends each connection in the middle of the handshake. Only with OpenSSL.
    pub(crate) cuts: bool,
}

impl<'a> Settings<'a> {
    /// A server with this certificate and no special requirements.
    pub(crate) fn new(identity: &'a Identity) -> Self {
        let alpn = &["h2", "http/1.1"];
        Self { identity, client_authority: None, versions: Versions::All, alpn, cuts: false }
    }
}

/// A connection after its upgrade, as the server sees it.
#[derive(Debug)]
pub(crate) struct Opened {
    /// For example `TLSv1.3`.
    pub(crate) version: String,
    pub(crate) alpn: String,
    pub(crate) resumed: bool,
    /// The common name in the client's certificate, if there is one. Only OpenSSL reads it.
    pub(crate) client: String,
    /// The host that the client named.
    pub(crate) name: String,
}

/// A server that runs until it is dropped, or until the test ends.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) opened: Receiver<Opened>,
    pub(crate) process: Option<Child>,
}

impl Server {
    /// Starts a server on a free port. `None` if its program is missing; then the test is skipped.
    pub(crate) fn start(test: &str, library: Library, settings: &Settings<'_>) -> Option<Self> {
        match library {
            Library::Rustls => Some(rustls_server::start(settings)),
            Library::OpenSsl => {
                openssl_server::start(settings).inspect_err(|reason| skip(test, reason)).ok()
            }
        }
    }

    /// A request to this server by the name of a host of this machine.
    pub(crate) fn request(&self, host: &str) -> Request {
        Request::new(&format!("wss://{host}:{}/", self.port)).unwrap()
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("wss://localhost:{}/", self.port)
    }

    /// The next connection that the server has accepted.
    pub(crate) fn next_opened(&self) -> Opened {
        self.opened.recv_timeout(TIME_LIMIT).expect("the server has accepted a connection")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().expect("kill a child");
            process.wait().expect("wait for a child");
        }
    }
}

/// The reason if a program could not be started.
pub(crate) fn missing(program: &str, error: &std::io::Error) -> SkipReason {
    SkipReason::Missing(format!("{program} could not be started: {error}"))
}
