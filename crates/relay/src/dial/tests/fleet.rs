//! Workers with sessions that all want to connect, and their store, in virtual time.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;
use websocket_heartbeat_mock::{Clock, MockTimer, Remote, Runner, Script, Task, mock};
use websocket_heartbeat_tokio::{DialBudget, Heartbeat, Supervisor, Timer, Timestamp};

use super::{NOW, SECOND};
use crate::{
    dial::{Entry, Feeder, Gcra, Store, record},
    fleet::Written,
};

const KEY: &str = "feed.example.org";

/// A store with answers after 2 to 20 ms.
#[derive(Clone)]
struct FakeStore {
    state: Arc<Mutex<State>>,
    timer: MockTimer,
    worker: usize,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    fault: Fault,
    calls: u64,
    /// The number of successful writes of each worker.
    writes: [usize; 3],
    refusals: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Fault {
    #[default]
    None,
    Refuses,
    Silent,
    /// Writes are stored and their answers are lost.
    LosesAnswers,
}

impl FakeStore {
    async fn travel(&self) {
        let wait = {
            let mut state = self.state.lock().unwrap();
            state.calls += 1;
            // Spread, and the same in each run.
            1 + state.calls.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 10
        };
        self.timer.sleep(Duration::from_millis(wait)).await;
    }

    async fn answer<T>(&self, value: T) -> Result<T, &'static str> {
        self.travel().await;
        let fault = self.state.lock().unwrap().fault;
        match fault {
            Fault::None => Ok(value),
            Fault::Refuses => Err("no stream leader"),
            Fault::Silent | Fault::LosesAnswers => std::future::pending().await,
        }
    }
}

impl Store for FakeStore {
    type Error = &'static str;

    async fn read(&self, key: &str) -> Result<Option<Entry>, &'static str> {
        self.travel().await;
        let entry = self.state.lock().unwrap().entries.get(key).cloned();
        self.answer(entry).await
    }

    async fn write(&self, key: &str, value: Vec<u8>, after: u64) -> Result<Written, &'static str> {
        self.travel().await;
        let written = {
            let mut state = self.state.lock().unwrap();
            let revision = state.entries.get(key).map_or(0, |entry| entry.revision);
            if !matches!(state.fault, Fault::None | Fault::LosesAnswers) || revision != after {
                state.refusals += 1;
                Written::Refused
            } else {
                let revision = after + 1;
                state.entries.insert(key.to_owned(), Entry { value, revision });
                state.writes[self.worker] += 1;
                Written::Stored(revision)
            }
        };
        self.answer(written).await
    }
}

/// Three workers and their sessions.
struct Fleet {
    clock: Clock,
    runner: Runner,
    state: Arc<Mutex<State>>,
    workers: Vec<Worker>,
}

struct Worker {
    budget: DialBudget,
    feeder: Task<()>,
    sessions: Vec<(Remote, Task<()>)>,
}

impl Fleet {
    /// `skews`: how far the clock of each worker is ahead, in milliseconds.
    fn new(limit: Gcra, skews: [i64; 3]) -> Self {
        let clock = Clock::new();
        let mut runner = Runner::new(&clock);
        runner.set_poll_limit(u64::MAX);
        let state = Arc::<Mutex<State>>::default();
        let mut start = |worker: usize| {
            let (budget, grants) = DialBudget::granted();
            let timer = clock.timer();
            let store = FakeStore { state: Arc::clone(&state), timer: timer.clone(), worker };
            let skew = skews[worker] * 1_000_000;
            let wall = {
                let timer = timer.clone();
                let base = NOW.checked_add_signed(skew).unwrap();
                move || base + timer.now().since_epoch().as_nanos() as u64
            };
            let dial_key = KEY.to_owned();
            let feeder = Feeder { dial_key, limit, store, timer, wall, members: || 3 };
            let feeder = runner.spawn(feeder.run(grants));
            Worker { budget, feeder, sessions: Vec::new() }
        };
        let workers = (0..3).map(&mut start).collect();
        Self { clock, runner, state, workers }
    }

    fn start(&mut self, worker: usize, count: usize) {
        for _ in 0..count {
            let (transport, remote) = mock(&self.clock);
            remote.script(|_| Script::accept());
            let mut supervisor = Supervisor::builder(transport, self.clock.timer())
                .heartbeat(Heartbeat::off())
                .dial_budget(self.workers[worker].budget.clone())
                .build()
                .unwrap();
            let task = self.runner.spawn(async move { while supervisor.next().await.is_some() {} });
            self.workers[worker].sessions.push((remote, task));
        }
    }

    /// A thousand sessions on all workers.
    fn thousand(&mut self) {
        for (worker, count) in [334, 333, 333].into_iter().enumerate() {
            self.start(worker, count);
        }
    }

    fn drop_sessions(&mut self, worker: usize) {
        for (_, task) in std::mem::take(&mut self.workers[worker].sessions) {
            task.cancel();
        }
    }

    fn kill(&mut self, worker: usize) {
        self.drop_sessions(worker);
        let (budget, _) = DialBudget::granted();
        let gone = Worker { budget, feeder: self.runner.spawn(async {}), sessions: Vec::new() };
        std::mem::replace(&mut self.workers[worker], gone).feeder.cancel();
    }

    fn run_for(&mut self, millis: u64) {
        self.runner.run_for(Duration::from_millis(millis));
    }

    fn set_fault(&mut self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    /// The times of all attempts in milliseconds.
    fn dials(&self) -> Vec<u64> {
        let remotes = self.workers.iter().flat_map(|worker| &worker.sessions);
        let time = |at: Timestamp| at.since_epoch().as_millis() as u64;
        let mut all: Vec<_> = remotes.flat_map(|(remote, _)| remote.dials()).map(time).collect();
        all.sort_unstable();
        all
    }
}

#[track_caller]
fn assert_within(dials: &[u64], most: usize) {
    let second = dials.windows(most + 1).find(|these| these[most] - these[0] < 1_000);
    assert_eq!(second, None, "more than {most} attempts in a second");
}

#[test]
fn a_thousand_sessions_of_three_workers_keep_the_limit() {
    let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
    fleet.thousand();
    fleet.run_for(60_000);
    let dials = fleet.dials();
    assert_eq!(dials.len(), 1_000);
    assert_within(&dials, 40);
    // After the burst they are even, and not in blocks.
    assert_within(&dials[60..], 24);
    assert!((48_000..52_000).contains(&dials[999]), "{}", dials[999]);
    let writes = fleet.state.lock().unwrap().writes;
    assert!(writes.iter().sum::<usize>() < 250, "tokens are taken in blocks: {writes:?}");
    assert!(writes.iter().all(|writes| *writes > 10), "each worker has its part: {writes:?}");
    fleet.run_for(600_000);
    assert_eq!(fleet.state.lock().unwrap().writes, writes, "nothing is taken that nobody wants");
}

#[test]
fn few_attempts_begin_at_once() {
    let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
    for round in 1..=20 {
        fleet.start(round % 3, 1);
        fleet.run_for(100);
        assert_eq!(fleet.dials().len(), round);
    }
}

#[test]
fn a_slow_limit_is_kept() {
    let mut fleet = Fleet::new(Gcra::new(0.5, 1), [0; 3]);
    for worker in 0..3 {
        fleet.start(worker, 4);
    }
    fleet.run_for(30_000);
    let dials = fleet.dials();
    assert_eq!(dials.len(), 12);
    assert!(dials.is_sorted_by(|a, b| b - a > 1_900), "{dials:?}");
}

#[test]
fn a_killed_worker_takes_one_block_with_it() {
    let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
    fleet.thousand();
    fleet.run_for(10_000);
    // It has taken tokens, and the answer is on its way.
    let writes = fleet.state.lock().unwrap().writes[0];
    while fleet.state.lock().unwrap().writes[0] == writes {
        fleet.run_for(1);
    }
    let before = fleet.dials();
    assert_within(&before, 40);
    let begun: usize =
        fleet.workers[0].sessions.iter().map(|(remote, _)| remote.dials().len()).sum();
    let killed = before.len();
    fleet.kill(0);
    let kept = fleet.dials().len();
    assert_eq!(kept + begun, killed);
    let left = 666 - kept;
    let from = fleet.clock.now().since_epoch().as_millis() as u64;
    fleet.run_for(60_000);
    let dials = fleet.dials();
    assert_eq!(dials.len(), 666);
    let took = dials[665] - from;
    assert!(took < left as u64 * 50 + 1_000, "{left} sessions took {took} ms");
    let since: Vec<_> = dials.into_iter().filter(|dial| *dial > from).collect();
    assert_within(&[before, since].concat(), 40);
}

#[test]
fn without_a_store_each_worker_uses_its_share_and_reports_it_once() {
    for fault in [Fault::Refuses, Fault::Silent, Fault::LosesAnswers] {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
            fleet.thousand();
            fleet.run_for(5_000);
            fleet.set_fault(fault);
            fleet.run_for(30_000);
            let during = fleet.dials();
            let rest: Vec<_> = during.iter().filter(|dial| **dial > 8_000).collect();
            assert!(rest.len() > 350, "{} in 27 s, {}", rest.len(), log.lines("").join(""));
            assert_eq!(log.lines("does not answer").len(), 3);
            assert_eq!(log.lines("again").len(), 0);
            fleet.set_fault(Fault::None);
            fleet.run_for(40_000);
            assert_eq!(log.lines("does not answer").len(), 3);
            assert_eq!(log.lines("again").len(), 3);
            let dials = fleet.dials();
            assert_eq!(dials.len(), 1_000);
            assert_within(&dials, 40);
            assert!(dials[999] < 65_000, "{}", dials[999]);
        });
    }
}

#[test]
fn tokens_of_sessions_that_are_gone_are_not_used_later() {
    let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
    fleet.start(0, 40);
    fleet.run_for(100);
    assert_eq!(fleet.dials().len(), 22, "a block is taken, and most of it is not granted yet");
    fleet.drop_sessions(0);
    fleet.run_for(1_500);
    fleet.start(0, 100);
    fleet.run_for(5_000);
    assert_eq!(fleet.dials().len(), 100);
    assert_within(&fleet.dials(), 40);
}

#[test]
fn the_share_begins_without_a_burst() {
    let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
    fleet.set_fault(Fault::Refuses);
    fleet.start(0, 30);
    fleet.run_for(1_000);
    let begun = fleet.dials().len();
    assert!((5..=7).contains(&begun), "{begun} of a third of 20");
}

#[test]
fn a_record_in_the_future_stops_nobody() {
    let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
    for state in [NOW + 3_600 * SECOND, u64::MAX] {
        let entry = Entry { value: record::encode(state), revision: 1 };
        fleet.state.lock().unwrap().entries.insert(KEY.to_owned(), entry);
        let before = fleet.dials().len();
        fleet.start(0, 5);
        fleet.run_for(1_000);
        assert_eq!(fleet.dials().len(), before + 5);
    }
}

#[test]
fn a_record_of_a_newer_version_is_kept() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut fleet = Fleet::new(Gcra::new(20.0, 20), [0; 3]);
        let entry = Entry { value: br#"{"v":2,"next":"later"}"#.to_vec(), revision: 9 };
        fleet.state.lock().unwrap().entries.insert(KEY.to_owned(), entry.clone());
        fleet.start(0, 5);
        fleet.run_for(2_000);
        assert_eq!(fleet.dials().len(), 5, "it uses its share");
        assert_eq!(fleet.state.lock().unwrap().entries[KEY], entry);
        assert_eq!(log.lines("form 2").len(), 1);
    });
}

#[test]
fn clocks_that_differ_a_little_cost_little() {
    let mut fleet = Fleet::new(Gcra::new(20.0, 20), [300, 0, -300]);
    fleet.thousand();
    fleet.run_for(60_000);
    let dials = fleet.dials();
    assert_eq!(dials.len(), 1_000);
    // The tokens of the difference, once.
    assert_within(&dials, 40 + 12);
    assert!(dials[999] < 52_000, "{}", dials[999]);
}

#[test]
fn a_feeder_is_a_task_of_tokio() {
    fn assert_send<T: Send>(task: T) {
        drop(task);
    }
    let clock = Clock::new();
    let store = FakeStore { state: Arc::default(), timer: clock.timer(), worker: 0 };
    let (_, grants) = DialBudget::granted();
    let feeder = Feeder {
        dial_key: KEY.to_owned(),
        limit: Gcra::new(1.0, 1),
        store,
        timer: websocket_heartbeat_tokio::TokioTimer::new(),
        wall: crate::dial::wall_clock,
        members: || 1,
    };
    assert_send(feeder.run(grants));
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, text: &str) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        let all = String::from_utf8(bytes).unwrap();
        all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
