//! [`Cluster`]: nats-servers with JetStream on free ports of this machine.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::Duration,
};

use async_nats::jetstream;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{
    process::Process,
    skip::Skip,
    software,
    time::{secs, wait_for},
};

/// One server, or several in a cluster. Dropping it kills them and removes their data.
#[derive(Debug)]
pub(crate) struct Cluster {
    servers: Vec<Server>,
    // Dropped last: a test that fails prints the logs.
    folder: TempDir,
}

#[derive(Debug)]
struct Server {
    name: String,
    client: Reserved,
    monitor: Reserved,
    route: Reserved,
    process: Option<Process>,
}

/// A port that no other program gets, since a socket is bound to it. A server that asks for it gets it.
#[derive(Debug)]
struct Reserved {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Cluster {
    /// Starts so many servers on the loopback interface, and waits until JetStream is ready.
    pub(crate) async fn start(servers: usize) -> Result<Self, Skip> {
        Self::start_at(servers, Ipv4Addr::LOCALHOST.into()).await
    }

    /// The same on this address.
    pub(crate) async fn start_at(servers: usize, host: IpAddr) -> Result<Self, Skip> {
        software::nats_server()?;
        let folder = tempfile::tempdir().expect("a folder");
        let servers = (0..servers).map(|index| Server::new(index, host)).collect();
        let mut cluster = Self { folder, servers };
        cluster.configure();
        for index in 0..cluster.servers.len() {
            cluster.begin(index);
        }
        cluster.ready(secs(60)).await;
        Ok(cluster)
    }

    /// The URLs of all servers, also of those that do not run.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("nats://{}", server.client.address)).collect()
    }

    /// The ports for clients.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.servers.iter().map(|server| server.client.address.port()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// A client of JetStream that connects to any server that runs.
    pub(crate) async fn jetstream(&self) -> jetstream::Context {
        let options = async_nats::ConnectOptions::new()
            .retry_on_initial_connect()
            .reconnect_delay_callback(|_| Duration::from_millis(50))
            .ignore_discovered_servers();
        let client = options.connect(self.urls()).await.expect("a server runs");
        let mut context = jetstream::new(client);
        context.set_timeout(secs(5));
        context
    }

    /// Starts a server that was stopped, on its data.
    pub(crate) fn begin(&mut self, index: usize) {
        let mut command = Command::new(software::nats_server().expect("installed before"));
        let server = &mut self.servers[index];
        command.arg("--config").arg(self.folder.path().join(format!("{}.conf", server.name)));
        let log = self.folder.path().join(format!("{}.log", server.name));
        server.process = Some(Process::start(&server.name, &mut command, log));
    }

    /// Kills a server by SIGKILL.
    pub(crate) fn kill(&mut self, index: usize) {
        self.servers[index].process = None;
    }

    /// Lets a server hand over its tasks and its clients, and waits for its end.
    pub(crate) async fn lame_duck(&mut self, index: usize) {
        let process = self.servers[index].process.as_mut().expect("it runs");
        process.signal(Signal::USR2);
        process.end(secs(60)).await;
        self.servers[index].process = None;
    }

    /// The process of a server that runs.
    pub(crate) fn process(&self, index: usize) -> &Process {
        self.servers[index].process.as_ref().expect("it runs")
    }

    /// Waits until all servers that run say that they are healthy: all their streams are complete.
    pub(crate) async fn ready(&self, limit: Duration) {
        for server in self.servers.iter().filter(|server| server.process.is_some()) {
            let what = format!("health of {}", server.name);
            wait_for(&what, limit, || async {
                let health = http_get(server.monitor.address, "/healthz").await;
                health.is_ok_and(|(status, _)| status == 200).then_some(())
            })
            .await;
        }
    }

    /// The leader of a stream. The stream of a bucket is `KV_` and its name.
    pub(crate) async fn leader(&self, context: &jetstream::Context, stream: &str) -> usize {
        wait_for("leader", secs(60), || async {
            let stream = context.get_stream(stream).await.ok()?;
            let cluster = stream.cached_info().cluster.as_ref()?;
            self.index(cluster.leader.as_deref()?)
        })
        .await
    }

    /// The leader of the cluster's metadata.
    pub(crate) async fn meta_leader(&self) -> usize {
        wait_for("leader of the metadata", secs(60), || async {
            for server in self.servers.iter().filter(|server| server.process.is_some()) {
                let Ok((_, body)) = http_get(server.monitor.address, "/jsz").await else {
                    continue;
                };
                let body: serde_json::Value = serde_json::from_str(&body).ok()?;
                let leader = body.pointer("/meta_cluster/leader")?.as_str()?;
                if let Some(index) = self.index(leader) {
                    return Some(index);
                }
            }
            None
        })
        .await
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.servers.iter().position(|server| server.name == name && server.process.is_some())
    }

    /// Writes the configuration of each server.
    fn configure(&self) {
        let routes: Vec<_> = self
            .servers
            .iter()
            .map(|server| format!("\"nats-route://{}\"", server.route.address))
            .collect();
        for server in &self.servers {
            let data = self.folder.path().join(&server.name);
            let mut text = server.configuration(&data);
            if self.servers.len() > 1 {
                let (listen, routes) = (server.route.address, routes.join(", "));
                text +=
                    &format!("cluster {{ name: bed, listen: \"{listen}\", routes: [{routes}] }}\n");
            }
            let file = self.folder.path().join(format!("{}.conf", server.name));
            fs::write(file, text).expect("a configuration");
        }
    }
}

impl Server {
    fn new(index: usize, host: IpAddr) -> Self {
        Self {
            name: format!("n{index}"),
            client: Reserved::new(host),
            monitor: Reserved::new(host),
            route: Reserved::new(host),
            process: None,
        }
    }

    fn configuration(&self, data: &Path) -> String {
        format!(
            "server_name: {}
             listen: \"{}\"
             http: \"{}\"
             # The least that the server accepts. It closes a client a second.
             lame_duck_duration: \"30s\"
             lame_duck_grace_period: \"1s\"
             jetstream {{
                 store_dir: \"{}\"
                 max_memory_store: 256MB
                 max_file_store: 8GB
             }}\n",
            self.name,
            self.client.address,
            self.monitor.address,
            data.display(),
        )
    }
}

impl Reserved {
    fn new(host: IpAddr) -> Self {
        let socket = if host.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
            .expect("a socket");
        socket.set_reuseaddr(true).expect("an option of sockets");
        socket.bind((host, 0).into()).expect("a free port");
        Self { address: socket.local_addr().expect("it is bound"), _socket: socket }
    }
}

/// The status and the body of an answer over HTTP, within 2 s.
pub(crate) async fn http_get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no answer of HTTP"))?;
        Ok((status, body.to_owned()))
    };
    timeout(secs(2), exchange).await.map_err(|_| io::ErrorKind::TimedOut)?
}
