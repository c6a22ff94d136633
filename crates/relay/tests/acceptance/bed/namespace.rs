//! Two networks for a partition: one with the servers, one with a worker.

use std::{
    fs::File,
    io::Write,
    os::fd::AsFd,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::skip::Skip;

/// A network namespace with a link to another one. Dropping it removes its name. The kernel removes
/// it with its last process.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

/// The addresses of the two ends of the link. They are reserved for documentation, so no host has them.
pub(crate) const CENTRE: &str = "192.0.2.1";
const EDGE: &str = "192.0.2.2";

impl Namespace {
    /// A namespace for the servers and one for a worker, with a link between them.
    pub(crate) fn pair() -> Result<(Self, Self), Skip> {
        if !rustix::process::geteuid().is_root() {
            return Err(Skip::NotPermitted("network namespaces need root".to_owned()));
        }
        for program in ["ip", "nft"] {
            run(Command::new(program).arg("-V")).map_err(Skip::Missing)?;
        }
        Self::linked().map_err(Skip::NotPermitted)
    }

    fn linked() -> Result<(Self, Self), String> {
        let (centre, edge) = (Self::create("centre")?, Self::create("edge")?);
        let (here, there) = (&centre.name, &edge.name);
        #[rustfmt::skip]
        run(Command::new("ip").args([
            "link", "add", "uplink", "netns", here, "type", "veth", "peer", "name", "uplink", "netns", there,
        ]))?;
        for (namespace, address) in [(&centre, CENTRE), (&edge, EDGE)] {
            let address = format!("{address}/24");
            run(namespace.command("ip").args(["address", "add", &address, "dev", "uplink"]))?;
            run(namespace.command("ip").args(["link", "set", "uplink", "up"]))?;
        }
        Ok((centre, edge))
    }

    fn create(role: &str) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("relay-{}-{count}-{role}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]))?;
        let namespace = Self { name };
        run(namespace.command("ip").args(["link", "set", "lo", "up"]))?;
        Ok(namespace)
    }

    /// A program to start in it. The process id is that of the program.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Moves the calling thread into it. Sockets and processes that it makes are there.
    pub(crate) fn enter(name: &str) {
        let namespace = File::open(format!("/run/netns/{name}")).expect("a namespace");
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), network).expect("root may enter");
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Drops all packets to these TCP ports, and from them. None: drops nothing.
    pub(crate) fn cut(&self, ports: &[u16]) {
        let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
        let ports = ports.join(", ");
        let rule = |direction| match ports.as_str() {
            "" => String::new(),
            ports => format!("tcp {direction} {{ {ports} }} drop"),
        };
        let (out, back) = (rule("dport"), rule("sport"));
        let rules = format!(
            "table inet partition
             delete table inet partition
             table inet partition {{
                 chain out {{ type filter hook output priority 0; {out}; }}
                 chain back {{ type filter hook input priority 0; {back}; }}
             }}"
        );
        let mut nft = self.command("nft");
        let mut nft = nft.args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("it is installed");
        nft.stdin.take().expect("a pipe").write_all(rules.as_bytes()).expect("a reader");
        assert!(nft.wait().expect("a child").success(), "nft refused {rules}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("ip").args(["netns", "delete", &self.name])) {
            println!("{error}");
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", text.trim())) }
}
