//! The cases of many connections: idle connections with heartbeats, and reconnecting after a
//! restart of the server.

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

/// How many connections are opened at the same time. The queue of the server's listener is longer.
pub(crate) const CHUNK: u64 = 250;
/// Each connection sends one heartbeat in this time.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// The time from the loss of a connection to the next attempt.
pub(crate) const DELAY: Duration = Duration::from_millis(500);
/// How many milliseconds the server does not listen: less than [`DELAY`], so that one attempt is enough.
const RESTART_MILLIS: u64 = 250;
/// How long heartbeats are sent before the measurement, and during it.
const TIMES: [Duration; 2] = [Duration::from_millis(1_500), Duration::from_millis(4_000)];
/// The same for fewer than a thousand connections, which is a quick run.
const QUICK_TIMES: [Duration; 2] = [Duration::from_millis(1_200), Duration::from_millis(2_000)];
/// How often the counts of connections are read.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Sends a plain HTTP request and returns the answer. Blocks for a moment, which the measurement
/// includes.
fn request(address: SocketAddr, route: Route) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {route} HTTP/1.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// How many frames the server has received so far.
fn frames_received(address: SocketAddr) -> io::Result<u64> {
    let answer = request(address, Route::FrameCount)?;
    answer.lines().last().and_then(|line| line.parse().ok()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "the server did not return its frame count")
    })
}

/// Measures the cost of a heartbeat and of a connection. All connections are open. `before` is the
/// resident memory before the first connection.
pub(crate) async fn measure_beats<R: Runtime>(
    address: SocketAddr,
    connections: u64,
    before: u64,
) -> Fallible<Sample> {
    let [settle, window] = if connections < 1_000 { QUICK_TIMES } else { TIMES };
    R::sleep(settle).await;
    let earlier = frames_received(address)?;
    let meter = Meter::start();
    R::sleep(window).await;
    let (cpu, wall) = meter.read();
    let beats = (frames_received(address)? - earlier) as f64;
    let due = connections as f64 * window.as_secs_f64();
    if beats < due / 2.0 {
        return Err(format!("{beats} heartbeats where {due} were due").into());
    }
    let resident = resident_bytes().saturating_sub(before) as f64 / connections as f64;
    Ok(Sample::default()
        .with(CPU, cpu / beats)
        .with(RATE, beats * 1e9 / wall)
        .with(RESIDENT, resident))
}

/// Each connection loops: it sleeps, sends a ping and waits for the pong.
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

/// How many connections are open and lost, and when the last one opened.
#[derive(Debug)]
pub(crate) struct ConnectionCounts {
    epoch: Instant,
    open: AtomicU64,
    lost: AtomicU64,
    first_dial: AtomicU64,
    last_open: AtomicU64,
}

impl ConnectionCounts {
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

    /// Waits until `count` connections are open.
    pub(crate) async fn wait_open<R: Runtime>(&self, count: u64) {
        while self.open.load(Ordering::Relaxed) < count {
            R::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Restarts the server and waits until all connections are open again. All are open before.
pub(crate) async fn measure_reconnect<R: Runtime>(
    address: SocketAddr,
    counts: &ConnectionCounts,
    connections: u64,
) -> Fallible<Sample> {
    counts.wait_open::<R>(connections).await;
    let lost = counts.lost.load(Ordering::Relaxed);
    let meter = Meter::start();
    counts.first_dial.store(u64::MAX, Ordering::Relaxed);
    request(address, Route::Restart { millis: RESTART_MILLIS })?;
    while counts.lost.load(Ordering::Relaxed) < lost + connections {
        R::sleep(POLL_INTERVAL).await;
    }
    counts.wait_open::<R>(connections).await;
    let (cpu, _) = meter.read();
    let first = counts.first_dial.load(Ordering::Relaxed);
    let took = counts.last_open.load(Ordering::Relaxed).saturating_sub(first);
    let connections = connections as f64;
    Ok(Sample::default().with(CPU, cpu / connections).with(RATE, connections * 1e9 / took as f64))
}

/// Each connection loops: it reads until the connection ends, waits and dials again.
pub(crate) async fn reconnect<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let counts = ConnectionCounts::new();
    let mut started = 0;
    while started < count {
        for _ in 0..CHUNK.min(count - started) {
            let counts = Arc::clone(&counts);
            S::Runtime::spawn(async move {
                loop {
                    counts.dialling();
                    if let Ok(mut socket) = S::connect(target).await {
                        counts.opened();
                        while socket.receive().await.is_ok() {}
                        counts.lost();
                    }
                    S::Runtime::sleep(DELAY).await;
                }
            });
            started += 1;
        }
        counts.wait_open::<S::Runtime>(started).await;
    }
    measure_reconnect::<S::Runtime>(target.address, &counts, count).await
}
