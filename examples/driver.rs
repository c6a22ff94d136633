//! A driver in a separate task, so that the session continues while the program does other work.
//! The program reads events from a bounded inbox and watches the status.

use std::{error::Error, time::Duration};

use websocket_heartbeat_examples::Server;
use websocket_heartbeat_tokio::{Event, Phase, connect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::echo()?;
    let supervisor = connect(server.url())?.build()?;
    let handle = supervisor.handle();

    // At most 64 messages are stored. After that the server has to wait.
    let (driver, mut inbox) = supervisor.into_driver(64)?;
    let driver = tokio::spawn(driver);

    let mut changes = handle.status_changes();
    let status = tokio::spawn(async move {
        let mut phase = Phase::Idle;
        while let Some(status) = changes.next().await {
            if status.phase != phase {
                phase = status.phase;
                println!("  phase: {phase:?}, {} opens", status.counters.opens);
            }
        }
    });

    while let Some(event) = inbox.next().await {
        match event {
            Event::Open(_) => handle.try_queue("hello")?,
            Event::Message(message) => {
                println!("echo: {}", message.as_text().unwrap_or_default());
                // The driver answers pings and sends heartbeats during this time.
                tokio::time::sleep(Duration::from_millis(100)).await;
                match handle.status().connection {
                    1 => server.cut(),
                    _ => handle.close(),
                }
            }
            Event::Lost(lost) => println!("lost: {}", lost.cause),
            Event::Closed(closed) => println!("closed: {}", closed.reason),
            _ => {}
        }
    }
    driver.await?;
    status.await?;
    Ok(())
}
