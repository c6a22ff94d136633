//! What each run has for itself: servers, an upstream, and the program that is measured.

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    bed::{
        cluster::Cluster,
        fleet::Fleet,
        plan::{GROUP, Kind, Plan},
        process::Process,
        time::{secs, wait_for},
    },
    pairs::{self, Job},
};

/// A program that moves messages of the upstream into the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Relay,
    Rust,
    Python,
    Node,
}

impl Program {
    pub(crate) const ALL: [Self; 4] = [Self::Relay, Self::Rust, Self::Python, Self::Node];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    /// The loop written by hand.
    fn by_hand(self) -> Result<Command, String> {
        match self {
            Self::Relay => Err("it is not written by hand".to_owned()),
            Self::Rust => {
                let mut command = this_program();
                command.arg("by-hand");
                Ok(command)
            }
            Self::Python => pairs::python(),
            Self::Node => pairs::node(),
        }
    }
}

fn this_program() -> Command {
    Command::new(env::current_exe().expect("a path"))
}

/// Dropping it ends all processes.
#[derive(Debug)]
pub(crate) struct Site {
    // Dropped in this order.
    loop_by_hand: Option<Process>,
    pub(crate) fleet: Fleet,
    hose: Process,
    pub(crate) cluster: Cluster,
    _folder: TempDir,
}

impl Site {
    /// Starts everything, and waits until messages are stored.
    pub(crate) async fn start(
        program: Program,
        subscriptions: usize,
        rate: u64,
        servers: usize,
    ) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let cluster = Cluster::start(servers).await.map_err(|skip| skip.to_string())?;
        let (hose, upstream) = start_hose(folder.path().join("hose.log"), rate).await;
        let plan = Plan::new(servers);
        let plan =
            plan.subscribe(Kind::Overlap, subscriptions, &format!("ws://{upstream}/{{{{name}}}}"));
        let names = plan.names().cloned().collect();
        let mut fleet = Fleet::new(cluster.urls(), cluster.jetstream().await, plan);
        let loop_by_hand = if program == Program::Relay {
            fleet.start(&["a"]);
            None
        } else {
            let nats = cluster.urls().swap_remove(0);
            let job = Job { nats, upstream, group: GROUP.to_owned(), names };
            let mut command = program.by_hand()?;
            let log = folder.path().join("loop.log");
            Some(Process::start(program.name(), job.pass(&mut command), log))
        };
        let site = Self { loop_by_hand, fleet, hose, cluster, _folder: folder };
        wait_for("messages of all subscriptions", secs(60), || async {
            (site.subjects().await >= subscriptions).then_some(())
        })
        .await;
        Ok(site)
    }

    /// The process of the program.
    pub(crate) fn process(&self) -> &Process {
        self.loop_by_hand.as_ref().unwrap_or_else(|| self.fleet.process("a"))
    }

    /// The number of subscriptions that have messages.
    async fn subjects(&self) -> usize {
        let count = async {
            let stream = self.fleet.context.get_stream(format!("WSB_{GROUP}")).await.ok()?;
            let subjects = stream.info_with_subjects(format!("wsb.{GROUP}.in.*")).await.ok()?;
            Some(futures::StreamExt::count(subjects).await)
        };
        count.await.unwrap_or_default()
    }

    /// The entries that were ever stored.
    async fn stored(&self) -> u64 {
        wait_for("state of the stream", secs(10), || async {
            let stream = self.fleet.context.get_stream(format!("WSB_{GROUP}")).await.ok()?;
            Some(stream.cached_info().state.last_sequence)
        })
        .await
    }

    pub(crate) async fn look(&self) -> Look {
        let processes = BTreeMap::from([
            ("program", self.process().cpu()),
            ("server", self.cluster.process(0).cpu()),
            ("upstream", self.hose.cpu()),
        ]);
        Look { at: Instant::now(), stored: self.stored().await, cpu: processes }
    }
}

async fn start_hose(log: PathBuf, rate: u64) -> (Process, String) {
    let process = Process::start("hose", this_program().args(["hose", &rate.to_string()]), log);
    let address = wait_for("address of the upstream", secs(10), || async {
        process.output().lines().next().map(str::to_owned)
    })
    .await;
    (process, address)
}

/// What has happened until a moment.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    pub(crate) stored: u64,
    /// The processor time of the processes.
    pub(crate) cpu: BTreeMap<&'static str, Duration>,
}

impl Look {
    /// The messages a second since an earlier look.
    pub(crate) fn rate(&self, before: &Self) -> f64 {
        (self.stored - before.stored) as f64 / (self.at - before.at).as_secs_f64()
    }

    /// The seconds of the processor for a million messages.
    pub(crate) fn cpu(&self, before: &Self, process: &'static str) -> f64 {
        let time = self.cpu[process] - before.cpu[process];
        time.as_secs_f64() * 1e6 / (self.stored - before.stored).max(1) as f64
    }
}
