//! The cases of many connections: idle with a heartbeat each, and back after a restart.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    runtime::Runtime,
    socket::{Fallible, Socket, Target},
};
use crate::{
    process::{Meter, resident_bytes},
    sample::{CPU, RATE, RESIDENT, Sample},
    server::request::Route,
};

/// How many connections are opened at a time, well below the server's queue.
pub(crate) const CHUNK: u64 = 250;
/// One heartbeat per connection in this time.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// From the loss of a connection to the next attempt.
pub(crate) const DELAY: Duration = Duration::from_millis(500);
/// How long the server stays away: less than [`DELAY`], so that one attempt is enough.
const AWAY: u64 = 250;
/// How long connections beat before the measurement, and while it lasts.
const PATIENCE: [Duration; 2] = [Duration::from_millis(1_500), Duration::from_millis(4_000)];
/// The same for fewer than a thousand connections, which is a quick run.
const HASTE: [Duration; 2] = [Duration::from_millis(1_200), Duration::from_millis(2_000)];
const LOOK: Duration = Duration::from_millis(10);

/// Asks the server by plain HTTP. Blocks for a moment, which the measurement includes.
fn ask(address: SocketAddr, route: Route) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {route} HTTP/1.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// How many frames the server has heard so far.
fn heard(address: SocketAddr) -> io::Result<u64> {
    let answer = ask(address, Route::Heard)?;
    answer.lines().last().and_then(|line| line.parse().ok()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "the server did not say what it heard")
    })
}

/// With all connections open: what a beat and a connection cost. `before` is the resident memory
/// before the first connection.
pub(crate) async fn measure_beats<R: Runtime>(
    address: SocketAddr,
    connections: u64,
    before: u64,
) -> Fallible<Sample> {
    let [settle, window] = if connections < 1_000 { HASTE } else { PATIENCE };
    R::sleep(settle).await;
    let earlier = heard(address)?;
    let meter = Meter::start();
    R::sleep(window).await;
    let (cpu, wall) = meter.read();
    let beats = (heard(address)? - earlier) as f64;
    let due = connections as f64 * window.as_secs_f64();
    if beats < due / 2.0 {
        return Err(format!("{beats} beats where {due} were due").into());
    }
    let resident = resident_bytes().saturating_sub(before) as f64 / connections as f64;
    Ok(Sample::default()
        .with(CPU, cpu / beats)
        .with(RATE, beats * 1e9 / wall)
        .with(RESIDENT, resident))
}

/// Connections with a heartbeat in a loop of interval and reply.
pub(crate) async fn idle<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let before = resident_bytes();
    for _ in 0..count {
        let mut socket = S::connect(target).await?;
        S::Runtime::spawn(async move {
            loop {
                S::Runtime::sleep(BEAT).await;
                if socket.ping().await.is_err() || socket.receive_pong().await.is_err() {
                    break;
                }
            }
        });
    }
    measure_beats::<S::Runtime>(target.address, count, before).await
}

/// Who is open, and since when.
#[derive(Debug)]
pub(crate) struct Census {
    epoch: Instant,
    open: AtomicU64,
    lost: AtomicU64,
    first_dial: AtomicU64,
    last_open: AtomicU64,
}

impl Census {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            epoch: Instant::now(),
            open: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            first_dial: AtomicU64::new(u64::MAX),
            last_open: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    pub(crate) fn dialling(&self) {
        self.first_dial.fetch_min(self.now(), Ordering::Relaxed);
    }

    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.last_open.fetch_max(self.now(), Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until so many are open.
    pub(crate) async fn wait_open<R: Runtime>(&self, count: u64) {
        while self.open.load(Ordering::Relaxed) < count {
            R::sleep(LOOK).await;
        }
    }
}

/// With all connections open: restarts the server and waits until all are open again.
pub(crate) async fn measure_reconnect<R: Runtime>(
    address: SocketAddr,
    census: &Census,
    connections: u64,
) -> Fallible<Sample> {
    census.wait_open::<R>(connections).await;
    let lost = census.lost.load(Ordering::Relaxed);
    let meter = Meter::start();
    census.first_dial.store(u64::MAX, Ordering::Relaxed);
    ask(address, Route::Restart { millis: AWAY })?;
    while census.lost.load(Ordering::Relaxed) < lost + connections {
        R::sleep(LOOK).await;
    }
    census.wait_open::<R>(connections).await;
    let (cpu, _) = meter.read();
    let first = census.first_dial.load(Ordering::Relaxed);
    let took = census.last_open.load(Ordering::Relaxed).saturating_sub(first);
    let connections = connections as f64;
    Ok(Sample::default().with(CPU, cpu / connections).with(RATE, connections * 1e9 / took as f64))
}

/// Connections in a loop that dials again a while after each loss.
pub(crate) async fn reconnect<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let census = Census::new();
    let mut started = 0;
    while started < count {
        for _ in 0..CHUNK.min(count - started) {
            let census = Arc::clone(&census);
            S::Runtime::spawn(async move {
                loop {
                    census.dialling();
                    if let Ok(mut socket) = S::connect(target).await {
                        census.opened();
                        while socket.receive().await.is_ok() {}
                        census.lost();
                    }
                    S::Runtime::sleep(DELAY).await;
                }
            });
            started += 1;
        }
        census.wait_open::<S::Runtime>(started).await;
    }
    measure_reconnect::<S::Runtime>(target.address, &census, count).await
}
