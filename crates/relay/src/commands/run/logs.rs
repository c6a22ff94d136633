//! The log: one JSON object a line on standard error.

use tracing_subscriber::{EnvFilter, fmt};

/// Begins the log. `RUST_LOG` changes what is in it.
pub(super) fn begin() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn,websocket_heartbeat=warn"));
    let log = fmt().json().with_env_filter(filter).with_writer(std::io::stderr);
    // Only a test has another one already.
    let _ = log.flatten_event(true).try_init();
}
