//! The log: one JSON object a line on standard error.

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, fmt, prelude::*};

/// Begins the log. `RUST_LOG` changes what is in it.
pub(super) fn begin() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn,websocket_heartbeat=warn"));
    let log = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    let log = log.with_filter(filter_fn(has_no_secrets));
    // Only a test has another one already.
    let _ = tracing_subscriber::registry().with(filter).with(log).try_init();
}

/// The library of NATS writes the password of its user at the most detailed level.
fn has_no_secrets(about: &Metadata<'_>) -> bool {
    let ours = ["wsbeat_relay", "websocket_heartbeat"];
    *about.level() < Level::TRACE || ours.iter().any(|ours| about.target().starts_with(ours))
}
