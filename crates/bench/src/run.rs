//! Starts the processes of a measurement: this program again, as server and as client.

use std::{
    env,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::{
    case::Case,
    contender::{Contender, Kind},
    original::Original,
    sample::Sample,
};

/// The server's process. It ends when this is dropped, or when this process ends.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
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
            io::Error::new(io::ErrorKind::InvalidData, "the server did not say its address")
        })?;
        Ok(Self { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It has no other work than to end.
        let _ = self.child.wait();
    }
}

/// What there is to run on this machine, and what is left out, by name.
#[derive(Debug)]
pub(crate) struct Roster {
    original: Result<Original, String>,
}

impl Roster {
    pub(crate) fn new() -> Self {
        Self { original: Original::install() }
    }

    /// Why a contender cannot be measured here, if it cannot.
    pub(crate) fn absence(&self, contender: Contender) -> Option<String> {
        match contender.kind {
            Kind::Original => self.original.as_ref().err().cloned(),
            kind if kind.is_peer() && !cfg!(feature = "peers") => {
                Some("built without the feature `peers`".to_owned())
            }
            _ => None,
        }
    }

    /// One run of a contender in a case against a server of its own.
    pub(crate) fn run(
        &self,
        contender: Contender,
        case: Case,
        count: u64,
    ) -> Result<Sample, String> {
        let server = Server::start().map_err(|error| format!("no server: {error}"))?;
        let mut command = match (&self.original, contender.kind) {
            (Ok(original), Kind::Original) => original.command(case, server.address, {
                // The figures are per unit, and it takes its time.
                let few = matches!(case, Case::Idle | Case::PingPong);
                if few { count } else { count / 4 }
            }),
            _ => client(contender, case, count, server.address)?,
        };
        let output = command.output().map_err(|error| format!("no client: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().last().unwrap_or("nothing").to_owned();
            return Err(format!("ended with {}, saying {said}", output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .last()
            .and_then(Sample::from_json)
            .ok_or_else(|| "the client printed no figures".to_owned())
    }
}

/// The arguments of a client that is part of this program.
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

fn client(
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

/// Where results and what is installed on demand go: a folder of ours in cargo's target folder.
pub(crate) fn folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?;
    let folder = target.join("side-by-side");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
