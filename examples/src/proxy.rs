//! An HTTP proxy: [`Proxy`].

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// A proxy with one method, CONNECT (RFC 9110 section 9.3.6).
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
}

impl Proxy {
    /// Starts a proxy on a free port.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // An error means that one side disconnected, which ends the tunnel.
                thread::spawn(move || tunnel(stream).unwrap_or_default());
            }
        });
        Ok(Self { address })
    }

    /// The address of the proxy.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn tunnel(mut client: TcpStream) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line.trim() != "" {
        line.clear();
        head.read_line(&mut line)?;
    }
    println!("  proxy: CONNECT {target}");
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        io::copy(&mut from, &mut to)?;
        to.shutdown(Shutdown::Write)
    });
    let mut server = server;
    io::copy(&mut head, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    back.join().unwrap_or(Ok(()))
}
