//! What the relay is compared with: loops that do the same work, written by hand. They publish each message
//! with the same id to the same subject of the same stream, and have the same window. They do nothing
//! else: no heartbeat, no new connection, no order after a refusal, no records.

pub(crate) mod by_hand;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::bed::software;

/// Messages without an answer, for each subscription.
pub(crate) const WINDOW: usize = 1_000;

/// What such a loop is told.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) nats: String,
    /// Host and port.
    pub(crate) upstream: String,
    pub(crate) group: String,
    pub(crate) names: Vec<String>,
}

impl Job {
    /// From arguments of the command line.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut next = || arguments.next();
        let (nats, upstream, group) = (next()?, next()?, next()?);
        Some(Self { nats, upstream, group, names: arguments.collect() })
    }

    /// As arguments of the command line.
    pub(crate) fn pass<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.args([&self.nats, &self.upstream, &self.group]).args(&self.names)
    }
}

const WEBSOCKETS: &str = "websockets==17.4";
const NPM: [&str; 3] = ["ws@8.23.0", "@nats-io/jetstream@3.4.0", "@nats-io/transport-node@3.4.0"];

/// A Python with the libraries, and the program for it.
pub(crate) fn python() -> Result<Command, String> {
    let python = software::python().map_err(|skip| skip.to_string())?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    software::run(pip.arg(WEBSOCKETS))?;
    let mut command = Command::new(python);
    command.arg(source("pair.py"));
    Ok(command)
}

/// Node, and the program for it beside its libraries.
pub(crate) fn node() -> Result<Command, String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../node-pair");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let program = folder.join("pair.mjs");
    fs::copy(source("pair.mjs"), &program).map_err(|error| error.to_string())?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
    software::run(npm.args(NPM))?;
    let mut command = Command::new("node");
    command.arg(program);
    Ok(command)
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed/pairs").join(name)
}
