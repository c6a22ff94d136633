//! A session through an HTTP proxy, and another one that is reached without it.

use std::error::Error;

use futures::StreamExt;
use websocket_heartbeat_examples::{Proxy as ProxyServer, Server};
use websocket_heartbeat_smol::{
    Event, Request, SmolTimer, SmolTransport, Supervisor,
    proxy::{Proxies, Proxy},
};

fn main() -> Result<(), Box<dyn Error>> {
    let (server, proxy) = (Server::echo()?, ProxyServer::start()?);
    // With a password: "http://user:password@..". Other schemes: https, socks5, socks5h. A program
    // that follows the variables of curl, such as HTTPS_PROXY, uses `Proxies::from_env()?`.
    let proxy = Proxy::new(&format!("http://{}", proxy.address()))?;

    println!("through {proxy}");
    session(&server, 2, Proxies::all(proxy.clone()))?;
    println!("without the proxy, as in NO_PROXY");
    session(&server, 1, Proxies::all(proxy).except("127.0.0.0/8, ::1")?)
}

/// Sends a message on each connection. The server cuts all but the last one.
fn session(server: &Server, connections: u64, proxies: Proxies) -> Result<(), Box<dyn Error>> {
    let transport = SmolTransport::new(Request::new(&server.url())?).proxy(proxies);
    let mut supervisor = Supervisor::builder(transport, SmolTimer::new()).build()?;
    let handle = supervisor.handle();
    smol::block_on(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Open(e) => {
                    println!("open, connection {}", e.connection);
                    handle.try_queue("hello")?;
                }
                Event::Message(message) => {
                    println!("echoed: {}", message.as_text().unwrap_or_default());
                    match supervisor.connection() == connections {
                        true => handle.close(),
                        false => server.cut(),
                    }
                }
                Event::Lost(e) => println!("lost: {}", e.cause),
                Event::Closed(e) => println!("{}", e.reason),
                _ => {}
            }
        }
        Ok(())
    })
}
