//! [`Fleet`]: workers as processes.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use async_nats::jetstream;
use rustix::process::Signal;
use tempfile::TempDir;

use super::{
    account::{Account, Owner, What},
    judge::Loss,
    plan::Plan,
    process::Process,
    time::{now, secs, wait_for},
};

/// The workers of a fleet. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Fleet {
    workers: BTreeMap<String, Process>,
    servers: Vec<String>,
    pub(crate) plan: Plan,
    pub(crate) context: jetstream::Context,
    // Dropped last: a test that fails prints the logs.
    folder: TempDir,
}

impl Fleet {
    /// The program with the workers.
    pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_wsbeat-relay");

    /// Makes the stream and the buckets by `wsbeat-relay init`. `servers` are URLs of NATS.
    pub(crate) fn new(servers: Vec<String>, context: jetstream::Context, plan: Plan) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fleet = Self { folder, servers, plan, context, workers: BTreeMap::new() };
        fleet.configure("init");
        let output = fleet.run(&["init"]);
        assert!(output.status.success(), "init failed: {}", text(&output.stderr));
        fleet
    }

    /// Starts workers.
    pub(crate) fn start(&mut self, workers: &[&str]) {
        for worker in workers {
            let mut command = Command::new(Self::PROGRAM);
            self.start_by(worker, &mut command);
        }
    }

    /// Starts a worker by this program, or by one that starts it. The arguments are added.
    pub(crate) fn start_by(&mut self, worker: &str, command: &mut Command) {
        let config = self.configure(worker);
        let log = self.log(worker);
        command.args(["run", "--config"]).arg(config);
        let before = self.workers.insert(worker.to_owned(), Process::start(worker, command, log));
        assert!(before.is_none(), "worker {worker} runs already");
    }

    /// Kills a worker by SIGKILL.
    pub(crate) fn kill(&mut self, worker: &str) -> Loss {
        let mut process = self.workers.remove(worker).expect("it runs");
        let at = now();
        process.kill();
        Loss { worker: worker.to_owned(), at }
    }

    /// Sends a signal to a worker.
    pub(crate) fn signal(&mut self, worker: &str, signal: Signal) {
        self.workers.get_mut(worker).expect("it runs").signal(signal);
    }

    /// Stops a worker by SIGSTOP.
    pub(crate) fn freeze(&mut self, worker: &str) -> Loss {
        let at = now();
        self.signal(worker, Signal::STOP);
        Loss { worker: worker.to_owned(), at }
    }

    /// Waits until a worker ends by itself.
    pub(crate) async fn end(&mut self, worker: &str, limit: Duration) -> ExitStatus {
        let mut process = self.workers.remove(worker).expect("it runs");
        process.end(limit).await
    }

    /// The status of a worker that has ended by itself.
    pub(crate) fn has_ended(&mut self, worker: &str) -> Option<ExitStatus> {
        self.workers.get_mut(worker).expect("it was started").has_ended()
    }

    /// The process of a worker that runs.
    pub(crate) fn process(&self, worker: &str) -> &Process {
        &self.workers[worker]
    }

    /// Runs a command of the program to its end, with the configuration of the fleet.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(Self::PROGRAM);
        command.args(arguments).arg("--config").arg(self.folder.path().join("init.toml"));
        command.stdin(Stdio::null()).output().expect("the program starts")
    }

    /// How many errors the workers have logged.
    pub(crate) fn errors(&self) -> usize {
        let lines = self.workers.keys().flat_map(|worker| self.lines(worker));
        lines.filter(|line| line["level"] == "ERROR").count()
    }

    /// The lines of a worker's log, as JSON. Earlier processes of this worker are included.
    pub(crate) fn lines(&self, worker: &str) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.log(worker)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until a worker that runs owns each subscription and slot, and each subscription has data
    /// that are newer than its owners.
    pub(crate) async fn settled(&self, limit: Duration) -> BTreeMap<(String, u8), Owner> {
        let owners = self.owned(limit).await;
        wait_for("data of all subscriptions", limit, || async {
            let newest = Account::newest(&self.context).await;
            let has_data = |((name, _), owner): (&(String, u8), &Owner)| {
                let entries = newest.subscriptions.get(name)?;
                let is_new = |entry: &&super::account::Entry| {
                    matches!(entry.what, What::Data { received, .. } if received > owner.since)
                };
                entries.iter().find(is_new)
            };
            owners.iter().all(|owner| has_data(owner).is_some()).then_some(())
        })
        .await;
        owners
    }

    /// Waits until a worker that runs owns each subscription and slot.
    pub(crate) async fn owned(&self, limit: Duration) -> BTreeMap<(String, u8), Owner> {
        let slots = self.plan.slots();
        wait_for("owners of all subscriptions", limit, || async {
            let owners = Account::owners(&self.context).await.present_owners();
            let lives = |slot: &(String, u8)| {
                owners.get(slot).is_some_and(|owner| self.workers.contains_key(&owner.worker))
            };
            slots.iter().all(lives).then_some(owners)
        })
        .await
    }

    /// Waits until no owner has changed for this time.
    pub(crate) async fn quiet(&self, time: Duration, limit: Duration) {
        wait_for("end of the moves", limit, || async {
            let owners = self.owned(secs(60)).await;
            let newest = owners.values().map(|owner| owner.since).max().unwrap_or(0);
            (now().saturating_sub(newest) > time.as_nanos() as u64).then_some(())
        })
        .await;
    }

    /// Writes the configuration of a worker.
    fn configure(&self, worker: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{worker}.toml"));
        fs::write(&file, self.plan.toml(&self.servers, worker)).expect("a configuration");
        file
    }

    fn log(&self, worker: &str) -> PathBuf {
        self.folder.path().join(format!("{worker}.log"))
    }
}

/// The output of a program.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
