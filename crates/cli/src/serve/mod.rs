//! `wsbeat serve`: a server for tests of clients. It echoes messages, and it has faults on request.

mod behaviour;
mod command;
mod connection;
mod control;
mod departure;
mod exchange;
mod log;
mod paced;
mod server;

use std::{io, net::SocketAddr, process::ExitCode, time::Duration};

pub(crate) use self::{behaviour::Behaviour, command::Command, control::ServerControl};
use self::{log::Log, server::Server};
use crate::{
    exit::{FAILURE, fail, print},
    values,
};

/// Serve WebSockets for tests of clients: an echo server with faults on request
///
/// The first line of standard output is the URL of the server, and events are lines on standard
/// error. Each connection has the faults of the options, or only the first ones with --faulty.
/// Each example is one server:
///
///   wsbeat serve                                       an echo server at a free port
///   wsbeat serve 8080 --tick 1s                        text messages "tick 1", "tick 2", ..
///   wsbeat serve --silent-after 3                      silence after three messages
///   wsbeat serve --half-open                           silence from the beginning
///   wsbeat serve --stall-upgrade                       no answer to the upgrade
///   wsbeat serve --slow-reader 1000                    reads 1000 bytes a second
///   wsbeat serve --drop-every 5                        ends TCP at every fifth message
///   wsbeat serve --refuse 503 --retry-after 2s         refuses each upgrade
///   wsbeat serve --refuse 503 --faulty 3               refuses three upgrades
///   wsbeat serve --close 4001:enough --close-after 10  closes after ten messages
///   wsbeat serve --early-data hello                    a message together with the upgrade
///   wsbeat serve --idle-limit 5s                       ends connections as an idle proxy does
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The address and port, or the port alone; port 0 is any free port
    #[arg(value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    address: SocketAddr,
    #[command(flatten)]
    behaviour: Behaviour,
    /// Obey POST requests: /silence, /answer, /cut, /close and /restart
    ///
    /// They apply to all connections: curl -X POST http://127.0.0.1:8080/cut. Any page that a browser
    /// on this machine shows can send them.
    #[arg(long, help_heading = "Control")]
    control: bool,
    /// The time for which POST /restart refuses connections
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::time, requires = "control", help_heading = "Control")]
    restart_time: Duration,
    /// Print no events on standard error
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let with_host = match text.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => text.to_owned(),
    };
    with_host.parse().map_err(|_| {
        "the address must be a port, or an IP address and a port; write for example 8080 or \
         0.0.0.0:8080"
            .to_owned()
    })
}

/// Serves until a signal ends the program.
pub(crate) fn run(args: &Args) -> ExitCode {
    let Args { address, ref behaviour, control, restart_time, quiet } = *args;
    let log = Log::new(!quiet);
    let restart = control.then_some(restart_time);
    let server = match Server::bind(address, behaviour.clone(), restart, log) {
        Ok(server) => server,
        Err(error) => return fail(FAILURE, &refused(address, &error)),
    };
    // Without its URL, no client finds the server.
    let printed = print(format!("ws://{}/\n", server.address()).as_bytes());
    if printed != ExitCode::SUCCESS {
        return printed;
    }
    // It serves until no command can arrive. A sender that is never dropped prevents that.
    let (_commands, queue) = futures::channel::mpsc::unbounded();
    async_io::block_on(server.run(queue));
    ExitCode::SUCCESS
}

fn refused(address: SocketAddr, error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "another program uses it; choose another port, or 0",
        io::ErrorKind::PermissionDenied => "choose a port above 1023",
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address; correct it",
        _ => return format!("the server cannot listen at {address}: {error}"),
    };
    format!("the server cannot listen at {address}: {remedy}")
}
