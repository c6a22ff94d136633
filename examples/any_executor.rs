//! One function on four executors. A supervisor needs no service of an executor: it is a stream
//! that works while it is polled.

use std::error::Error;

use websocket_heartbeat::{Builder, Event, Timer, Transport};
use websocket_heartbeat_examples::Server;

/// Sends one message, closes after the echo, and returns the echo.
async fn echo<T: Transport, K: Timer>(builder: Builder<T, K>) -> Result<String, Box<dyn Error>> {
    let mut supervisor = builder.build()?;
    let handle = supervisor.handle();
    handle.try_queue("hello")?;
    let mut echoed = String::new();
    while let Some(event) = supervisor.next().await {
        if let Event::Message(message) = event {
            echoed.push_str(message.as_text().unwrap_or_default());
            handle.close();
        }
    }
    Ok(echoed)
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::echo()?;

    // The sockets and timers of smol have their own thread and work with any executor.
    let smol = || websocket_heartbeat_smol::connect(server.url());
    println!("futures, smol's sockets:         {}", futures::executor::block_on(echo(smol()?))?);
    println!("smol, smol's sockets:            {}", smol::block_on(echo(smol()?))?);
    println!("async-std, smol's sockets:       {}", async_std::task::block_on(echo(smol()?))?);

    // Those of async-std start the runtime of async-std.
    let async_std = websocket_heartbeat_async_std::connect(server.url())?;
    println!("async-std, async-std's sockets:  {}", async_std::task::block_on(echo(async_std))?);

    // Those of tokio must be polled inside its runtime.
    let tokio = websocket_heartbeat_tokio::connect(server.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("tokio, tokio's sockets:          {}", runtime.block_on(echo(tokio))?);
    Ok(())
}
