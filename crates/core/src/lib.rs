//! The WebSocket client that never silently dies.
//!
//! - A [`Supervisor`] keeps a session with a server alive. It connects, sends [`Heartbeat`]s,
//!   detects a dead connection by a missing answer, and connects again until the application or a
//!   setting ends the session.
//! - It is a `Stream` of [`Event`]s and a `Sink` of [`Message`]s. A lost connection is an event with a
//!   typed cause and not an error: the session goes on.
//! - Any number of [`Handle`]s send, close, pause and read the [`Status`], from any thread.
//! - Each accepted message ends in exactly one [`Fate`], and a message that was not written can be
//!   given back.
//! - It needs no runtime and no particular socket: a [`Transport`] connects, a [`Timer`] keeps time.
//!   The crates `websocket-heartbeat-smol`, `-tokio` and `-async-std` bring both, with a function
//!   `connect(url)`, and re-export this crate.
//! - Every wait has a deadline, every queue has a bound, every default has a documented reason.
//!
//! **A supervisor does nothing unless it is polled.** It starts no task and no thread. While it is not
//! polled, no heartbeat is sent, nothing is read and no deadline is judged. A loop over its events, as
//! below, polls often enough if its body does not wait long for other things. If it does, use
//! [`into_driver`](Supervisor::into_driver): it gives a [`Driver`], which is a future to spawn, and a
//! bounded [`Inbox`] to read from.
//!
//! # Example
//!
//! ```
//! use websocket_heartbeat::{Event, Supervisor};
//!
//! # let clock = websocket_heartbeat_mock::Clock::new();
//! # let timer = clock.timer();
//! # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
//! # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
//! # websocket_heartbeat_mock::run(&clock, async {
//! let mut supervisor = Supervisor::builder(transport, timer).build()?;
//! let handle = supervisor.handle();
//! while let Some(event) = supervisor.next().await {
//!     match event {
//!         Event::Open(open) => {
//!             println!("connection {} is open", open.connection);
//!             handle.try_queue("hello")?;
//!         }
//!         Event::Message(message) => {
//!             println!("received {:?}", message.as_text());
//!             handle.close();
//!         }
//!         Event::Lost(lost) => println!("lost: {}", lost.cause),
//!         Event::Retry(retry) => println!("attempt {} in {:?}", retry.attempt, retry.delay),
//!         Event::Closed(closed) => println!("closed: {}", closed.reason),
//!         _ => {}
//!     }
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # assert_eq!((remote.dials().len(), remote.live()), (1, 0));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # The states of a session
//!
//! ```text
//!       first poll              succeeded          close()
//!  Idle ---------> Connecting ------------> Open ----------> Closing ----> Closed
//!                   ^      |                 |
//!        delay over |      | failed          | lost
//!                   |      v                 v
//!                   +--- Waiting <-----------+
//! ```
//!
//! [`pause`](Handle::pause) leads from `Idle`, `Connecting`, `Open` and `Waiting` to `Paused`, and
//! [`resume`](Handle::resume) back. Giving up, [`abort`](Handle::abort), and [`close`](Handle::close)
//! without a connection lead to `Closed` at once. A connection that reaches its
//! [maximum age](Builder::max_age) is also `Closing`, and is then replaced.
//!
//! [`Phase`] has these names. Each attempt has a number of its own ([`Attempt::connection`]), which is
//! also the number of the connection that it may become. [`Attempt::number`] counts the attempts since
//! the last stable connection. The events of one attempt are `Connecting`, then `Open` if it
//! succeeds, then messages, then `Lost` with a [`LostCause`]. The [`Verdict`] decides whether another
//! attempt follows and the [`Backoff`] decides when; `Retry` reports it. The last event is always
//! `Closed` with a [`CloseReason`]; then the stream ends.
//!
//! No attempt begins after [`close`](Handle::close).
//!
//! # Manual
//!
//! The [`manual`] has a chapter for each question: [getting started](manual::getting_started),
//! [presets](manual::presets), [which messages are lost](manual::losses),
//! [answers of the server](manual::answers), [networks](manual::networks),
//! [observing](manual::observing), [tuning](manual::tuning), [testing](manual::testing),
//! [transports](manual::transports) and [backends](manual::backends) of your own, a
//! [comparison](manual::comparison) with other clients, and what changes for users of
//! [the npm packages](manual::from_npm) and of
//! [tokio-tungstenite](manual::from_tokio_tungstenite).
//!
//! # Drop behaviour
//!
//! | dropped | effect |
//! |---|---|
//! | [`Supervisor`], [`Driver`] | the session is aborted; receipts resolve, waiting senders are refused |
//! | [`Inbox`] | its driver closes the session gracefully and finishes |
//! | [`Handle`] | none, even for the last one |
//! | [`Receipt`], the future of [`send_confirmed`](Handle::send_confirmed) | none on an accepted message |
//! | the future of [`queue`](Handle::queue) | its message is not queued |
//! | futures of `StreamExt` and `SinkExt` | no event and no accepted message is lost |
//!
//! # Features
//!
//! - `cutoff` (on by default, and in every backend): finds the limits of [`Lost::cutoff`], which is
//!   `None` without it. The npm package does without it, to be smaller.
//! - `futures-timer` (on by default): [`FuturesTimer`], a timer for any executor by one thread of its
//!   own. Backends bring their own timers and do not need it.
//! - `metrics`, `tracing`: reports of a session to these crates, see the chapter
//!   [observing](manual::observing).
//! - `serde`: `Serialize` for [`Event`], [`Fate`] and [`Status`], in the format of `wsbeat --json`.
//!
//! # Stability
//!
//! This crate does not promise the following:
//!
//! - The numbers of a preset, of `Verdict::careful` and of other defaults may change in a minor version,
//!   except the numbers of `Preset::Original` that are the original's. Set the numbers that you rely on.
//! - The wording of `Display` and `Debug`, and the types behind [`source`](std::error::Error::source).
//!   The words that `name()` methods return are promised.
//! - How often the status is published, how many events or messages one poll handles, and how many
//!   messages make up a flush.
//! - Enums and structs marked non-exhaustive grow.
//! - The minimum supported Rust version rises in minor versions only.
//!
//! # Why is there no ...
//!
//! **... replay of sent messages?** Only a server that acknowledges messages can confirm their
//! arrival, and only the application knows which messages may arrive twice.
//! [`OutboxSettings::resend`] sends the messages of the window again, for servers that detect
//! duplicates. By default they are given back, and the application decides.
//! [`OutboxSettings::keep_unproven`] gives back the messages that were written before the window and
//! that no answer proves to have arrived. For messages that each
//! connection needs, such as a subscription, there is [`Handle::replay`].
//!
//! **... task that is spawned for me?** This crate would have to choose your executor, the reactor
//! of your sockets and whether everything is `Send`, and a session would outlive the value that
//! owns it. You only need to call `spawn(driver)`.
//!
//! **... set of callbacks?** A stream keeps order, has back-pressure and composes, and a callback that
//! blocks would block the whole session. For users of the original, [`hooks`] makes its five callbacks
//! of any stream of events.
//!
//! **... new connection before the old one is closed?** Then there would be two live connections,
//! messages could arrive twice and out of order, and servers that allow one connection per client would
//! close the wrong one. A session has at most one connection at any time.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod acks;
pub mod backend;
pub mod calls;
mod config;
mod error;
mod event;
pub mod future;
mod handle;
mod headers;
pub mod hooks;
mod http;
mod machine;
#[cfg(any(doc, doctest))]
pub mod manual;
mod message;
#[cfg(all(test, wsh_loom))]
mod models;
mod next;
mod outbox;
mod panics;
mod printable;
#[cfg(feature = "serde")]
mod record;
mod shared;
pub mod status;
mod supervisor;
mod sync;
mod text;
mod time;
mod transport;
pub mod typed;

pub use bytes::Bytes;

#[cfg(all(
    feature = "futures-timer",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub use self::time::FuturesTimer;
pub use self::{
    config::{
        Attempts, Backoff, ConnectTimeout, Constant, DialBudget, Exponential, Failure, Heartbeat,
        InboxSettings, Offline, OutboxSettings, Preset, ProofOfLife, Verdict, WhenFull,
    },
    error::{ConfigError, ErrorKind, TransportError},
    event::{
        CloseReason, Closed, Connecting, Cutoff, DropReason, Event, Fate, Lost, LostCause,
        NotWritten, Open, Retry, Silent, Unanswered, WriteBlocked,
    },
    handle::Handle,
    headers::Headers,
    http::HttpAnswer,
    message::{CloseFrame, Frame, Message, Outgoing},
    outbox::{QueueError, Receipt, SessionClosed},
    panics::{UserFunction, UserPanic},
    status::{Phase, Status},
    supervisor::{Builder, Driver, Inbox, Supervisor},
    text::Text,
    time::{Timer, Timestamp},
    transport::{
        Attempt, BoxTransport, Connection, Endpoints, Established, Transport, before_open,
        transport_fn,
    },
};
