//! The WebSocket client that never silently dies, in browsers: for programs in Rust that are
//! compiled to WebAssembly, with any framework, in pages and in workers.
//!
//! [`connect`] starts a session. [`WebTransport`] connects by the browser's `WebSocket`,
//! [`WebTimer`] keeps the time, and [`Lifecycle`] reacts to events of the page. Everything else is
//! [`websocket_heartbeat`], which this crate re-exports. It needs no executor of its own:
//! `wasm_bindgen_futures::spawn_local` drives a session.
//!
//! # What a browser does not do
//!
//! A browser gives a script less than a socket gives a native program. Design for these limits:
//!
//! - **A script cannot send pings.** [`Transport::can_ping`] is `false`. So with
//!   [`Preset::Resilient`] and no further setting, nothing is sent unasked, and a silence is only
//!   reported, by [`Event::Silent`]. To detect a dead connection, send a message of your protocol
//!   that your server answers: [`Heartbeat::message`], with [`Heartbeat::reply`] if possible.
//!   [`Event::Unanswered`] reports a server that does not answer it. The browser answers the pings
//!   of a server by itself and does not report them.
//! - **The status of a refused upgrade is hidden.** A failed attempt is always an error of the kind
//!   [`Other`](ErrorKind::Other), without status and header fields. So a [`Verdict`] cannot
//!   distinguish 401 from a missing network. If a token can expire, ask your server by `fetch` in
//!   the function of [`WebTransport::with_provider`], which runs before each attempt.
//! - **A request has no header fields.** A token goes into the URL, a cookie, or a subprotocol.
//! - **A connection cannot be aborted.** An abandoned connection is asked to close, and its events
//!   are ignored. The browser sends what it holds first, and keeps a dead connection until its own
//!   timeout. So a message whose fate is [`Unknown`](Fate::Unknown) may arrive later.
//! - **The arrival of a large message is not visible before its end.** A message that takes longer
//!   than the interval and the timeout of the heartbeat loses the connection.
//! - **A close frame has the code 1000, or one of 3000 to 4999.** If
//!   [`close_with`](Handle::close_with) is called with another code, the browser sends a close
//!   frame without a code and a reason.
//! - **Timers of hidden pages are slow.** A browser lets them end once a second, and after some
//!   minutes once a minute. So heartbeats and attempts are late while a page is hidden. A late
//!   deadline alone loses no connection.
//! - **A frozen page does nothing.** A browser can freeze a hidden page, and can close its
//!   connections. [`Lifecycle`] checks the connection when the page continues.
//! - **A panic ends the program**, because WebAssembly does not unwind by default. Panics of your
//!   functions are then not contained as on other targets. Exceptions of JavaScript are contained.
//!
//! # Example
//!
//! ```no_run
//! use std::time::Duration;
//! use wasm_bindgen_futures::spawn_local;
//! use websocket_heartbeat_web::{ConfigError, Event, Handle, Heartbeat, Lifecycle, connect};
//!
//! fn start() -> Result<Handle, ConfigError> {
//!     let heartbeat = Heartbeat::idle(Duration::from_secs(20)).message("ping");
//!     let mut supervisor = connect("wss://example.org/feed").heartbeat(heartbeat).build()?;
//!     let handle = supervisor.handle();
//!     let lifecycle = Lifecycle::watch(handle.clone());
//!     spawn_local(async move {
//!         while let Some(event) = supervisor.next().await {
//!             if let Event::Message(message) = event {
//!                 web_sys::console::log_1(&message.as_text().unwrap_or_default().into());
//!             }
//!         }
//!         drop(lifecycle);
//!     });
//!     Ok(handle) // clone it; send and give commands from anywhere
//! }
//! # fn main() {}
//! ```
//!
//! # Memory
//!
//! A message crosses the border between JavaScript and WebAssembly by one copy in each direction,
//! which cannot be avoided, because their memories are separate. No further copy is made.
//!
//! # Other targets
//!
//! The crate compiles on every target, so that a program which also renders on a server can name
//! its types. Without JavaScript, each call that needs it panics.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod alarm;
mod connection;
mod lifecycle;
mod listener;
mod request;
mod socket_event;
mod timer;
mod transport;
mod waker_slot;

pub use websocket_heartbeat::*;

pub use self::{
    connection::WebConnection,
    lifecycle::Lifecycle,
    request::Request,
    timer::{WebSleep, WebTimer},
    transport::{WebConnect, WebTransport, connect},
};

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
