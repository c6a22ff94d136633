//! The cases of one connection, for any [`Socket`].

use std::time::{Duration, Instant};

use super::{
    fleet,
    socket::{Fallible, Socket, Target},
};
use crate::{
    case::{BATCH, Case, SIZE},
    process::Meter,
    sample::Sample,
};

/// The message after which the server begins to push.
pub(crate) const GO: &[u8] = b"go";
/// The message of the cases that send.
pub(crate) const PAYLOAD: &[u8] = &[b'x'; SIZE];
/// How often the writing half of a split connection sends while the other half reads.
pub(crate) const WRITE_INTERVAL: Duration = Duration::from_millis(10);
/// The message of ping-pong.
pub(crate) const BALL: &str = "a ball of sixty-four bytes, as in a subscription or an order....";

/// Runs a case. A case that needs more than a [`Socket`] is an error.
pub(crate) async fn run<S: Socket>(case: Case, target: Target, count: u64) -> Fallible<Sample> {
    match case {
        Case::ReceiveBinary | Case::ReceiveText | Case::ReceiveX8 | Case::ReceiveX1 => {
            receive::<S>(target, count).await
        }
        Case::PingPong => ping_pong::<S>(target, count).await,
        Case::SendFlush => send_flush::<S>(target, count).await,
        Case::SendQueue => send_queue::<S>(target, count).await,
        Case::SendFeed => send_feed::<S>(target, count).await,
        Case::Idle => fleet::idle::<S>(target, count).await,
        Case::Reconnect => fleet::reconnect::<S>(target, count).await,
        Case::ReceiveSplit
        | Case::ReceiveDriver
        | Case::ReceiveKeep
        | Case::SendReceipt
        | Case::IdleAligned
        | Case::Hour => unsupported(case),
    }
}

pub(crate) fn unsupported<T>(case: Case) -> Fallible<T> {
    Err(format!("this client does not support {case}").into())
}

/// An error unless a message has the expected length.
pub(crate) fn expect_length(length: usize, expected: usize) -> Fallible<()> {
    if length == expected {
        Ok(())
    } else {
        Err(format!("a message of {length} bytes instead of {expected}").into())
    }
}

async fn receive<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let mut socket = S::connect(target).await?;
    let meter = Meter::start();
    socket.send(S::binary(GO)).await?;
    for _ in 0..count {
        expect_length(socket.receive().await?, SIZE)?;
    }
    Ok(Sample::of(&meter, count))
}

async fn ping_pong<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let mut socket = S::connect(target).await?;
    let ball = S::text(BALL);
    let mut latencies = Vec::with_capacity(count as usize);
    let meter = Meter::start();
    for _ in 0..count {
        let start = Instant::now();
        socket.send(ball.clone()).await?;
        expect_length(socket.receive().await?, BALL.len())?;
        latencies.push(start.elapsed().as_nanos() as u64);
    }
    Ok(Sample::of(&meter, count).with_latencies(latencies))
}

async fn send_flush<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let mut socket = S::connect(target).await?;
    let message = S::binary(PAYLOAD);
    let meter = Meter::start();
    for _ in 0..count {
        socket.send(message.clone()).await?;
    }
    socket.receive().await?;
    Ok(Sample::of(&meter, count))
}

async fn send_queue<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let mut socket = S::connect(target).await?;
    let message = S::binary(PAYLOAD);
    let meter = Meter::start();
    for sent in 1..=count {
        socket.feed(message.clone()).await?;
        if sent % BATCH as u64 == 0 {
            socket.flush().await?;
        }
    }
    socket.flush().await?;
    socket.receive().await?;
    Ok(Sample::of(&meter, count))
}

async fn send_feed<S: Socket>(target: Target, count: u64) -> Fallible<Sample> {
    let mut socket = S::connect(target).await?;
    let message = S::binary(PAYLOAD);
    let meter = Meter::start();
    for _ in 0..count {
        socket.feed(message.clone()).await?;
    }
    socket.flush().await?;
    socket.receive().await?;
    Ok(Sample::of(&meter, count))
}
