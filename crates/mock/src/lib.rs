//! Virtual time and a scripted server, for tests of code that uses
//! [`websocket-heartbeat`](websocket_heartbeat). An outage of an hour takes milliseconds.
//!
//! - [`mock`] returns a [`MockTransport`] for the client and a [`Remote`] for the test. The remote
//!   answers each dial with a [`Script`], or passes it to the test as a [`Dial`]. Each accepted dial
//!   gives the test a [`Peer`], the server's end of the connection.
//! - A [`Clock`] moves only on request. Its [`MockTimer`] is the client's timer.
//! - A [`Runner`] polls tasks while any task can run, and only then moves the clock. A test that
//!   hangs or spins fails, and the message has the time and the tasks. [`run`] is the short form.
//!   On another executor, [`Clock::follow`] moves the clock with another timer, such as tokio's
//!   paused one.
//! - The [`Trace`] records each step with its exact time. A test compares or prints it.
//! - [`Grammar`] checks the order of events.
//! - [`Chaos`] is a server with seeded random faults. [`at_every_cancellation`] drops a future at
//!   each point at which it can be dropped.
//!
//! This crate reads no real clock, opens no socket, starts no thread and uses no unseeded random
//! numbers. The default backoff of a session draws its delays at random: for the same delays in every
//! run, set `.backoff(Exponential::new().seed(1))`.
//!
//! # Examples
//!
//! The code under test, here `greet_each_time`, during an outage of an hour:
//!
//! ```
//! use std::time::Duration;
//! use futures::StreamExt;
//! use websocket_heartbeat::{Event, Preset, Supervisor, Timer, Timestamp, Transport};
//! use websocket_heartbeat_mock::{mock, run, Clock, Script};
//!
//! async fn greet_each_time<T: Transport, K: Timer>(mut session: Supervisor<T, K>) {
//!     let handle = session.handle();
//!     while let Some(event) = session.next().await {
//!         match event {
//!             Event::Open(_) => handle.try_queue("hello").expect("there is room for a word"),
//!             Event::Message(message) if message.as_text() == Some("goodbye") => handle.close(),
//!             _ => {}
//!         }
//!     }
//! }
//!
//! let clock = Clock::new();
//! let (transport, remote) = mock(&clock);
//! let (now, recovered) = (clock.clone(), Timestamp::from_epoch(Duration::from_secs(3600)));
//! remote.script(move |dial| match dial {
//!     1 => Script::flap(Duration::from_secs(1)),
//!     _ if now.now() < recovered => Script::refuse_http(503, []),
//!     _ => Script::accept().send_after(Duration::from_secs(5), "goodbye"),
//! });
//!
//! let session = Supervisor::builder(transport, clock.timer()).preset(Preset::Original).build()?;
//! run(&clock, greet_each_time(session));
//!
//! // One attempt every two seconds, and a greeting on both connections.
//! assert_eq!(remote.trace().times("refused: http 503").len(), 1799);
//! assert_eq!(remote.trace().times("-> text \"hello\""), [0, 3_601_000]);
//! # Ok::<_, websocket_heartbeat::ConfigError>(())
//! ```
//!
//! A connection that fails silently, to the millisecond:
//!
//! ```
//! use std::time::Duration;
//! use futures::StreamExt;
//! use websocket_heartbeat::{Preset, Supervisor};
//! use websocket_heartbeat_mock::{mock, Clock, Runner, Script};
//!
//! let clock = Clock::new();
//! let (transport, remote) = mock(&clock);
//! remote.script(|_dial| Script::accept().silent());
//!
//! let builder = Supervisor::builder(transport, clock.timer()).preset(Preset::Original);
//! let mut session = builder.build()?;
//! let mut runner = Runner::new(&clock);
//! runner.spawn(async move { while session.next().await.is_some() {} }).detach();
//! runner.run_for(Duration::from_secs(30));
//!
//! remote.trace().assert([
//!     (0, "#1 dial"),
//!     (0, "#1 open"),
//!     (15_000, "#1 -> text \"heartbeat\""),
//!     (25_000, "#1 dropped"),
//!     (27_000, "#2 dial"),
//!     (27_000, "#2 open"),
//! ]);
//! # Ok::<_, websocket_heartbeat::ConfigError>(())
//! ```
//!
//! # The model
//!
//! Connections keep the contract of [`Connection`](websocket_heartbeat::Connection), and panic if
//! the client breaks its part of that contract: see [`MockConnection`]. Bytes that the link accepts
//! arrive at once, or after the [latency](Script::latency). Their order never changes, and no byte
//! is lost before the link is [cut](Peer::half_open). A server that has accepted continues after
//! the client has dropped the connection. This is harmless, and [`Peer::ignored`] counts its
//! frames.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cancellation;
mod executor;
mod grammar;
mod network;
mod rng;
mod server;
mod time;
mod trace;
mod transport;

#[cfg(test)]
mod tests;

pub use self::{
    cancellation::{Cancellation, at_every_cancellation},
    executor::{Runner, Spawner, Task, run},
    grammar::{Breach, Grammar, Word},
    network::{MockConnection, wire_len},
    rng::Rng,
    server::{Chaos, Dial, Peer, Remote, Script},
    time::{Clock, Follow, MockSleep, MockTimer, SleepCounts},
    trace::{Entry, Step, Trace},
    transport::{MockConnect, MockTransport, mock},
};
