//! [`ServerTransport`]: attempts at the server, with fresh secrets and with errors for people.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use websocket_heartbeat_smol::{
    Attempt, Dialer, Established, Request, SmolConnection, SmolTimer, Timer, Transport,
    TransportError, dial,
};

#[cfg(feature = "rustls")]
use super::tls::FreshTls;
use super::{
    network::ProxyWithFile,
    secrets::{self, Source},
    words,
};

/// A transport that reads secrets again at each attempt. Its errors name the options of `wsbeat`.
pub(crate) struct ServerTransport {
    attempts: Arc<Attempts>,
    notes: Vec<String>,
}

/// The parts of all attempts.
pub(super) struct Attempts {
    pub(super) request: Request,
    pub(super) sources: Vec<Source>,
    pub(super) dialer: Dialer,
    pub(super) proxy: Option<ProxyWithFile>,
    #[cfg(feature = "rustls")]
    pub(super) tls: Option<FreshTls>,
    /// Whether an attempt may end at another host.
    pub(super) may_redirect: bool,
    /// The clock of the session.
    pub(super) timer: SmolTimer,
}

impl ServerTransport {
    pub(super) fn new(attempts: Attempts, notes: Vec<String>) -> Self {
        Self { attempts: Arc::new(attempts), notes }
    }

    /// Notes for people, for the start of the session.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Transport for ServerTransport {
    type Connection = SmolConnection;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<SmolConnection>, TransportError>> + Send>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        let attempts = Arc::clone(&self.attempts);
        Box::pin(async move {
            let connected = attempts.connect(&attempt).await;
            let host = attempts.request.host();
            let host = (!attempts.may_redirect).then_some(host);
            connected.map_err(|error| words::explained(&error, host))
        })
    }
}

impl Attempts {
    async fn connect(
        &self,
        attempt: &Attempt,
    ) -> Result<Established<SmolConnection>, TransportError> {
        let request = secrets::add(self.request.clone(), &self.sources, self.time(attempt)).await?;
        let dialer = match &self.proxy {
            Some(proxy) => proxy.dialer(self.dialer.clone()).await?,
            None => self.dialer.clone(),
        };
        #[cfg(feature = "rustls")]
        let dialer = match &self.tls {
            Some(tls) => tls.dialer(dialer).await?,
            None => dialer,
        };
        dial(&request, &dialer).await
    }

    /// The time of a command: nine tenths of the attempt, so that the failure is reported as that of
    /// the command.
    fn time(&self, attempt: &Attempt) -> Option<Duration> {
        let deadline = attempt.deadline?;
        Some(deadline.saturating_since(self.timer.now()) * 9 / 10)
    }
}
