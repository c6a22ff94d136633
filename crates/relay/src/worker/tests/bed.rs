//! A fleet in virtual time: workers, an engine in memory, and upstreams that number their messages.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};
use websocket_heartbeat_mock::{Clock, Peer, Remote, Script, mock};
use websocket_heartbeat_tokio::{
    Attempts, Exponential, Heartbeat, InboxSettings, Message, Supervisor, TokioTimer,
};

use crate::{
    engine::memory::World,
    fleet,
    record::{Bucket, Names, Stamp, unix_now},
    session::{Resume, Rules, Upstream, Values},
    worker::{End, Group, Opened, Settings, Source, Wish, run},
};

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A fleet with its engine and its upstreams.
pub(super) struct Bed {
    pub(super) world: World,
    pub(super) names: Arc<Names>,
    pub(super) nodes: Vec<Node>,
    pub(super) max_message: usize,
    pub(super) blocks: u32,
    upstreams: Upstreams,
    clock: Clock,
    incarnations: u64,
}

/// A worker.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) link: usize,
    pub(super) task: JoinHandle<End>,
    pub(super) drain: mpsc::Sender<()>,
    pub(super) is_running: bool,
}

/// The servers of all subscriptions.
#[derive(Clone, Default)]
pub(super) struct Upstreams(Arc<Mutex<BTreeMap<String, Feed>>>);

/// The server of one subscription. It sends each number to all connections.
#[derive(Default)]
pub(super) struct Feed {
    /// The link of the worker, and its transport.
    pub(super) remotes: Vec<(usize, Remote)>,
    pub(super) sent: Vec<(u64, Stamp)>,
    /// Numbers in messages that are too large.
    pub(super) large: BTreeSet<u64>,
    /// It refuses attempts.
    pub(super) is_down: bool,
    /// It sends nothing.
    pub(super) is_paused: bool,
    /// Resumed sessions: the values with which each began.
    pub(super) values: Vec<Option<Values>>,
    next: u64,
}

impl Feed {
    fn peers(&self) -> impl Iterator<Item = (usize, Peer)> {
        let peers =
            self.remotes.iter().filter_map(|(link, remote)| Some((*link, remote.last_peer()?)));
        peers.filter(|(_, peer)| peer.alive())
    }

    /// Sends the next number, in a message with this many further bytes.
    pub(super) fn tick(&mut self, filler: usize) {
        self.next += 1;
        let text = if filler == 0 {
            format!(r#"{{"seq":{}}}"#, self.next)
        } else {
            format!(r#"{{"seq":{},"filler":"{}"}}"#, self.next, "x".repeat(filler))
        };
        self.sent.push((self.next, unix_now()));
        self.peers().for_each(|(_, peer)| peer.send(text.as_str()));
    }
}

impl Upstreams {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Feed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bed {
    pub(super) fn new() -> Self {
        let clock = Clock::new();
        tokio::spawn(clock.follow(TokioTimer::new()));
        Self {
            world: World::default(),
            names: Arc::new(Names::new("test")),
            nodes: Vec::new(),
            max_message: 1 << 20,
            blocks: 16,
            upstreams: Upstreams::default(),
            clock,
            incarnations: 0,
        }
    }

    /// A fleet of this many workers that owns all subscriptions, after ten seconds.
    pub(super) async fn with(workers: usize, subscriptions: &[(&str, &str)]) -> Self {
        Self::with_blocks(16, workers, subscriptions).await
    }

    pub(super) async fn with_blocks(
        blocks: u32,
        workers: usize,
        subscriptions: &[(&str, &str)],
    ) -> Self {
        let mut bed = Self::new();
        bed.blocks = blocks;
        for (name, wish) in subscriptions {
            bed.subscribe(name, wish, ms(100));
        }
        for index in 0..workers {
            bed.start(&format!("worker-{index}"));
        }
        sleep(secs(10)).await;
        bed
    }

    /// Wants a subscription, whose upstream sends a number in each period.
    pub(super) fn subscribe(&self, name: &str, wish: &str, period: Duration) {
        self.wish(name, Some(wish));
        self.upstreams.lock().insert(name.to_owned(), Feed::default());
        let (upstreams, name) = (self.upstreams.clone(), name.to_owned());
        tokio::spawn(async move {
            loop {
                sleep(period).await;
                let mut feeds = upstreams.lock();
                let feed = feeds.get_mut(&name).expect("it stays");
                if !feed.is_paused {
                    feed.tick(0);
                }
            }
        });
    }

    pub(super) fn wish(&self, name: &str, wish: Option<&str>) {
        let value = wish.map(|wish| Bytes::from(wish.to_owned()));
        self.world.set(Bucket::Wishes, name, value);
    }

    /// Starts a worker, and returns its index.
    pub(super) fn start(&mut self, name: &str) -> usize {
        self.incarnations += 1;
        let engine = self.world.connect();
        let link = engine.link();
        let source =
            TestSource { upstreams: self.upstreams.clone(), clock: self.clock.clone(), link };
        let settings = Settings {
            worker: fleet::Worker { name: name.to_owned(), incarnation: self.incarnations },
            weight: 1,
            blocks: self.blocks,
            times: fleet::Settings::default(),
            max_message: self.max_message,
            health: watch::Sender::default(),
        };
        let (drain, drains) = mpsc::channel(1);
        let (start, offset) = (Instant::now(), secs(1_000 * self.incarnations));
        let clock = move || offset + start.elapsed();
        let names = Arc::clone(&self.names);
        let task = tokio::spawn(run(engine, Arc::new(source), names, settings, clock, drains));
        let name = name.to_owned();
        self.nodes.push(Node { name, link, task, drain, is_running: true });
        self.nodes.len() - 1
    }

    /// The process of a worker dies.
    pub(super) fn kill(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.is_running = false;
        node.task.abort();
        self.world.kill(node.link);
        // The sockets of a dead process are closed.
        for feed in self.upstreams.lock().values_mut() {
            feed.remotes.retain(|(link, _)| *link != node.link);
        }
    }

    /// The server of a subscription.
    pub(super) fn feed<T>(&self, name: &str, change: impl FnOnce(&mut Feed) -> T) -> T {
        change(self.upstreams.lock().get_mut(name).expect("a subscription"))
    }

    /// Waits until the upstream has just sent a number.
    pub(super) async fn number_sent(&self, name: &str) {
        let count = || self.feed(name, |feed| feed.sent.len());
        let before = count();
        while count() == before {
            sleep(ms(1)).await;
        }
    }

    /// All connections of a subscription, with the indexes of their workers.
    pub(super) fn peers(&self, name: &str) -> Vec<(usize, Peer)> {
        let peers: Vec<_> = self.feed(name, |feed| feed.peers().collect());
        let index = |link| self.nodes.iter().position(|node| node.link == link).expect("a worker");
        peers.into_iter().map(|(link, peer)| (index(link), peer)).collect()
    }

    /// The worker that has the only connection of a subscription.
    pub(super) fn owner(&self, name: &str) -> usize {
        let peers = self.peers(name);
        assert_eq!(peers.len(), 1, "one connection: {peers:?}");
        peers[0].0
    }

    /// The upstreams send nothing more, and everything gets to its end.
    pub(super) async fn settle(&self) {
        sleep(secs(25)).await;
        self.upstreams.lock().values_mut().for_each(|feed| feed.is_paused = true);
        sleep(secs(5)).await;
    }
}

/// Sessions with the upstreams of the bed. A wish is JSON.
struct TestSource {
    upstreams: Upstreams,
    clock: Clock,
    link: usize,
}

impl Source for TestSource {
    fn wish(&self, name: &str, value: &Bytes) -> Result<Wish, String> {
        let wish: Value = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        let group = match wish["kind"].as_str() {
            Some("twice") => Group::Twice,
            Some("exclusive" | "resume") => Group::Exclusive,
            _ => Group::Overlap,
        };
        let resumes = wish["kind"] == "resume";
        Ok(Wish { name: name.into(), group, resumes, value: value.clone() })
    }

    fn open(&self, wish: &Wish, values: Option<Values>, inbox: usize) -> Result<Opened, String> {
        let settings: Value = serde_json::from_slice(&wish.value).expect("it was read before");
        if settings["broken"] == true {
            return Err("it is broken".to_owned());
        }
        let (transport, remote) = mock(&self.clock);
        let (upstreams, name) = (self.upstreams.clone(), wish.name.to_string());
        let greets = settings["greets"] == true;
        remote.script(move |_| {
            let is_down = upstreams.lock().get(&name).is_some_and(|feed| feed.is_down);
            match (is_down, greets) {
                (true, _) => Script::refuse_connection(),
                (false, true) => Script::accept().greet(r#"{"subscribed":true}"#),
                (false, false) => Script::accept(),
            }
        });
        if let Some(feed) = self.upstreams.lock().get_mut(&*wish.name) {
            feed.remotes.push((self.link, remote));
            feed.values.push(values.clone());
        }
        let backoff = Exponential::new().base(ms(500)).seed(1);
        let mut builder = Supervisor::builder(transport, TokioTimer::new())
            .backoff(backoff)
            .heartbeat(Heartbeat::idle(secs(15)).ping().timeout(secs(10)));
        if settings["attempts"] == 1 {
            builder = builder.attempts(Attempts::at_most(1));
        }
        let supervisor = builder.build().map_err(|error| error.to_string())?;
        let handle = supervisor.handle();
        let messages = settings["inbox"].as_u64().unwrap_or(1_000) as usize;
        let mut bounds = InboxSettings::new(messages).bytes(inbox);
        if settings["drop_oldest"] == true {
            bounds = bounds.drop_oldest();
        }
        let (driver, inbox) = supervisor.into_driver(bounds).map_err(|error| error.to_string())?;
        let has_ids = settings["ids"] != false;
        let resumes = settings["kind"] == "resume";
        let rules = Rules {
            id: Box::new(move |message| {
                let number = has_ids.then(|| number(message)).flatten();
                number.map(|number| format!("i:{number}"))
            }),
            drop_without_id: settings["without_id"] == "drop",
            counts_all: !has_ids,
            is_exclusive: settings["kind"] == "exclusive",
            ready_when_open: settings["ready"] == "open",
            stop_when_too_large: settings["oversize"] == "stop",
            resume: resumes.then(|| Box::new(Numbers(values.unwrap_or_default())) as _),
            commands: settings["commands"] == true,
            resend: settings["resend"].as_u64().unwrap_or(0) as u32,
        };
        let driver = Box::pin(driver);
        Ok(Opened { rules, upstream: Upstream { handle, inbox }, driver })
    }
}

/// Keeps the last number.
struct Numbers(Values);

impl Resume for Numbers {
    fn read(&mut self, _: u64, message: &Message) -> Option<Arc<Values>> {
        self.0.insert("seq".to_owned(), number(message)?.to_string());
        Some(Arc::new(self.0.clone()))
    }
}

fn number(message: &Message) -> Option<u64> {
    super::judge::number_in(message.as_text()?)
}
