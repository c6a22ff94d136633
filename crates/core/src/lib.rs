//! The WebSocket client that never silently dies.
//!
//! - A [`Supervisor`] keeps a session with a server alive: it connects, sends [`Heartbeat`]s,
//!   notices a dead line by the missing answer, and connects again until it succeeds or is told to
//!   stop.
//! - It is a `Stream` of [`Event`]s and a `Sink` of [`Message`]s. A lost connection is an event
//!   with a typed cause, not an error: the session goes on.
//! - Any number of [`Handle`]s send, close, pause and ask for its [`Status`], from any thread.
//! - Each message accepted ends in exactly one [`Fate`], and what was not written can come back.
//! - It needs no runtime and no particular socket: a [`Transport`] connects, a [`Timer`] keeps
//!   time. The crates `websocket-heartbeat-smol`, `-tokio` and `-async-std` bring both, with
//!   `connect(url)` to begin with, and re-export this crate.
//! - Every wait has a deadline, every queue a bound, every default a reason.
//!
//! **Whoever polls is the engine.** A supervisor spawns nothing and has no thread: while nobody
//! polls it, no heartbeat is sent, nothing is read and no deadline is judged. A loop over its
//! events, as below, polls enough if its body does not wait long for other things.
//! [`into_driver`](Supervisor::into_driver) is for programs whose body does: it gives a [`Driver`]
//! to spawn, and a bounded [`Inbox`] to read from.
//!
//! # Example
//!
//! ```
//! use futures::StreamExt;
//! use websocket_heartbeat::{Event, Preset, Supervisor};
//!
//! # let clock = websocket_heartbeat_mock::Clock::new();
//! # let timer = clock.timer();
//! # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
//! # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
//! # websocket_heartbeat_mock::run(&clock, async {
//! let mut supervisor = Supervisor::builder(transport, timer).preset(Preset::Resilient).build()?;
//! let handle = supervisor.handle();
//! while let Some(event) = supervisor.next().await {
//!     match event {
//!         Event::Open(open) => {
//!             println!("connection {} is open", open.connection);
//!             handle.try_queue("hello")?;
//!         }
//!         Event::Message(message) => {
//!             println!("the server says {:?}", message.as_text());
//!             handle.close();
//!         }
//!         Event::Lost(lost) => println!("lost: {}", lost.cause),
//!         Event::Retry(retry) => println!("attempt {} in {:?}", retry.attempt, retry.delay),
//!         Event::Closed(closed) => println!("the end: {}", closed.reason),
//!         _ => {}
//!     }
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # assert_eq!((remote.dials().len(), remote.live()), (1, 0));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a session goes
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
//! [`resume`](Handle::resume) back. Giving up, [`abort`](Handle::abort), and
//! [`close`](Handle::close) without a connection lead to `Closed` at once.
//! A connection that reaches its [maximum age](Builder::max_age) is `Closing` as well, and then
//! replaced.
//!
//! [`Phase`] has these words. Each attempt has a number of its own, that of the connection it would
//! become, and the events say `Connecting`, then `Open` if it succeeds, then messages, then `Lost`
//! with a [`LostCause`]. The [`Verdict`] decides whether that deserves another attempt and the
//! [`Backoff`] when; `Retry` tells it. The last event is always `Closed`, with a [`CloseReason`];
//! then the stream ends.
//!
//! After [`close`](Handle::close) no attempt begins, whatever else happens.
//!
//! # Which side drives
//!
//! Stream and sink of the supervisor both drive the whole session, and may be polled from two
//! tasks. Polled from the sink side only, it stores what it reads for the stream, 256 messages or
//! 1 MiB of them, and so notices a dead connection in time. When there is no more room it stops
//! reading, and holds no silence against the server until something is taken. A `Handle` never
//! drives, so do not wait on one in the only task that polls:
//! [`try_queue`](Handle::try_queue) is the method to use there.
//!
//! # Transports
//!
//! Backends bring theirs. [`transport_fn`] makes one from a function that is called for each
//! attempt, with a fresh token, say. [`before_open`] adds an exchange that must succeed before a
//! connection counts as open; [`Endpoints`] gives a session several servers; [`BoxTransport`] can
//! be swapped while it runs. One of your own needs a [`Connection`], whose documentation is a
//! contract.
//!
//! # Delivery
//!
//! An accepted message waits in the [`OutboxSettings`], is handed to the connection in a window of at most
//! 256 messages or 64 KiB, and is [`Written`](Fate::Written) when a flush completes: the operating
//! system has the bytes, and that is all that a client can know by itself. If the connection dies
//! before, the messages of the window are [`Unknown`](Fate::Unknown), and the others wait for the
//! next one. Those that no connection took are [`Dropped`](Fate::Dropped), with the reason.
//! [`Lost::unproven`] counts the messages written that no answered ping proves read.
//!
//! [`Handle::send_confirmed`] gives the fate, [`Handle::queue_with_receipt`] the promise of it. The fates of
//! messages without a receipt come with `Lost` and `Closed`, unless they were written.
//!
//! That the server has a message only the server can say. Where it does, [`acks`] is a
//! layer over the session that keeps messages until then, and sends them again.
//!
//! # Drop behaviour
//!
//! | dropped | what happens |
//! |---|---|
//! | [`Supervisor`], [`Driver`] | the session is aborted; receipts resolve, waiting senders are refused |
//! | [`Inbox`] | its driver closes the session gracefully and finishes |
//! | [`Handle`] | nothing, be it the last one |
//! | [`Receipt`], the future of [`send`](Handle::send_confirmed) | nothing for a message that was accepted |
//! | the future of [`queue`](Handle::queue) | its message is not queued |
//! | futures of `StreamExt` and `SinkExt` | no event and no accepted message is lost |
//!
//! # Defaults
//!
//! [`Preset::Original`] is the default, for the sake of those who come from the npm packages that
//! this re-implements, and [`Preset::Resilient`] is what we recommend. Their table, with the reason
//! for each number, is the documentation of [`Preset`]. One thing to know about the default: a
//! server that does not answer the text `heartbeat` loses a healthy line every 25 s.
//!
//! # Features
//!
//! - `futures-timer` (on by default): [`FuturesTimer`], a timer for any executor by one
//!   thread of its own. Backends bring their own timers and do not need it.
//!
//! # Stability: what is not promised
//!
//! - The numbers of a preset, of `Verdict::careful` and of other defaults may change in a minor
//!   version, but for those of `Preset::Original` that are the original's. Set what you rely on.
//! - The wording of `Display` and `Debug`, and the types behind
//!   [`source`](std::error::Error::source). The words that `name()` methods return are promised.
//! - How often the status is published, how many events or messages one poll handles, and how many
//!   messages make up a flush.
//! - Enums and structs marked non-exhaustive grow.
//! - The minimum supported Rust version rises in minor versions only.
//!
//! # Why isn't there …?
//!
//! **… replay of what was sent?** Only a server that acknowledges can say what arrived, and only
//! the application knows what may arrive twice. [`OutboxSettings::resend`] sends again what was in the
//! window when the line died, for servers that can tell duplicates; the rest comes back and is
//! yours to judge. What belongs to each connection, such as a subscription, is for
//! [`Handle::replay`].
//!
//! **… a task that is spawned for me?** Then this crate would have to choose your executor, your
//! sockets' reactor and whether everything is `Send`, and a session would outlive whoever dropped
//! it. `spawn(driver)` is one line of your own.
//!
//! **… a set of callbacks?** A stream keeps order, takes back-pressure and composes; a callback
//! that blocks has its caller in its hands. For those who come from the original, [`hooks`] makes
//! its five callbacks of any stream of events.
//!
//! **… a new connection made before the old one is closed?** Then there would be two live
//! connections, messages could arrive twice and overtake one another, and servers that allow one
//! line per client would close the wrong one. There is at most one, always.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod acks;
pub mod backend;
mod config;
mod error;
mod event;
pub mod future;
mod handle;
mod headers;
pub mod hooks;
mod http;
mod machine;
mod message;
mod outbox;
mod panics;
mod shared;
mod status;
mod supervisor;
mod sync;
mod text;
mod time;
mod transport;

pub use bytes::Bytes;

#[cfg(feature = "futures-timer")]
pub use self::time::FuturesTimer;
pub use self::{
    config::{
        Attempts, Backoff, ConnectTimeout, Constant, DialBudget, Exponential, Failure, Heartbeat,
        InboxSettings, Offline, OutboxSettings, Preset, ProofOfLife, Verdict, WhenFull,
    },
    error::{ConfigError, ErrorKind, TransportError},
    event::{
        CloseReason, Closed, Connecting, DropReason, Event, Fate, Lost, LostCause, Open, Retry,
        WriteBlocked,
    },
    handle::Handle,
    headers::Headers,
    http::{HttpAnswer, printable},
    message::{CloseFrame, Frame, Message, Outgoing},
    outbox::{QueueError, Receipt, SessionClosed},
    panics::{UserFunction, UserPanic},
    status::{Counters, Losses, Phase, RoundTrip, Status},
    supervisor::{Builder, Driver, Inbox, Supervisor},
    text::Text,
    time::{Timer, Timestamp},
    transport::{
        Attempt, BoxTransport, Connection, Endpoints, Established, Transport, before_open,
        transport_fn,
    },
};
