//! ezsockets: an actor with callbacks, its own sockets and its own heartbeat.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use ezsockets::{Bytes, Client, ClientConfig, ClientExt, Error, SocketConfig, Utf8Bytes};
use tokio::sync::{Notify, mpsc};

use super::super::{
    cases::{self, BALL, GO, PAYLOAD, expect_length},
    fleet::{BEAT, measure_beats},
    runtime::Tokio,
    socket::{Fallible, Target},
};
use crate::{
    case::{BATCH, Case, SIZE},
    process::{Meter, resident_bytes},
    sample::Sample,
};

/// Counts messages in the callback, which is the best case of ezsockets. Notifies `done` at the last
/// one.
struct Counter {
    left: u64,
    size: usize,
    open: Arc<Notify>,
    done: Arc<Notify>,
}

impl Counter {
    fn count(&mut self, length: usize) -> Result<(), Error> {
        expect_length(length, self.size)?;
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.done.notify_one();
        }
        Ok(())
    }
}

#[async_trait]
impl ClientExt for Counter {
    type Call = ();

    async fn on_text(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        self.count(text.len())
    }

    async fn on_binary(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.count(bytes.len())
    }

    async fn on_call(&mut self, (): ()) -> Result<(), Error> {
        Ok(())
    }

    async fn on_connect(&mut self) -> Result<(), Error> {
        self.open.notify_one();
        Ok(())
    }
}

/// Passes messages to another task.
struct Echo {
    open: Arc<Notify>,
    received: mpsc::UnboundedSender<usize>,
}

#[async_trait]
impl ClientExt for Echo {
    type Call = ();

    async fn on_text(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        Ok(self.received.send(text.len())?)
    }

    async fn on_binary(&mut self, bytes: Bytes) -> Result<(), Error> {
        Ok(self.received.send(bytes.len())?)
    }

    async fn on_call(&mut self, (): ()) -> Result<(), Error> {
        Ok(())
    }

    async fn on_connect(&mut self) -> Result<(), Error> {
        self.open.notify_one();
        Ok(())
    }
}

pub(crate) async fn run(case: Case, target: Target, count: u64) -> Fallible<Sample> {
    match case {
        Case::ReceiveBinary | Case::ReceiveText | Case::ReceiveX8 | Case::ReceiveX1 => {
            receive(target, count).await
        }
        Case::PingPong => ping_pong(target, count).await,
        Case::SendFlush => send(target, count, 1).await,
        Case::SendQueue => send(target, count, BATCH as u64).await,
        Case::Idle => idle(target, count).await,
        case => cases::unsupported(case),
    }
}

async fn connect<E: ClientExt + 'static>(target: Target, client: E, open: &Notify) -> Client<E> {
    let config = ClientConfig::new(target.url().as_str());
    let config = config.socket_config(SocketConfig { heartbeat: BEAT, ..SocketConfig::default() });
    let (client, running) = ezsockets::connect(move |_| client, config).await;
    tokio::spawn(async move {
        // An error shows up as missing messages.
        let _ = running.await;
    });
    open.notified().await;
    client
}

/// A client that counts, and the notification of the last message.
async fn counter(target: Target, left: u64, size: usize) -> (Client<Counter>, Arc<Notify>) {
    let (open, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let counter = Counter { left, size, open: Arc::clone(&open), done: Arc::clone(&done) };
    (connect(target, counter, &open).await, done)
}

async fn receive(target: Target, count: u64) -> Fallible<Sample> {
    let (client, done) = counter(target, count, SIZE).await;
    let meter = Meter::start();
    client.binary(GO)?;
    done.notified().await;
    Ok(Sample::of(&meter, count))
}

async fn ping_pong(target: Target, count: u64) -> Fallible<Sample> {
    let open = Arc::new(Notify::new());
    let (received, mut echoes) = mpsc::unbounded_channel();
    let client = connect(target, Echo { open: Arc::clone(&open), received }, &open).await;
    let mut latencies = Vec::with_capacity(count as usize);
    let meter = Meter::start();
    for _ in 0..count {
        let start = Instant::now();
        client.text(BALL)?;
        let length = echoes.recv().await.ok_or("the client ended")?;
        expect_length(length, BALL.len())?;
        latencies.push(start.elapsed().as_nanos() as u64);
    }
    Ok(Sample::of(&meter, count).with_latencies(latencies))
}

/// A send puts a message into the queue of the actor. The actor runs after each `batch` of
/// messages.
async fn send(target: Target, count: u64, batch: u64) -> Fallible<Sample> {
    let (client, done) = counter(target, 1, 1).await;
    let meter = Meter::start();
    for sent in 1..=count {
        client.binary(PAYLOAD)?;
        if sent % batch == 0 {
            tokio::task::yield_now().await;
        }
    }
    done.notified().await;
    Ok(Sample::of(&meter, count))
}

async fn idle(target: Target, count: u64) -> Fallible<Sample> {
    let before = resident_bytes();
    let mut clients = Vec::with_capacity(count as usize);
    for _ in 0..count {
        clients.push(counter(target, u64::MAX, 0).await);
    }
    let sample = measure_beats::<Tokio>(target.address, count, before).await;
    drop(clients);
    sample
}
