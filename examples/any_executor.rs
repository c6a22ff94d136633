//! One function, polled by four executors. A supervisor asks none of them for anything: it is a
//! stream, and whoever polls it is its engine.

use std::error::Error;

use futures::StreamExt;
use websocket_heartbeat::{Builder, Event, Timer, Transport};
use websocket_heartbeat_examples::Server;

/// Has one message echoed and closes; gives what came back.
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

    // smol's sockets and timers have a thread of their own and work under any executor ...
    let smol = || websocket_heartbeat_smol::connect(server.url());
    println!("futures, smol's sockets:         {}", futures::executor::block_on(echo(smol()?))?);
    println!("smol, smol's sockets:            {}", smol::block_on(echo(smol()?))?);
    println!("async-std, smol's sockets:       {}", async_std::task::block_on(echo(smol()?))?);

    // ... those of async-std start theirs ...
    let async_std = websocket_heartbeat_async_std::connect(server.url())?;
    println!("async-std, async-std's sockets:  {}", async_std::task::block_on(echo(async_std))?);

    // ... and those of tokio need its runtime around them.
    let tokio = websocket_heartbeat_tokio::connect(server.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("tokio, tokio's sockets:          {}", runtime.block_on(echo(tokio))?);
    Ok(())
}
