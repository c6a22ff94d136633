//! What the HTTP server of a worker shows: [`Shown`].

use std::sync::OnceLock;

use async_nats::{Client, connection::State};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::{
    health::{Health, NotReady},
    http::Pages,
    telemetry,
};

/// The metrics of this process, and whether it is ready.
pub(super) struct Shown {
    metrics: PrometheusHandle,
    health: watch::Receiver<Health>,
    /// Empty until the first connection.
    client: OnceLock<Client>,
}

impl Shown {
    /// Begins to collect metrics.
    pub(super) fn new(health: watch::Receiver<Health>) -> Self {
        Self { metrics: telemetry::install(), health, client: OnceLock::new() }
    }

    /// There is a client, which connects again by itself.
    pub(super) fn connect(&self, client: Client) {
        // There is one client.
        let _ = self.client.set(client);
    }

    fn is_connected(&self) -> bool {
        self.client.get().is_some_and(|client| client.connection_state() == State::Connected)
    }
}

impl Pages for Shown {
    fn metrics(&self) -> String {
        telemetry::connected(self.is_connected());
        self.metrics.render()
    }

    fn readiness(&self) -> Result<(), NotReady> {
        self.health.borrow().readiness(self.is_connected())
    }
}
