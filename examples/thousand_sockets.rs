//! A thousand sessions in one task. A shared budget spaces their attempts, and their heartbeats wake
//! the task at the same times.
//!
//! The server is a second process of this program, so that its memory and its sockets do not count.

use std::{
    alloc::System,
    env,
    error::Error,
    io::{BufRead, BufReader, Write, stdin},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use futures::{
    StreamExt,
    future::{Either, select},
    stream::SelectAll,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Constant, DialBudget, Handle, Heartbeat, Phase, Request, SmolTimer, SmolTransport, Status,
    Supervisor, Tuning,
};

/// Counts the bytes on the heap.
#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SESSIONS: usize = 1_000;

struct Sessions {
    /// It polls only the sessions that were woken.
    all: SelectAll<Supervisor<SmolTransport, SmolTimer>>,
    handles: Vec<Handle>,
}

impl Sessions {
    fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        // The sessions of a budget need clones of one timer.
        let timer = SmolTimer::new();
        // All sessions lose their connections together when the server restarts. The budget spreads
        // their attempts over a second, so that a real server has time to accept them.
        let budget = DialBudget::new(100, Duration::from_millis(100))?;
        let transport = SmolTransport::new(Request::new(url)?).tuning(Tuning::low_memory());
        let mut sessions = Self { all: SelectAll::new(), handles: Vec::new() };
        for _ in 0..SESSIONS {
            // Without `align`, each session wakes the task at a time of its own.
            let heartbeat =
                Heartbeat::idle(Duration::from_secs(1)).align(Duration::from_millis(250));
            let session = Supervisor::builder(transport.clone(), timer.clone())
                .heartbeat(heartbeat)
                .backoff(Constant::new(Duration::from_millis(100)))
                .dial_budget(budget.clone())
                .build()?;
            sessions.handles.push(session.handle());
            sessions.all.push(session);
        }
        Ok(sessions)
    }

    /// Drives all sessions until the status of each one is as wanted.
    async fn until(&mut self, what: &str, is_done: impl Fn(&Status) -> bool) {
        let start = Instant::now();
        let mut looks = smol::Timer::interval(Duration::from_millis(50));
        while !self.handles.iter().all(|handle| is_done(&handle.status())) {
            // A real program handles the events. Here only the status matters.
            while let Either::Left((Some(_), _)) = select(self.all.next(), looks.next()).await {}
        }
        println!("{SESSIONS} sessions {what} after {} ms", start.elapsed().as_millis());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    allow_many_sockets()?;
    if env::args().nth(1).as_deref() == Some("server") {
        return serve();
    }
    let mut server = Command::new(env::current_exe()?)
        .arg("server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut commands = server.stdin.take().ok_or("it is piped")?;
    let mut url = String::new();
    BufReader::new(server.stdout.take().ok_or("it is piped")?).read_line(&mut url)?;

    let before = heap();
    let mut sessions = Sessions::new(url.trim())?;
    let bytes = smol::block_on(async {
        sessions.until("are open", |status| status.phase == Phase::Open).await;
        let bytes = (heap() - before) / SESSIONS;
        println!("{bytes} bytes of memory for each session");
        sessions.until("have an answered heartbeat", |s| s.counters.probes_answered > 0).await;

        writeln!(commands, "crash")?;
        sessions.until("have lost their connection", |s| s.counters.losses.broken > 0).await;
        sessions.until("are open again", |status| status.phase == Phase::Open).await;
        sessions.handles.iter().for_each(Handle::close);
        sessions.until("are closed", |status| status.phase == Phase::Closed).await;
        Ok::<_, Box<dyn Error>>(bytes)
    })?;

    drop(commands);
    server.wait()?;
    let dials: u64 = sessions.handles.iter().map(|handle| handle.status().counters.dials).sum();
    if dials < 2 * SESSIONS as u64 || bytes > 20_000 {
        return Err(format!("{dials} attempts, {bytes} bytes for each session").into());
    }
    Ok(())
}

fn heap() -> usize {
    let heap = HEAP.stats();
    heap.bytes_allocated - heap.bytes_deallocated
}

/// The server. It crashes at each line of its input, and ends with the input.
fn serve() -> Result<(), Box<dyn Error>> {
    let server = Server::echo()?;
    println!("{}", server.url());
    for command in stdin().lines() {
        command?;
        server.cut();
    }
    Ok(())
}

/// Many systems allow a process 256 or 1,024 open files, unless it asks for more.
fn allow_many_sockets() -> Result<(), Box<dyn Error>> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.map_or(4096, |maximum| maximum.min(4096));
        limit.current = limit.current.map(|current| current.max(wanted));
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
