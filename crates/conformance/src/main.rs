//! The server as a program: it listens on a free port of loopback, prints its URL in one line, and
//! ends when its standard input ends.

use std::io::{self, Read, Write};

use websocket_heartbeat_conformance::Server;

fn main() -> io::Result<()> {
    let server = Server::start()?;
    writeln!(io::stdout(), "{}", server.url())?;
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(server);
    Ok(())
}
