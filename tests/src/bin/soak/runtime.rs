//! The runtimes in turn, and what each of them must leave behind: nothing.

use std::{
    process::exit,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio};

use crate::{
    ledger::Tally,
    measure::{Held, live, resident},
    options::Options,
    population::{Spawn, World},
    remote::Remote,
};

/// The threads of a runtime.
const THREADS: usize = 2;

/// A runtime has this much time to end all sessions.
const LIMIT: Duration = Duration::from_secs(120);

/// The most bytes that may be allocated at the end and were not at the start: tables of the runtimes
/// that have grown.
const LIVE: usize = 64 << 10;

/// The most bytes that are allocated at once, for each session with its tasks: a full outbox of
/// [`Plan::OUTBOX`](crate::plan::Plan::OUTBOX).
const LIVE_OF_SESSION: usize = 256 << 10;

/// The most bytes by which the resident memory may grow after the warm-up.
const RESIDENT: usize = 16 << 20;

/// A runtime with its threads.
trait Runtime {
    const NAME: &'static str;

    fn start() -> Self;
    fn spawner(&self) -> Spawn;
    fn sleep(time: Duration) -> BoxFuture<'static, ()>;
    /// A task that runs sessions over this runtime.
    fn slot(world: Arc<World>) -> BoxFuture<'static, ()>;
    /// The number of tasks, if the runtime knows it.
    fn tasks(&self) -> Option<usize>;
    /// Ends all threads that this value has started.
    fn stop(self);
}

/// Runs sessions over one runtime for some time. The third argument is the number of the next session.
type Run = fn(&Options, Duration, &mut u64, &Arc<Remote>) -> Tally;

/// Runs the chosen runtimes, and prints their figures. Ends the program if a check fails.
pub(crate) fn run_all(options: &Options) {
    println!("seed {}, {} sessions at once", options.seed, options.sessions);
    let start = Instant::now();
    let remote = Arc::new(Remote::start(options.seed));
    let mut total = Tally::default();
    let mut first = options.first;
    let runs: [(&str, Run); 3] = [
        (Smol::NAME, run::<SmolThreads>),
        (AsyncStd::NAME, run::<AsyncStdThreads>),
        (Tokio::NAME, run::<TokioThreads>),
    ];
    let chosen = |name: &str| options.runtime.as_deref().is_none_or(|wanted| wanted == name);
    let runs: Vec<_> = runs.into_iter().filter(|(name, _)| chosen(name)).collect();
    if runs.is_empty() {
        eprintln!("there is no runtime {}", options.runtime.as_deref().unwrap_or_default());
        exit(2);
    }
    for (_, run) in &runs {
        total += &run(options, options.time / runs.len() as u32, &mut first, &remote);
    }
    show("all", &total);
    println!("passed after {} s", start.elapsed().as_secs());
}

fn run<R: Runtime>(
    options: &Options,
    time: Duration,
    first: &mut u64,
    remote: &Arc<Remote>,
) -> Tally {
    // The same load as later, so that all tables of the runtime and of the allocator have their size.
    let (mut total, _) = phase::<R>(options, time / 4, first, remote);
    let before = Held::now();
    let (tally, peak) = phase::<R>(options, time - time / 4, first, remote);
    let after = settled(&before);
    total += &tally;
    show(R::NAME, &total);
    println!(
        "  memory: {} KiB allocated before, {} KiB after, {} KiB at most; resident {} MiB before, \
         {} MiB after, {} MiB at most; descriptors: {} before, {} after, {} at most",
        before.live >> 10,
        after.live >> 10,
        peak.live >> 10,
        before.resident >> 20,
        after.resident >> 20,
        peak.resident >> 20,
        before.descriptors.len(),
        after.descriptors.len(),
        peak.descriptors
    );
    let mut broken = Vec::new();
    if after.descriptors != before.descriptors {
        broken.push(format!(
            "descriptors: {:?} before, {:?} after",
            before.descriptors, after.descriptors
        ));
    }
    if after.live > before.live + LIVE {
        broken.push(format!("{} bytes are not freed", after.live - before.live));
    }
    let bound = options.sessions as usize * LIVE_OF_SESSION;
    if peak.live > bound {
        broken.push(format!("{} bytes at once, and {bound} are allowed", peak.live));
    }
    if after.resident > before.resident + RESIDENT {
        broken.push(format!("resident memory grew by {}", after.resident - before.resident));
    }
    if !broken.is_empty() {
        eprintln!(
            "FAILED over {}, seed {}: {}\nagain: {}",
            R::NAME,
            options.seed,
            broken.join("; "),
            options.command(options.first, R::NAME)
        );
        exit(1);
    }
    total
}

/// The largest values while sessions run.
#[derive(Default)]
struct Peak {
    live: usize,
    resident: usize,
    descriptors: usize,
}

/// Runs sessions for some time, and then to their ends.
fn phase<R: Runtime>(
    options: &Options,
    time: Duration,
    first: &mut u64,
    remote: &Arc<Remote>,
) -> (Tally, Peak) {
    let runtime = R::start();
    let world = World::new(options, *first, remote, R::NAME, runtime.spawner(), R::sleep);
    for _ in 0..options.sessions {
        drop(world.spawn(*first, R::slot(Arc::clone(&world))));
    }
    let mut peak = Peak::default();
    let mut watch = |time: Duration, done: &dyn Fn() -> bool| {
        let end = Instant::now() + time;
        while Instant::now() < end && !done() {
            peak.live = peak.live.max(live());
            peak.resident = peak.resident.max(resident());
            peak.descriptors = peak.descriptors.max(Held::now().descriptors.len());
            thread::sleep(Duration::from_millis(200));
        }
    };
    watch(time, &|| false);
    world.end();
    watch(LIMIT, &|| world.tasks() == 0 && runtime.tasks().is_none_or(|tasks| tasks == 0));
    let (left, known) = (world.tasks(), runtime.tasks());
    if left > 0 || known.is_some_and(|known| known > 0) {
        eprintln!(
            "FAILED over {}, seed {}: {left} tasks left, {known:?} by the runtime\nagain: {}",
            R::NAME,
            options.seed,
            options.command(options.first, R::NAME)
        );
        exit(1);
    }
    runtime.stop();
    *first = world.next();
    (world.tally(), peak)
}

/// Waits until threads of the runtimes that end by themselves have ended.
fn settled(before: &Held) -> Held {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let held = Held::now();
        let as_before = held.descriptors == before.descriptors && held.live <= before.live + LIVE;
        if as_before || Instant::now() > end {
            return held;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn show(name: &str, tally: &Tally) {
    let Tally { sessions, dials, opens, accepted, written, unknown, dropped, .. } = tally;
    println!(
        "{name}: {sessions} sessions, {dials} attempts, {opens} connections; {accepted} messages \
         accepted: {written} written, {unknown} unknown, {dropped} dropped; {} received by the \
         server, {} of them again; {} messages of the server",
        tally.received, tally.received_again, tally.inbound
    );
    println!("  losses: {}", list(tally.losses.iter()));
    println!("  connections of the server: {}", list(tally.faults.iter()));
}

fn list<N: std::fmt::Display>(counts: impl Iterator<Item = (N, impl std::fmt::Display)>) -> String {
    let counts: Vec<_> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    counts.join(", ")
}

/// An executor of smol, with threads of this program.
struct SmolThreads {
    executor: Arc<smol::Executor<'static>>,
    stop: Vec<futures::channel::oneshot::Sender<()>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Runtime for SmolThreads {
    const NAME: &'static str = Smol::NAME;

    fn start() -> Self {
        let executor = Arc::new(smol::Executor::new());
        let (mut stop, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..THREADS {
            let (stopper, stopped) = futures::channel::oneshot::channel();
            let executor = Arc::clone(&executor);
            stop.push(stopper);
            threads.push(thread::spawn(move || {
                let _ = smol::block_on(executor.run(stopped));
            }));
        }
        Self { executor, stop, threads }
    }

    fn spawner(&self) -> Spawn {
        let executor = Arc::clone(&self.executor);
        Box::new(move |task| executor.spawn(task).detach())
    }

    fn sleep(time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(smol::Timer::after(time).map(|_| ()))
    }

    fn slot(world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(world.slot(Smol::connect))
    }

    fn tasks(&self) -> Option<usize> {
        Some(usize::from(!self.executor.is_empty()))
    }

    fn stop(self) {
        drop(self.stop);
        self.threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    }
}

/// The executor of async-std, whose threads never end.
struct AsyncStdThreads;

impl Runtime for AsyncStdThreads {
    const NAME: &'static str = AsyncStd::NAME;

    fn start() -> Self {
        Self
    }

    fn spawner(&self) -> Spawn {
        Box::new(|task| drop(async_std::task::spawn(task)))
    }

    fn sleep(time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async_std::task::sleep(time))
    }

    fn slot(world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(world.slot(AsyncStd::connect))
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn stop(self) {}
}

/// A runtime of tokio with several threads.
struct TokioThreads {
    runtime: tokio::runtime::Runtime,
}

impl Runtime for TokioThreads {
    const NAME: &'static str = Tokio::NAME;

    fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(THREADS).enable_all().build();
        Self { runtime: runtime.expect("a runtime") }
    }

    fn spawner(&self) -> Spawn {
        let handle = self.runtime.handle().clone();
        Box::new(move |task| drop(handle.spawn(task)))
    }

    fn sleep(time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn slot(world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(world.slot(Tokio::connect))
    }

    fn tasks(&self) -> Option<usize> {
        Some(self.runtime.metrics().num_alive_tasks())
    }

    fn stop(self) {
        drop(self.runtime);
    }
}
