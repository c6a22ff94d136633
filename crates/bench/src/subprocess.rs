//! The processes of a measurement: this program again, as server and as client.

use std::{
    env,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use crate::{case::Case, contender::Contender};

/// The server's process. It ends when this is dropped or when this process ends.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    pub(crate) fn start() -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg("server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "the server did not print its address")
        })?;
        Ok(Self { child, address })
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The closed standard input ends it.
        let _ = self.child.wait();
    }
}

/// The arguments of a client that is built into this program.
pub(crate) fn client_arguments(
    contender: Contender,
    case: Case,
    count: u64,
    address: SocketAddr,
) -> [String; 5] {
    [
        "client".to_owned(),
        contender.to_string(),
        case.to_string(),
        count.to_string(),
        address.to_string(),
    ]
}

/// The command of a client that is built into this program.
pub(crate) fn client(
    contender: Contender,
    case: Case,
    count: u64,
    address: SocketAddr,
) -> Result<Command, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(client_arguments(contender, case, count, address));
    Ok(command)
}
