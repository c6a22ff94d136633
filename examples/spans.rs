//! The reports of a session as a log, by the feature `tracing`: a span for each connection, with the
//! events of its life.

use std::{error::Error, time::Duration};

use tracing::{Instrument, Level, info_span};
use tracing_subscriber::{filter::Targets, prelude::*};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_tokio::{Event, Heartbeat, connect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Heartbeats are of the level TRACE. Programs usually show INFO. Other crates log payloads at the
    // level TRACE, so only these two targets may log at that level.
    let targets = Targets::new()
        .with_default(Level::WARN)
        .with_target("websocket_heartbeat", Level::TRACE)
        .with_target("spans", Level::INFO);
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_ansi(false))
        .with(targets)
        .init();

    let server = Server::echo()?;
    let heartbeat = Heartbeat::idle(Duration::from_millis(50)).timeout(Duration::from_secs(5));
    let session = connect(server.url())?.name("prices").heartbeat(heartbeat.ping()).build()?;
    let (driver, mut inbox) = session.into_driver(64)?;
    let handle = driver.handle();
    // The spans of the connections are in the span of the task that drives.
    let driver = tokio::spawn(driver.instrument(info_span!("feed", region = "eu")));

    let mut changes = handle.status_changes();
    while let Some(event) = inbox.next().await {
        match event {
            Event::Open(open) if open.connection == 1 => {
                while let Some(status) = changes.next().await {
                    if status.counters.probes_answered > 0 {
                        break;
                    }
                }
                server.cut();
            }
            Event::Open(_) => handle.close(),
            _ => {}
        }
    }
    driver.await?;
    Ok(())
}
