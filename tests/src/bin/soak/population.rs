//! Many sessions at once: [`World`].

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    process::exit,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    channel::oneshot,
    future::{BoxFuture, Shared},
};
use websocket_heartbeat::{Builder, DialBudget, Timer, Transport};
use websocket_heartbeat_tungstenite::Request;

use crate::{ledger::Tally, options::Options, remote::Remote, session};

/// The state of all sessions over one runtime.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) remote: Arc<Remote>,
    /// Some sessions share it.
    pub(crate) budget: DialBudget,
    options: Options,
    runtime: &'static str,
    spawn: Spawn,
    sleep: SleepFor,
    next: AtomicU64,
    ends: AtomicBool,
    /// Is dropped at the end.
    end: Mutex<Option<oneshot::Sender<()>>>,
    ended: Shared<oneshot::Receiver<()>>,
    tasks: AtomicUsize,
    tally: Mutex<Tally>,
}

/// Starts a task on a runtime.
pub(crate) type Spawn = Box<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// The sleep of a runtime.
pub(crate) type SleepFor = fn(Duration) -> BoxFuture<'static, ()>;

impl World {
    pub(crate) fn new(
        options: &Options,
        first: u64,
        remote: &Arc<Remote>,
        runtime: &'static str,
        spawn: Spawn,
        sleep: SleepFor,
    ) -> Arc<Self> {
        let budget = DialBudget::new(50, Duration::from_secs(1));
        let (end, ended) = oneshot::channel();
        Arc::new(Self {
            seed: options.seed,
            remote: Arc::clone(remote),
            budget: budget.expect("above zero"),
            options: options.clone(),
            runtime,
            spawn,
            sleep,
            next: AtomicU64::new(first),
            ends: AtomicBool::new(false),
            end: Mutex::new(Some(end)),
            ended: ended.shared(),
            tasks: AtomicUsize::new(0),
            tally: Mutex::default(),
        })
    }

    /// Starts a task of a session, and returns a future that is ready when it has ended.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        session: u64,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> oneshot::Receiver<()> {
        let (done, ended) = oneshot::channel();
        let count = Running::new(self);
        (self.spawn)(Box::pin(async move {
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                count.world.fail(session, &*panic);
            }
            drop(count);
            // Fails if nothing waits for the task.
            let _ = done.send(());
        }));
        ended
    }

    pub(crate) fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        (self.sleep)(time)
    }

    /// Runs one session after the other, until the end.
    pub(crate) async fn slot<T: Transport, K: Timer>(
        self: Arc<Self>,
        connect: impl Fn(Request) -> Builder<T, K>,
    ) {
        while !self.ends.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let url = format!("ws://127.0.0.1:{}/{number}", self.remote.port);
            let builder = connect(Request::new(&url).expect("a URL"));
            match AssertUnwindSafe(session::run(&self, number, builder)).catch_unwind().await {
                Ok(tally) => {
                    *self.tally.lock().unwrap_or_else(PoisonError::into_inner) += &tally;
                }
                Err(panic) => self.fail(number, &*panic),
            }
        }
    }

    /// No session begins any more, and those that run end now.
    pub(crate) fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
        drop(self.end.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) {
        // The result is that of the drop.
        let _ = self.ended.clone().await;
    }

    /// The number of tasks that have not ended.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.load(Ordering::Acquire)
    }

    /// The number of the session that would be next.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the program.
    fn fail(&self, session: u64, panic: &(dyn Any + Send)) -> ! {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        eprintln!(
            "FAILED: session {session} over {}, seed {}: {words}\nagain: {}",
            self.runtime,
            self.seed,
            self.options.command(session, self.runtime)
        );
        exit(1)
    }
}

/// Counts a task while it exists.
struct Running {
    world: Arc<World>,
}

impl Running {
    fn new(world: &Arc<World>) -> Self {
        world.tasks.fetch_add(1, Ordering::Relaxed);
        Self { world: Arc::clone(world) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.world.tasks.fetch_sub(1, Ordering::Release);
    }
}
