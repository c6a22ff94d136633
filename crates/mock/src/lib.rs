//! Virtual time and a scripted server, to test what is built on
//! [`websocket-heartbeat`](websocket_heartbeat): an hour of outage in milliseconds.
//!
//! - [`mock`] gives a [`MockTransport`] for the client and the [`Remote`] control for the test.
//!   The remote answers each dial by a [`Script`], or hands it to the test as a [`Dial`]; whatever
//!   is accepted gives the test a [`Peer`], the server's end of the connection.
//! - A [`Clock`] stands still until told to move. Its [`MockTimer`] is the client's timer.
//! - A [`Runner`] polls tasks while any can run, and only then moves the clock. What hangs or
//!   spins fails with words that say when and where. [`run`] is the short form.
//! - The [`Trace`] holds what happened with the exact moment, to be compared or printed.
//! - [`Chaos`] is a server of moods, the same for the same seed; [`at_every_cancellation`] drops a
//!   future at each point at which it can be dropped.
//!
//! Nothing here reads a real clock, opens a socket, starts a thread or depends on chance: a test
//! passes always or never.
//!
//! # Examples
//!
//! A server that accepts and then answers nothing, as a client without supervisor meets it:
//!
//! ```
//! use std::time::Duration;
//! use futures::{SinkExt, StreamExt};
//! use websocket_heartbeat::{Attempt, Frame, Timer, Timestamp, Transport};
//! use websocket_heartbeat_mock::{mock, run, Clock, Script};
//!
//! let clock = Clock::new();
//! let (mut transport, remote) = mock(&clock);
//! remote.script(|_dial| Script::accept().silent().end_after(Duration::from_secs(3600)));
//!
//! run(&clock, async {
//!     let attempt = Attempt::new(1, 0, Timestamp::from_epoch(Duration::from_secs(10)));
//!     let mut connection = transport.connect(attempt).await?.connection;
//!     connection.send(Frame::Ping("anybody there?".into())).await?;
//!     assert_eq!(connection.next().await, None);
//!     Ok::<_, websocket_heartbeat::TransportError>(())
//! })?;
//!
//! remote.trace().assert([
//!     (0, "#1 dial"),
//!     (0, "#1 open"),
//!     (0, "#1 -> ping"),
//!     (3_600_000, "#1 <- end"),
//!     (3_600_000, "#1 dropped"),
//! ]);
//! # Ok::<_, websocket_heartbeat::TransportError>(())
//! ```
//!
//! # What the mock is like
//!
//! Its connections keep the contract of [`Connection`](websocket_heartbeat::Connection) and are
//! strict about what a client owes in return: see [`MockConnection`]. Bytes that the line takes
//! arrive at once, or after the [latency](Script::latency); nothing is lost before the cable is
//! [cut](Peer::half_open), and nothing overtakes. A server that has accepted goes on even if the
//! client is gone, which harms nobody and can be [seen](Peer::ignored).
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cancel;
mod chaos;
mod clock;
mod connection;
mod dial;
mod line;
mod peer;
mod queue;
mod quirks;
mod remote;
mod rng;
mod runner;
mod script;
mod task;
mod timer;
mod trace;
mod transport;
mod waiters;
mod wakes;
mod wire;
mod writing;

pub use self::{
    cancel::{Cancellation, at_every_cancellation},
    chaos::Chaos,
    clock::{Clock, SleepCounts},
    connection::MockConnection,
    dial::Dial,
    peer::Peer,
    remote::Remote,
    rng::Rng,
    runner::{Runner, run},
    script::Script,
    task::{Spawner, Task},
    timer::{MockSleep, MockTimer},
    trace::{Entry, Step, Trace},
    transport::{MockConnect, MockTransport, mock},
    wire::wire_len,
};
