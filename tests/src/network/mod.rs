//! A network in namespaces: client -- router -- server. The link is cut in the router, so that both
//! ends keep their carrier and get no error, as on a real path.

mod namespace;

use std::{fmt, io::Write, net::TcpListener, process::Stdio, time::Duration};

pub use self::namespace::Namespace;
use self::namespace::run;
use crate::SkipReason;

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

/// One end of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a path has two ends")]
pub enum End {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// The router between the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Router {
    /// It forwards all packets.
    Plain,
    /// It translates the client's address, and drops packets of connections that it does not know.
    Nat,
}

impl Router {
    /// The rule for packets while the path is whole. Its counter counts packets of Plain routers, and
    /// dropped packets of a NAT.
    fn rule(self) -> &'static str {
        match self {
            Self::Plain => "counter accept",
            Self::Nat => {
                "ct state established,related accept
                 iifname toclient ct state new tcp flags & (syn | ack) == syn accept
                 counter drop"
            }
        }
    }
}

/// The network. Dropping it removes it.
#[derive(Debug)]
pub struct Network {
    client: Namespace,
    router: Namespace,
    server: Namespace,
    kind: Router,
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
        Self::with(Router::Plain)
    }

    /// Makes a network whose router translates the client's address (NAT) and forgets a connection
    /// after this many seconds without packets. It drops packets of forgotten connections silently.
    ///
    /// # Errors
    ///
    /// When the privileges or the tools for it are missing.
    pub fn with_nat(limit: Duration) -> Result<Self, SkipReason> {
        run("conntrack", &["--version"]).map_err(SkipReason::Missing)?;
        let network = Self::with(Router::Nat)?;
        network.translate(limit).map_err(SkipReason::NotPermitted)?;
        Ok(network)
    }

    fn with(kind: Router) -> Result<Self, SkipReason> {
        for (tool, version) in [("nft", "--version"), ("ss", "--version")] {
            run(tool, &[version]).map_err(SkipReason::Missing)?;
        }
        let network = Self {
            client: Namespace::new("client")?,
            router: Namespace::new("router")?,
            server: Namespace::new("server")?,
            kind,
        };
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

    /// A listener on a free port of the server.
    pub fn listener(&self) -> TcpListener {
        self.server.listener()
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

    /// Answers all later TCP packets with RST, as some firewalls do.
    ///
    /// # Panics
    ///
    /// When the rule is not accepted.
    pub fn reject(&self) {
        self.rule("meta l4proto tcp counter reject with tcp reset");
    }

    /// Drops three of each ten packets, counted over both directions. At most two packets in a row are
    /// dropped, so the number of times that TCP has to send a segment again has a bound.
    ///
    /// # Panics
    ///
    /// When the rule is not accepted.
    pub fn lose_three_of_ten(&self) {
        self.rule("numgen inc mod 10 { 0, 3, 4 } counter drop");
    }

    /// Limits the rate in both directions, and keeps all packets that wait.
    ///
    /// # Panics
    ///
    /// When the rate is not accepted.
    pub fn slow_down(&self, kilobits: u32) {
        let rate = format!("{kilobits}kbit");
        for interface in ["toclient", "toserver"] {
            #[rustfmt::skip]
            let limited = self.router.run("tc", &[
                "qdisc", "replace", "dev", interface, "root",
                "tbf", "rate", &rate, "burst", "16kb", "limit", "64mb",
            ]);
            limited.expect("a rate");
        }
    }

    /// Lifts the limit of the rate, and discards the packets that wait.
    ///
    /// # Panics
    ///
    /// When there is no limit.
    pub fn speed_up(&self) {
        for interface in ["toclient", "toserver"] {
            let lifted = self.router.run("tc", &["qdisc", "del", "dev", interface, "root"]);
            lifted.expect("a limit");
        }
    }

    /// Sets the client's own interface down, or up again.
    ///
    /// # Panics
    ///
    /// When the interface cannot be set.
    pub fn set_uplink(&self, up: bool) {
        let state = if up { "up" } else { "down" };
        self.client.run("ip", &["link", "set", "uplink", state]).expect("an interface");
        if up {
            // The kernel has removed the route.
            self.client_route().expect("a route");
        }
    }

    /// Makes a NAT forget all connections.
    ///
    /// # Panics
    ///
    /// When the table cannot be flushed.
    pub fn forget(&self) {
        self.router.run("conntrack", &["--flush"]).expect("a table");
    }

    /// Whether a NAT knows a connection.
    ///
    /// # Panics
    ///
    /// When the table cannot be read.
    pub fn is_known(&self) -> bool {
        let table = self.router.run("conntrack", &["--dump", "--proto", "tcp"]).expect("a table");
        table.contains("ESTABLISHED")
    }

    /// Destroys the connected TCP sockets at one end, as an administrator may.
    ///
    /// # Panics
    ///
    /// When there is no such socket.
    pub fn destroy_sockets(&self, end: End) {
        let namespace = match end {
            End::Client => &self.client,
            End::Server => &self.server,
        };
        // Its status is an error for sockets that are not of TCP, so its list of sockets counts.
        let mut ss = namespace.command("ss");
        let killed = ss.args(["--kill", "--tcp", "--no-header"]).output().expect("ss was started");
        assert!(!killed.stdout.is_empty(), "no socket was destroyed: {killed:?}");
    }

    /// Sets the least time after which TCP sends an unacknowledged packet again, at both ends. It is
    /// 200 ms by default, and doubles with each loss of the same packet.
    ///
    /// # Panics
    ///
    /// When the routes cannot be set.
    pub fn retransmit_after(&self, time: Duration) {
        let time = format!("{}ms", time.as_millis());
        for (namespace, router) in [(&self.client, CLIENT_ROUTER), (&self.server, SERVER_ROUTER)] {
            let route = ["route", "replace", "default", "via", router, "rto_min", &time];
            namespace.run("ip", &route).expect("a route");
        }
    }

    /// Forwards all packets again.
    ///
    /// # Panics
    ///
    /// When the rule is not accepted.
    pub fn heal(&self) {
        self.rule(self.kind.rule());
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
        self.router.address("toclient", &format!("{CLIENT_ROUTER}/24"))?;
        self.server.address("uplink", &format!("{}/24", Self::SERVER))?;
        self.router.address("toserver", &format!("{SERVER_ROUTER}/24"))?;
        self.client_route()?;
        self.server.run("ip", &["route", "add", "default", "via", SERVER_ROUTER])?;
        self.router.set("ipv4/ip_forward", 1)
    }

    fn client_route(&self) -> Result<(), String> {
        self.client.run("ip", &["route", "add", "default", "via", CLIENT_ROUTER])?;
        Ok(())
    }

    fn translate(&self, limit: Duration) -> Result<(), String> {
        // A packet in the middle of a connection does not begin a connection.
        self.router.set("netfilter/nf_conntrack_tcp_loose", 0)?;
        self.router.set("netfilter/nf_conntrack_tcp_timeout_established", limit.as_secs())?;
        self.nft(
            "table ip translation {
                 chain out {
                     type nat hook postrouting priority srcnat;
                     oifname toserver masquerade
                 }
                 chain unknown {
                     type filter hook input priority 0; policy accept;
                     iifname toserver meta l4proto tcp drop
                 }
             }",
        );
        Ok(())
    }

    fn rule(&self, rule: &str) {
        self.nft(&format!(
            "table inet path
             delete table inet path
             table inet path {{
                 chain through {{
                     type filter hook forward priority 0; policy accept;
                     {rule}
                 }}
             }}"
        ));
    }

    fn nft(&self, rules: &str) {
        let mut nft = self.router.command("nft");
        let mut child =
            nft.args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft was started before");
        child.stdin.take().expect("a piped stdin").write_all(rules.as_bytes()).expect("a reader");
        assert!(child.wait().expect("wait for a child").success(), "nft refused {rules:?}");
    }
}

/// The router's addresses.
const CLIENT_ROUTER: &str = "192.0.2.1";
const SERVER_ROUTER: &str = "198.51.100.1";
