//! [`ServerTransport`]: attempts at the server, with fresh secrets and with errors for people.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::future::{Either, select};
use websocket_heartbeat_smol::{
    Attempt, Dialer, ErrorKind, Established, Request, SmolConnection, SmolTimer, Step, Timer,
    Timestamp, Transport, TransportError, dial,
};

#[cfg(feature = "rustls")]
use super::tls::FreshTls;
use super::{
    network::ProxyWithFile,
    secrets::{self, Source},
    words,
};
use crate::duration::show;

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

    /// Reports the steps of each attempt.
    pub(crate) fn on_step(mut self, observe: impl Fn(Step) + Send + Sync + 'static) -> Self {
        // No attempt holds a clone yet.
        if let Some(attempts) = Arc::get_mut(&mut self.attempts) {
            attempts.dialer = attempts.dialer.clone().on_step(observe);
        }
        self
    }

    /// One attempt without a session.
    pub(crate) async fn connect_once(
        &self,
        time: Duration,
    ) -> Result<Established<SmolConnection>, TransportError> {
        let deadline = self.attempts.timer.now().checked_add(time);
        let connected = Box::pin(self.attempts.connect(deadline));
        match select(connected, async_io::Timer::after(time)).await {
            Either::Left((Ok(established), _)) => Ok(established),
            Either::Left((Err(error), _)) => Err(self.attempts.explained(&error)),
            Either::Right(_) => {
                let words = format!("the server did not answer within {}", show(time));
                Err(TransportError::new(ErrorKind::Timeout, words))
            }
        }
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
            let connected = attempts.connect(attempt.deadline).await;
            connected.map_err(|error| attempts.explained(&error))
        })
    }
}

impl Attempts {
    /// The error of an attempt, in words for the user. After a redirect, the host can be another one.
    fn explained(&self, error: &TransportError) -> TransportError {
        let host = (!self.may_redirect).then(|| self.request.host());
        words::explained(error, host)
    }

    async fn connect(
        &self,
        deadline: Option<Timestamp>,
    ) -> Result<Established<SmolConnection>, TransportError> {
        let request =
            secrets::add(self.request.clone(), &self.sources, self.time(deadline)).await?;
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
    fn time(&self, deadline: Option<Timestamp>) -> Option<Duration> {
        Some(deadline?.saturating_since(self.timer.now()) * 9 / 10)
    }
}
