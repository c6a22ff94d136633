//! [`Place`]: a nats-server with a configuration of its own, a folder, and the program.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use async_nats::jetstream;
use futures::StreamExt;
use tempfile::TempDir;
use tokio::{net::TcpSocket, time::timeout};

use crate::bed::{
    fleet::Fleet,
    process::Process,
    skip::Skip,
    software,
    time::{secs, wait_for},
};

/// The longest time of a step, on a machine that is busy.
pub(crate) const LIMIT: Duration = secs(60);

/// A server, which may not run yet, and the files of a test.
#[derive(Debug)]
pub(crate) struct Place {
    server: Option<Process>,
    address: SocketAddr,
    // No other program gets the port.
    _socket: TcpSocket,
    // Dropped last: a test that fails prints the logs.
    folder: TempDir,
}

/// What a command of the program has left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Place {
    /// Starts a server with further lines of configuration.
    pub(crate) async fn start(lines: &str) -> Result<Self, Skip> {
        let mut place = Self::new()?;
        place.begin(lines).await;
        Ok(place)
    }

    /// No server runs.
    pub(crate) fn new() -> Result<Self, Skip> {
        software::nats_server()?;
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option of sockets");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let address = socket.local_addr().expect("it is bound");
        let folder = tempfile::tempdir().expect("a folder");
        Ok(Self { server: None, address, _socket: socket, folder })
    }

    /// Starts the server, and waits until it is ready.
    pub(crate) async fn begin(&mut self, lines: &str) {
        let data = self.path("data");
        let text = format!(
            "listen: \"{}\"\njetstream {{ store_dir: \"{}\", max_file_store: 8GB }}\n{lines}\n",
            self.address,
            data.display()
        );
        let file = self.write("nats.conf", &text);
        // That of an earlier start also says that it is ready.
        let _ = fs::remove_file(self.path("nats.log"));
        let mut command = Command::new(software::nats_server().expect("installed before"));
        command.arg("--config").arg(file).current_dir(self.folder.path());
        self.server = Some(Process::start("nats-server", &mut command, self.path("nats.log")));
        let server = &self.server;
        wait_for("server", LIMIT, || async {
            let log = server.as_ref().map(Process::output).unwrap_or_default();
            log.contains("Server is ready").then_some(())
        })
        .await;
    }

    /// The process of the server.
    pub(crate) fn server(&mut self) -> &mut Process {
        self.server.as_mut().expect("it runs")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// A configuration with further lines in the table `[nats]`, and further tables.
    pub(crate) fn configure(&self, worker: &str, nats: &str, tables: &str) {
        let servers = format!("servers = [\"nats://{}\"]", self.address);
        let servers = if nats.contains("servers") { "" } else { &servers };
        // The default is more than the server has.
        let stream = "[stream]\nmax_bytes = \"1GiB\"\n";
        let stream = if tables.contains("[stream]") { "" } else { stream };
        let text = format!(
            "[nats]\n{servers}\ngroup = \"bed\"\n{nats}\n[worker]\nid = \"{worker}\"\n\
             metrics = \"off\"\ndrain_timeout = \"5s\"\n{stream}{tables}\n"
        );
        self.write(&format!("{worker}.toml"), &text);
    }

    /// Runs a command of the program with the configuration of this worker.
    pub(crate) async fn run(&self, worker: &str, arguments: &[&str]) -> Outcome {
        let mut command = self.program(worker, arguments);
        command.stdin(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        let output = timeout(LIMIT, command.kill_on_drop(true).output()).await;
        let output = output.unwrap_or_else(|_| panic!("{arguments:?} does not end"));
        let output = output.expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let outcome = Outcome {
            code: output.status.code(),
            out: text(&output.stdout),
            error: text(&output.stderr),
        };
        println!("{arguments:?}: {outcome:?}");
        outcome
    }

    /// The same for one that must succeed. Returns its output.
    pub(crate) async fn done(&self, worker: &str, arguments: &[&str]) -> String {
        let outcome = self.run(worker, arguments).await;
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome.out
    }

    /// A command that is not started yet.
    pub(crate) fn program(&self, worker: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(Fleet::PROGRAM);
        command.args(arguments).current_dir(self.folder.path());
        command.env("WSBEAT_RELAY_CONFIG", format!("{worker}.toml"));
        command
    }

    /// Starts a worker.
    pub(crate) fn worker(&self, name: &str) -> Process {
        self.worker_by(name, &mut self.program(name, &["run"]))
    }

    pub(crate) fn worker_by(&self, name: &str, command: &mut Command) -> Process {
        Process::start(name, command, self.path(&format!("{name}.log")))
    }

    /// A client, of a server that needs no authentication or with these options.
    pub(crate) async fn client(&self, options: async_nats::ConnectOptions) -> jetstream::Context {
        let client = options.connect(format!("nats://{}", self.address)).await;
        let mut context = jetstream::new(client.expect("the server runs"));
        context.set_timeout(secs(10));
        context
    }

    pub(crate) async fn admin(&self) -> jetstream::Context {
        self.client(async_nats::ConnectOptions::new()).await
    }
}

/// Waits until the output of a process has this text.
pub(crate) async fn says(process: &Process, text: &str) {
    wait_for(text, LIMIT, || async { process.output().contains(text).then_some(()) }).await;
}

impl Outcome {
    /// It failed with this code, and its error has these texts.
    pub(crate) fn assert_failed(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in texts {
            assert!(self.error.contains(text), "no {text:?} in {self:?}");
        }
    }
}

/// A message of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) headers: async_nats::HeaderMap,
    pub(crate) payload: bytes::Bytes,
}

impl Stored {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.as_str())
    }

    /// A record as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }
}

/// What a stream has with this subject now, in its order. Empty without a stream.
pub(crate) async fn stored(context: &jetstream::Context, subject: &str) -> Vec<Stored> {
    let read = async {
        let stream = context.get_stream("WSB_bed").await.ok()?;
        let settings = jetstream::consumer::pull::OrderedConfig {
            filter_subject: subject.to_owned(),
            ..Default::default()
        };
        let consumer = stream.create_consumer(settings).await.ok()?;
        let count = usize::try_from(consumer.cached_info().num_pending).ok()?;
        let messages = consumer.messages().await.ok()?.take(count);
        let stored = messages.map(|message| {
            let message = message.expect("it is stored").message;
            let headers = message.headers.unwrap_or_default();
            Stored { headers, payload: message.payload }
        });
        Some(stored.collect().await)
    };
    timeout(LIMIT, read).await.expect("the server answers").unwrap_or_default()
}

/// Waits until so many messages have this subject.
pub(crate) async fn wait_for_stored(
    context: &jetstream::Context,
    subject: &str,
    count: usize,
) -> Vec<Stored> {
    let what = format!("{count} of {subject}");
    wait_for(&what, LIMIT, || async {
        let stored = stored(context, subject).await;
        (stored.len() >= count).then_some(stored)
    })
    .await
}
