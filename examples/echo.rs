//! A server breaks the connection, and the client reconnects and continues.

use std::error::Error;

use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{Event, connect};

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::echo()?;
    let mut supervisor = connect(server.url())?.build()?;
    let handle = supervisor.handle();

    smol::block_on(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Connecting(e) => println!("connecting, attempt {}", e.attempt),
                Event::Open(e) => {
                    println!("open, connection {}", e.connection);
                    handle.try_queue(format!("hello over connection {}", e.connection))?;
                }
                Event::Message(message) => {
                    println!("the server says {:?}", message.as_text().unwrap_or_default());
                    match supervisor.connection() {
                        1 => server.cut(),
                        _ => handle.close(),
                    }
                }
                Event::Lost(e) => println!("lost: {}", e.cause),
                Event::Retry(e) => println!("attempt {} in {:?}", e.attempt, e.delay),
                Event::Closed(e) => println!("{}", e.reason),
                _ => {}
            }
        }
        Ok(())
    })
}
