//! Each accepted message has exactly one fate, over real sockets that end after any byte, with each
//! kind of end.
#![cfg(unix)]

mod ledger;
mod plan;
mod server;

use std::{
    io,
    net::{SocketAddr, TcpStream},
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use async_io::Async;
use futures::{StreamExt, future::poll_fn, join};
use rustix::net::sockopt::set_socket_send_buffer_size;
use websocket_heartbeat::{
    Attempts, Builder, Constant, Event, Fate, Handle, Heartbeat, Outgoing, Preset, QueueError,
    Timer, Transport,
};
use websocket_heartbeat_mock::Grammar;
use websocket_heartbeat_smol::SmolTimer;
use websocket_heartbeat_tests::{
    AsyncStd, Backend, Smol, over_every_backend, run_unlimited, with_time_limit,
};
use websocket_heartbeat_tungstenite::{Network, Request, SocketOptions, Target, connect};

use self::{
    ledger::{Ledger, Tally},
    plan::Plan,
    server::{Sender, Server},
};

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(3_600);

/// Cases over each backend.
const CASES: u64 = 150;

over_every_backend! { run_unlimited; each_accepted_message_has_one_fate }

fn each_accepted_message_has_one_fate<B: Backend>() {
    let seeds = match B::NAME {
        Smol::NAME => 1_000,
        AsyncStd::NAME => 2_000,
        _ => 3_000,
    };
    let tally = all(seeds, B::NAME, |plan| B::block_on(case(plan, B::connect)));
    assert!(tally.written > 0 && tally.drained > 0, "{tally:?}");
}

/// A kernel that buffers little, so that most flushes need many polls.
#[test]
fn each_accepted_message_has_one_fate_over_a_small_send_buffer() {
    let tally = all(4_000, "a small send buffer", |plan| {
        async_io::block_on(case(plan, |request| {
            connect(NarrowNetwork, SmolTimer::new(), request).expect("a request")
        }))
    });
    // Otherwise some fate did not occur at all.
    let Tally { written, unknown, dropped, drained, .. } = tally;
    assert!([written, unknown, dropped, drained].iter().all(|count| *count > 0), "{tally:?}");
}

/// Loopback with a small send buffer.
#[derive(Clone)]
struct NarrowNetwork;

impl Network for NarrowNetwork {
    type Stream = Async<TcpStream>;

    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }

    async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<Self::Stream> {
        let stream = Async::<TcpStream>::connect(target.tcp()?).await?;
        options.apply(&stream)?;
        set_socket_send_buffer_size(&stream, 4_096)?;
        Ok(stream)
    }
}

fn all(seeds: u64, name: &str, run: fn(&Plan) -> Tally) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds..seeds + CASES {
        let name = format!("the fates of seed {seed} over {name}");
        tally += with_time_limit(&name, move || run(&Plan::draw(seed)));
    }
    println!("{CASES} cases over {name}: {tally:?}");
    tally
}

async fn case<T, K>(plan: &Plan, connect: impl FnOnce(Request) -> Builder<T, K>) -> Tally
where
    T: Transport,
    K: Timer,
{
    let sender = Arc::new(Sender::default());
    let server = Server::start(plan.cuts.clone(), plan.small_buffer, Arc::clone(&sender));
    let attempts = if plan.gives_up {
        Attempts::at_most(plan.cuts.len() as u32 - 1)
    } else {
        Attempts::Unlimited
    };
    let request = Request::new(&format!("ws://127.0.0.1:{}/", server.port)).unwrap();
    let builder = connect(request).preset(Preset::Resilient).outbox(plan.outbox());
    let builder = builder.heartbeat(Heartbeat::idle(NEVER).ping()).attempts(attempts);
    let builder = builder.backoff(Constant::new(Duration::from_millis(1)));
    let builder = builder.minimum_gap(Duration::from_millis(1)).stable_after(NEVER);
    let builder = builder.connect_timeout(NEVER).close_timeout(NEVER);
    let session = builder.build().unwrap();
    let handle = session.handle();
    let reading = async {
        let mut events: Vec<Event> = Vec::new();
        let mut grammar = Grammar::new();
        let mut session = pin!(session);
        while let Some(event) = session.next().await {
            grammar.read(&event);
            within_bounds(&handle, plan);
            events.push(event);
        }
        events
    };
    let (events, accepted) = join!(reading, send(&handle, plan, &sender));
    let seen = server.finish();
    Ledger { plan, accepted, events, seen, status: handle.status() }.settle()
}

/// The number of an accepted message, and its fate if it had a receipt.
pub(crate) type Accepted = (usize, Option<Fate>);

/// Sends all, waits until all are settled, and closes the session.
async fn send(handle: &Handle, plan: &Plan, sender: &Sender) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    for (number, &(_, wants_receipt)) in plan.messages.iter().enumerate() {
        let message = Outgoing::from(plan.message(number));
        let receipt = if wants_receipt {
            tracked(handle.queue_with_receipt(message), sender).await.map(Some)
        } else {
            tracked(handle.queue(message), sender).await.map(|()| None)
        };
        within_bounds(handle, plan);
        match receipt {
            Ok(receipt) => accepted.push((number, receipt)),
            Err(QueueError::Closed(message)) => assert_eq!(message, plan.message(number)),
            Err(other) => panic!("{other:?}"),
        }
    }
    sender.set_waiting(true);
    let mut fates = Vec::new();
    for (number, receipt) in accepted {
        let fate = match receipt {
            Some(receipt) => Some(receipt.await),
            None => None,
        };
        fates.push((number, fate));
    }
    handle.close();
    fates
}

/// Reports to the server when the sender waits.
async fn tracked<F: Future>(future: F, sender: &Sender) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let poll = future.as_mut().poll(cx);
        sender.set_waiting(poll.is_pending());
        Poll::Ready(ready!(poll))
    })
    .await
}

fn within_bounds(handle: &Handle, plan: &Plan) {
    let status = handle.status();
    assert!(status.queued_messages <= plan.count, "{status:?}");
    assert!(status.queued_bytes <= plan.bytes, "{status:?}");
}
