//! A session through a proxy with a password, by HTTP and by SOCKS5. The proxy is an option of the
//! transport. It can be named in the program, or by the variables of an environment.

use std::error::Error;

use websocket_heartbeat_examples::{Proxy as ProxyServer, Server};
use websocket_heartbeat_smol::{
    CloseReason, Event, Request, SmolTimer, SmolTransport, Supervisor,
    proxy::{Proxies, Proxy},
};

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::echo()?;
    let proxy = ProxyServer::with_password("me", "p@ss")?.address();

    println!("named in the program, a reconnection included");
    // In user and password, characters with a meaning in a URL are percent-encoded.
    let http = Proxy::new(&format!("http://me:p%40ss@{proxy}"))?;
    session(&server, 2, http.clone().into())?;

    println!("by the variables that curl also reads");
    // `Proxies::from_env()` reads those of the process. A function is for programs with a
    // configuration of their own, and for tests.
    let proxies = Proxies::from_vars(|name| match name {
        "all_proxy" => Some(format!("socks5://me:p%40ss@{proxy}")),
        "no_proxy" => Some("internal.example.org, 10.0.0.0/8".to_owned()),
        _ => None,
    })?;
    session(&server, 1, proxies)?;

    println!("a server that is reached without the proxy");
    session(&server, 1, Proxies::all(http).except("127.0.0.0/8, ::1")?)?;

    println!("with a wrong password");
    let wrong = Proxy::new(&format!("http://me:guess@{proxy}"))?;
    match session(&server, 1, wrong.into())? {
        CloseReason::User => Err("the proxy has accepted a wrong password".into()),
        _ => Ok(()),
    }
}

/// Sends a message on each connection. The server cuts all but the last one.
fn session(
    server: &Server,
    connections: u64,
    proxies: Proxies,
) -> Result<CloseReason, Box<dyn Error>> {
    let transport = SmolTransport::new(Request::new(&server.url())?).proxy(proxies);
    let mut supervisor = Supervisor::builder(transport, SmolTimer::new()).build()?;
    let handle = supervisor.handle();
    smol::block_on(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Open(open) => {
                    println!("open, connection {}", open.connection);
                    handle.try_queue("hello")?;
                }
                Event::Message(message) => {
                    println!("echoed: {}", message.as_text().unwrap_or_default());
                    match supervisor.connection() == connections {
                        true => handle.close(),
                        false => server.cut(),
                    }
                }
                Event::Lost(lost) => println!("lost: {}", lost.cause),
                Event::Closed(closed) => {
                    println!("{}", closed.reason);
                    return Ok(closed.reason);
                }
                _ => {}
            }
        }
        Err("a session ends with Closed".into())
    })
}
