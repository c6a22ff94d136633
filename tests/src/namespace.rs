//! Network namespaces.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

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

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        command::run(self.command(program).args(arguments))
    }

    /// A pair of virtual Ethernet interfaces between two namespaces.
    pub(crate) fn link(&self, here: &str, there: &Self, name_there: &str) -> Result<(), String> {
        #[rustfmt::skip]
        run("ip", &[
            "link", "add", here, "netns", &self.name, "type", "veth",
            "peer", "name", name_there, "netns", &there.name,
        ])?;
        Ok(())
    }

    pub(crate) fn address(&self, interface: &str, address: &str) -> Result<(), String> {
        self.run("ip", &["address", "add", address, "dev", interface])?;
        self.run("ip", &["link", "set", interface, "up"])?;
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = run("ip", &["netns", "delete", &self.name]) {
            eprintln!("{error}");
        }
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    command::run(Command::new(program).args(arguments))
}
