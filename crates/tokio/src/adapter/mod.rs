//! Connections by tokio-tungstenite, for programs that come from it or keep a part of it.
//!
//! # From tokio-tungstenite to this crate
//!
//! A program that only connects to a URL needs nothing of this module:
//!
//! | tokio-tungstenite | this crate |
//! |---|---|
//! | `connect_async(url)`, and a loop that calls it again | [`connect`](crate::connect): attempts, delays and time limits are built in |
//! | `http::Request` with header fields | [`Request`](crate::Request) |
//! | `connect_async_tls_with_config`, `Connector` | `Tls`, with the feature `rustls` |
//! | `client_async(request, stream)` | [`upgrade`](crate::upgrade) over a [`TokioStream`](crate::TokioStream) |
//! | `WebSocketConfig` | [`Tuning`](crate::Tuning) |
//! | `WebSocketStream` | [`Supervisor`](crate::Supervisor), for all connections of the session |
//! | `StreamExt::next`: messages | `StreamExt::next`: an [`Event`](crate::Event), one of them is a message |
//! | `StreamExt::split` | [`into_driver`](crate::Supervisor::into_driver): a driver to spawn, an inbox to read, a [`Handle`](crate::Handle) to clone; or `split` of the supervisor, which is also a sink |
//! | `SinkExt::send(message)` | [`Handle::queue`](crate::Handle::queue), or [`send_confirmed`](crate::Handle::send_confirmed) to learn what became of it |
//! | `Message::Text`, `Message::Binary` | [`Message::Text`](crate::Message::Text), [`Message::Binary`](crate::Message::Binary) |
//! | `Message::Ping`, `Message::Pong` | built in: pings are answered, and the [`Heartbeat`](crate::Heartbeat) sends pings and waits for pongs |
//! | `Message::Close`, `close` | [`Handle::close`](crate::Handle::close), then [`Event::Closed`](crate::Event::Closed); the close code of the server is in [`Event::Lost`](crate::Event::Lost) |
//! | `Error` | [`TransportError`](crate::TransportError) with an [`ErrorKind`](crate::ErrorKind), in [`Event::Lost`](crate::Event::Lost) |
//!
//! ```no_run
//! use futures::StreamExt;
//! use websocket_heartbeat_tokio::{Event, connect};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // Before: let (stream, _) = connect_async("ws://example.org/feed").await?;
//! //         let (mut write, mut read) = stream.split();
//! let (driver, mut inbox) = connect("ws://example.org/feed")?.build()?.into_driver(1024)?;
//! let handle = driver.handle();
//! tokio::spawn(driver);
//! // Before: write.send("hello".into()).await?;
//! handle.queue("hello").await?;
//! // Before: while let Some(Ok(message)) = read.next().await
//! while let Some(event) = inbox.next().await {
//!     if let Event::Message(message) = event {
//!         println!("{:?}", message.as_text());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # With tokio-tungstenite below
//!
//! - [`ConnectAsync`] is a transport that calls `connect_async` for each attempt.
//! - [`TokioTungstenite`] makes a connection from a `WebSocketStream` that you have, also over your
//!   own TLS, proxy or pipe.
//! - [`CountedSocket`] counts the bytes below it.
//! - [`transport_error`] converts errors.
//!
//! The module is for tokio-tungstenite 0.30, which has tungstenite 0.30, as this crate. Its types
//! depend on that version: after a new incompatible version, this crate also has a new major
//! version.

mod connect_async;
mod counted_socket;
mod tokio_tungstenite;

pub use websocket_heartbeat_tungstenite::adapter::transport_error;

pub use self::{
    connect_async::ConnectAsync, counted_socket::CountedSocket, tokio_tungstenite::TokioTungstenite,
};
