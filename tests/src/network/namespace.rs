//! Network namespaces.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    os::fd::AsFd,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{SkipReason, command};

/// A network namespace with a name and a loopback interface. Dropping it removes the name. The kernel
/// removes the namespace with its last process.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace. The role is a part of its name.
    ///
    /// # Errors
    ///
    /// When the privileges or the tool for it are missing.
    pub fn new(role: &str) -> Result<Self, SkipReason> {
        if !rustix::process::geteuid().is_root() {
            return Err(SkipReason::NotPermitted("network namespaces need root".to_owned()));
        }
        run("ip", &["-Version"]).map_err(SkipReason::Missing)?;
        Self::create(role).map_err(SkipReason::NotPermitted)
    }

    fn create(role: &str) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("heartbeat-{}-{count}-{role}", std::process::id());
        run("ip", &["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.run("ip", &["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program to start in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        command::run(self.command(program).args(arguments))
    }

    /// Writes a setting of the kernel.
    pub(super) fn set(&self, setting: &str, value: u64) -> Result<(), String> {
        self.run("sh", &["-c", &format!("echo {value} > /proc/sys/net/{setting}")])?;
        Ok(())
    }

    /// A pair of virtual Ethernet interfaces between two namespaces.
    pub(super) fn link(&self, here: &str, there: &Self, name_there: &str) -> Result<(), String> {
        #[rustfmt::skip]
        run("ip", &[
            "link", "add", here, "netns", &self.name, "type", "veth",
            "peer", "name", name_there, "netns", &there.name,
        ])?;
        Ok(())
    }

    pub(super) fn address(&self, interface: &str, address: &str) -> Result<(), String> {
        self.run("ip", &["address", "add", address, "dev", interface])?;
        self.run("ip", &["link", "set", interface, "up"])?;
        Ok(())
    }

    /// A listener on a free port, whose sockets are in this namespace.
    pub(super) fn listener(&self) -> TcpListener {
        let namespace = File::open(format!("/run/netns/{}", self.name)).expect("a namespace");
        // Only this thread enters the namespace.
        let thread = thread::spawn(move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network).expect("root may enter");
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port")
        });
        thread.join().expect("a listener")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = run("ip", &["netns", "delete", &self.name]) {
            eprintln!("{error}");
        }
    }
}

pub(super) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    command::run(Command::new(program).args(arguments))
}
