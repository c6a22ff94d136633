//! websocket-heartbeat on any of the runtimes.

use std::{
    collections::VecDeque,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt};
use websocket_heartbeat::{
    Builder, Bytes, Constant, Event, Heartbeat, Message, Preset, Supervisor, Timer, Transport,
};
use websocket_heartbeat_async_std::{AsyncStdTimer, AsyncStdTransport};
use websocket_heartbeat_smol::{SmolTimer, SmolTransport};
use websocket_heartbeat_tokio::{TokioTimer, TokioTransport};
use websocket_heartbeat_tungstenite::{Request, Tuning};

use super::{
    cases::{self, BALL, GO, PAYLOAD, WRITE_INTERVAL, expect_length},
    fleet::{BEAT, CHUNK, ConnectionCounts, DELAY, measure_beats, measure_reconnect},
    runtime::{AsyncStd, Runtime, Smol, Tokio},
    socket::{Fallible, Target},
};
use crate::{
    case::{Case, KEPT, SIZE},
    process::{Meter, resident_bytes},
    sample::Sample,
};

/// How many messages the inbox of a driver holds.
const INBOX: usize = 1024;

/// How many messages the outbox holds by default.
const OUTBOX: usize = 1024;

/// Heartbeats are aligned to multiples of this.
const SLOT: Duration = Duration::from_millis(250);

/// A runtime for which this workspace has a backend.
pub(crate) trait Ours: Runtime {
    type Transport: Transport<Connection: Unpin + Send + 'static, Connect: Send + 'static>
        + Clone
        + Send
        + 'static;
    type Timer: Timer<Sleep: Send + 'static> + Clone + Send + 'static;

    fn transport(request: Request, tuning: Tuning) -> Self::Transport;
    fn timer() -> Self::Timer;

    /// A connection without a supervisor.
    fn dial(
        target: Target,
    ) -> impl Future<Output = Fallible<<Self::Transport as Transport>::Connection>> + Send;
}

macro_rules! ours {
    ($runtime:ident, $transport:ident, $timer:ident, $dial:path) => {
        impl Ours for $runtime {
            type Transport = $transport;
            type Timer = $timer;

            fn transport(request: Request, tuning: Tuning) -> $transport {
                $transport::new(request).tuning(tuning)
            }

            fn timer() -> $timer {
                $timer::new()
            }

            async fn dial(target: Target) -> Fallible<<Self::Transport as Transport>::Connection> {
                let dialer = websocket_heartbeat_tungstenite::Dialer::new().tuning(tuning(target));
                Ok($dial(&Request::new(&target.url())?, &dialer).await?.connection)
            }
        }
    };
}

ours!(Smol, SmolTransport, SmolTimer, websocket_heartbeat_smol::dial);
ours!(AsyncStd, AsyncStdTransport, AsyncStdTimer, websocket_heartbeat_async_std::dial);
ours!(Tokio, TokioTransport, TokioTimer, websocket_heartbeat_tokio::dial);

fn tuning(target: Target) -> Tuning {
    target.buffer.map_or(Tuning::new(), |bytes| Tuning::new().read_buffer(bytes))
}

type Session<R> = Supervisor<<R as Ours>::Transport, <R as Ours>::Timer>;

/// The settings that the README recommends.
fn builder<R: Ours>(transport: R::Transport, timer: R::Timer) -> Builder<R::Transport, R::Timer> {
    Supervisor::builder(transport, timer).preset(Preset::Resilient)
}

fn transport<R: Ours>(target: Target) -> Fallible<R::Transport> {
    Ok(R::transport(Request::new(&target.url())?, tuning(target)))
}

/// A session whose connection is open.
async fn connect<R: Ours>(target: Target) -> Fallible<Session<R>> {
    opened::<R>(builder::<R>(transport::<R>(target)?, R::timer()).build()?).await
}

async fn opened<R: Ours>(mut session: Session<R>) -> Fallible<Session<R>> {
    loop {
        match session.next().await {
            Some(Event::Open(_)) => return Ok(session),
            Some(Event::Connecting(_)) => {}
            other => return Err(format!("{other:?} instead of an open connection").into()),
        }
    }
}

/// The length of a message. Any other event is an error.
fn length(event: Option<Event>) -> Fallible<usize> {
    match event {
        Some(Event::Message(message)) => Ok(message.len()),
        other => Err(format!("{other:?} instead of a message").into()),
    }
}

fn binary(payload: &'static [u8]) -> Message {
    Message::binary(Bytes::from_static(payload))
}

pub(crate) async fn run<R: Ours>(case: Case, target: Target, count: u64) -> Fallible<Sample> {
    match case {
        Case::ReceiveBinary | Case::ReceiveText | Case::ReceiveX8 | Case::ReceiveX1 => {
            receive::<R>(target, count).await
        }
        Case::ReceiveSplit => receive_split::<R>(target, count).await,
        Case::ReceiveDriver => receive_driver::<R>(target, count).await,
        Case::ReceiveKeep => receive_keep::<R>(target, count).await,
        Case::PingPong => ping_pong::<R>(target, count).await,
        Case::SendFlush => send_flush::<R>(target, count).await,
        Case::SendFeed => send_feed::<R>(target, count).await,
        Case::SendQueue => send_queue::<R>(target, count).await,
        Case::SendReceipt => send_receipt::<R>(target, count).await,
        Case::Idle => idle::<R>(target, count, Duration::ZERO).await,
        Case::IdleAligned => idle::<R>(target, count, SLOT).await,
        Case::Reconnect => reconnect::<R>(target, count).await,
        Case::Hour => cases::unsupported(case),
    }
}

async fn receive<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let mut session = connect::<R>(target).await?;
    let meter = Meter::start();
    session.send(binary(GO)).await?;
    for _ in 0..count {
        expect_length(length(session.next().await)?, SIZE)?;
    }
    Ok(Sample::of(&meter, count))
}

async fn receive_split<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let (mut sink, mut stream) = connect::<R>(target).await?.split();
    let meter = Meter::start();
    R::spawn(async move {
        while sink.send(binary(GO)).await.is_ok() {
            R::sleep(WRITE_INTERVAL).await;
        }
    });
    for _ in 0..count {
        expect_length(length(stream.next().await)?, SIZE)?;
    }
    Ok(Sample::of(&meter, count))
}

async fn receive_driver<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let session = connect::<R>(target).await?;
    let handle = session.handle();
    let (driver, mut inbox) = session.into_driver(INBOX)?;
    R::spawn(async move {
        driver.await;
    });
    let meter = Meter::start();
    handle.queue(binary(GO)).await?;
    for _ in 0..count {
        expect_length(length(inbox.next().await)?, SIZE)?;
    }
    Ok(Sample::of(&meter, count))
}

async fn receive_keep<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let mut session = connect::<R>(target).await?;
    let mut kept = VecDeque::with_capacity(KEPT);
    let meter = Meter::start();
    session.send(binary(GO)).await?;
    for _ in 0..count {
        let Some(Event::Message(message)) = session.next().await else {
            return Err("the session has no message".into());
        };
        expect_length(message.len(), SIZE)?;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(message);
    }
    Ok(Sample::of(&meter, count))
}

async fn ping_pong<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let mut session = connect::<R>(target).await?;
    let ball = Message::text(BALL);
    let mut latencies = Vec::with_capacity(count as usize);
    let meter = Meter::start();
    for _ in 0..count {
        let start = Instant::now();
        session.send(ball.clone()).await?;
        expect_length(length(session.next().await)?, BALL.len())?;
        latencies.push(start.elapsed().as_nanos() as u64);
    }
    Ok(Sample::of(&meter, count).with_latencies(latencies))
}

async fn send_flush<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let mut session = connect::<R>(target).await?;
    let message = binary(PAYLOAD);
    let meter = Meter::start();
    for _ in 0..count {
        session.send(message.clone()).await?;
    }
    length(session.next().await)?;
    Ok(Sample::of(&meter, count))
}

/// One task only feeds, and flushes at the end.
async fn send_feed<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let mut session = connect::<R>(target).await?;
    let message = binary(PAYLOAD);
    let meter = Meter::start();
    for _ in 0..count {
        session.feed(message.clone()).await?;
    }
    session.flush().await?;
    length(session.next().await)?;
    Ok(Sample::of(&meter, count))
}

/// One task queues, another drives.
async fn send_queue<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let mut session = connect::<R>(target).await?;
    let handle = session.handle();
    let message = binary(PAYLOAD);
    let meter = Meter::start();
    R::spawn(async move {
        for _ in 0..count {
            if handle.queue(message.clone()).await.is_err() {
                break;
            }
        }
    });
    length(session.next().await)?;
    Ok(Sample::of(&meter, count))
}

/// The same with a receipt for each message. The fates are awaited in order, and late enough that as
/// many messages are in flight as without receipts.
async fn send_receipt<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let mut session = connect::<R>(target).await?;
    let handle = session.handle();
    let message = binary(PAYLOAD);
    let meter = Meter::start();
    R::spawn(async move {
        let mut receipts = VecDeque::with_capacity(OUTBOX);
        for _ in 0..count {
            match handle.queue_with_receipt(message.clone()).await {
                Ok(receipt) => receipts.push_back(receipt),
                Err(_) => break,
            }
            if receipts.len() == OUTBOX
                && let Some(oldest) = receipts.pop_front()
            {
                let _ = oldest.await;
            }
        }
    });
    length(session.next().await)?;
    Ok(Sample::of(&meter, count))
}

async fn idle<R: Ours>(target: Target, count: u64, slot: Duration) -> Fallible<Sample> {
    let before = resident_bytes();
    let (transport, timer) = (transport::<R>(target)?, R::timer());
    for _ in 0..count {
        let session = builder::<R>(transport.clone(), timer.clone())
            .heartbeat(Heartbeat::idle(BEAT).ping().align(slot))
            .build()?;
        let mut session = opened::<R>(session).await?;
        R::spawn(async move { while session.next().await.is_some() {} });
    }
    measure_beats::<R>(target.address, count, before).await
}

async fn reconnect<R: Ours>(target: Target, count: u64) -> Fallible<Sample> {
    let counts = ConnectionCounts::new();
    let (transport, timer) = (transport::<R>(target)?, R::timer());
    let mut started = 0;
    while started < count {
        for _ in 0..CHUNK.min(count - started) {
            let counts = Arc::clone(&counts);
            let mut session = builder::<R>(transport.clone(), timer.clone())
                .backoff(Constant::new(DELAY))
                .build()?;
            R::spawn(async move {
                while let Some(event) = session.next().await {
                    match event {
                        Event::Connecting(_) => counts.dialling(),
                        Event::Open(_) => counts.opened(),
                        Event::Lost(lost) if lost.opened => counts.lost(),
                        _ => {}
                    }
                }
            });
            started += 1;
        }
        counts.wait_open::<R>(started).await;
    }
    measure_reconnect::<R>(target.address, &counts, count).await
}
