//! A network in namespaces: client -- router -- server. The link is cut in the router, so that both
//! ends keep their carrier and get no error, as on a real path.

use std::{fmt, io::Write, process::Stdio};

use crate::{Namespace, SkipReason, namespace::run};

/// The direction in which packets are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a path has two directions")]
pub enum Cut {
    /// In both directions.
    Both,
    /// From the client to the server only.
    ToServer,
    /// From the server to the client only.
    ToClient,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "in both directions",
            Self::ToServer => "to the server",
            Self::ToClient => "to the client",
        })
    }
}

/// The network. Dropping it removes it.
#[derive(Debug)]
pub struct Network {
    client: Namespace,
    router: Namespace,
    server: Namespace,
}

impl Network {
    /// The server's address, which exists only in this network.
    pub const SERVER: &'static str = "198.51.100.2";

    /// Makes a network.
    ///
    /// # Errors
    ///
    /// When the privileges or the tools for it are missing.
    pub fn new() -> Result<Self, SkipReason> {
        let network = Self {
            client: Namespace::new("client")?,
            router: Namespace::new("router")?,
            server: Namespace::new("server")?,
        };
        run("nft", &["--version"]).map_err(SkipReason::Missing)?;
        network.wire().map_err(SkipReason::NotPermitted)?;
        network.heal();
        Ok(network)
    }

    /// The name of the client's namespace.
    pub fn client(&self) -> &str {
        self.client.name()
    }

    /// The name of the server's namespace.
    pub fn server(&self) -> &str {
        self.server.name()
    }

    /// Drops all later packets silently.
    ///
    /// # Panics
    ///
    /// When the rule is not accepted.
    pub fn cut(&self, cut: Cut) {
        self.rule(match cut {
            Cut::Both => "counter drop",
            Cut::ToServer => "iifname toclient counter drop",
            Cut::ToClient => "iifname toserver counter drop",
        });
    }

    /// Forwards all packets again.
    ///
    /// # Panics
    ///
    /// When the rule is not accepted.
    pub fn heal(&self) {
        self.rule("counter accept");
    }

    /// How many packets the current rule has counted. Zero after a cut means that nothing was dropped.
    ///
    /// # Panics
    ///
    /// When the rule cannot be read.
    pub fn counted(&self) -> u64 {
        let table = self.router.run("nft", &["list", "table", "inet", "path"]).expect("a table");
        let (_, after) = table.split_once("counter packets ").expect("a counter");
        after.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
    }

    fn wire(&self) -> Result<(), String> {
        self.client.link("uplink", &self.router, "toclient")?;
        self.server.link("uplink", &self.router, "toserver")?;
        // These addresses are reserved for documentation, so no host has them.
        self.client.address("uplink", "192.0.2.2/24")?;
        self.router.address("toclient", "192.0.2.1/24")?;
        self.server.address("uplink", "198.51.100.2/24")?;
        self.router.address("toserver", "198.51.100.1/24")?;
        self.client.run("ip", &["route", "add", "default", "via", "192.0.2.1"])?;
        self.server.run("ip", &["route", "add", "default", "via", "198.51.100.1"])?;
        self.router.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])?;
        Ok(())
    }

    fn rule(&self, rule: &str) {
        let rules = format!(
            "table inet path
             delete table inet path
             table inet path {{
                 chain through {{
                     type filter hook forward priority 0; policy accept;
                     {rule}
                 }}
             }}"
        );
        let mut nft = self.router.command("nft");
        let mut child =
            nft.args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft was started before");
        child.stdin.take().expect("a piped stdin").write_all(rules.as_bytes()).expect("a reader");
        assert!(child.wait().expect("wait for a child").success(), "nft refused {rule:?}");
    }
}
