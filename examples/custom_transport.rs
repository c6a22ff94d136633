//! A transport of your own: it opens a tunnel through an HTTP proxy by itself, and uses a new token for
//! each attempt. For a proxy alone there is an option, see `through_a_proxy`.

use std::{error::Error, net::SocketAddr, pin::Pin};

use futures::{AsyncReadExt, AsyncWriteExt, Future};
use smol::net::TcpStream;
use websocket_heartbeat::{
    Attempt, ErrorKind, Established, Event, FuturesTimer, Supervisor, Transport, TransportError,
};
use websocket_heartbeat_examples::{Proxy, Server};
use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, upgrade};

/// Connects through a proxy.
struct ThroughProxy {
    proxy: SocketAddr,
    server: SocketAddr,
}

impl Transport for ThroughProxy {
    type Connection = Socket<TcpStream>;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<Socket<TcpStream>>, TransportError>>>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        Box::pin(connect(self.proxy, self.server, attempt))
    }
}

/// Makes one attempt. It needs no time limit, since the supervisor drops it at its deadline.
async fn connect(
    proxy: SocketAddr,
    server: SocketAddr,
    attempt: Attempt,
) -> Result<Established<Socket<TcpStream>>, TransportError> {
    let request = Request::new(&format!("ws://{server}/"))?
        .header("Authorization", format!("Bearer {}", token(attempt.connection).await))?;
    let unreachable = |error| TransportError::from_source(ErrorKind::Unreachable, error);
    let mut stream = TcpStream::connect(proxy).await.map_err(unreachable)?;
    open_tunnel(&mut stream, server)
        .await
        .map_err(|error| TransportError::from_source(ErrorKind::Other, error))?;
    upgrade(stream, &request, Tuning::new()).await
}

/// Asks the proxy for a tunnel to the server (RFC 9110 section 9.3.6).
async fn open_tunnel(stream: &mut TcpStream, server: SocketAddr) -> Result<(), std::io::Error> {
    let ask = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await?;
    // Byte by byte, since the bytes after the head belong to the server.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 4096 {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    match head.starts_with(b"HTTP/1.1 200 ") {
        true => Ok(()),
        false => Err(std::io::Error::other("the proxy refused the tunnel")),
    }
}

/// A placeholder for a request to a token server.
async fn token(connection: u64) -> String {
    let token = format!("token-{connection}");
    println!("  a new token: {token}");
    token
}

fn main() -> Result<(), Box<dyn Error>> {
    let (server, proxy) = (Server::echo()?, Proxy::start()?);
    let transport = ThroughProxy { proxy: proxy.address(), server: server.address() };
    let mut supervisor = Supervisor::builder(transport, FuturesTimer::new()).build()?;
    let handle = supervisor.handle();

    smol::block_on(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Open(e) => {
                    println!("open, connection {}", e.connection);
                    handle.try_queue("hello through the tunnel")?;
                }
                Event::Message(message) => {
                    println!("echoed: {}", message.as_text().unwrap_or_default());
                    match supervisor.connection() {
                        1 => server.cut(),
                        _ => handle.close(),
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
