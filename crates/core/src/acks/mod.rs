//! Acknowledged delivery: a layer over a session, for servers that acknowledge messages.
//!
//! Only the server can confirm that it has received a message. [`Acknowledged`] wraps a session. It
//! keeps each message until the server's acknowledgement, and sends it again when the connection is
//! lost or the acknowledgement does not come in time. This is at-least-once delivery. A function of
//! the application, in [`AckSettings`], recognises the messages of the server that are
//! acknowledgements.
//!
//! An [`AckSender`] queues messages, each with an id that the acknowledgement repeats. An
//! [`AckReceipt`] for each message reports the result.
//!
//! # Example
//!
//! ```
//! use futures::StreamExt;
//! use websocket_heartbeat::{Event, Supervisor, acks::{Ack, AckSettings, Acknowledged}};
//!
//! # use websocket_heartbeat_mock::{Clock, Script, mock, run};
//! # let clock = Clock::new();
//! # let timer = clock.timer();
//! # let (transport, remote) = mock(&clock);
//! # remote.script(|_| Script::accept().reply_with(|_| Some("ack 7".into())));
//! // The server answers {"id":7,..} with "ack 7".
//! let settings = AckSettings::new(|message| {
//!     let id = message.as_text()?.strip_prefix("ack ")?.parse::<u64>().ok()?;
//!     Some(Ack::One(id))
//! });
//! let supervisor = Supervisor::builder(transport, timer.clone()).build()?;
//! let handle = supervisor.handle();
//! let mut session = Acknowledged::new(supervisor, handle.clone(), timer, settings)?;
//! let sender = session.sender();
//!
//! let produce = async move {
//!     let receipt = sender.queue(7, r#"{"id":7,"text":"hello"}"#).await?;
//!     receipt.await?; // the server has it
//!     handle.close();
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! };
//! let consume = async move {
//!     while let Some(event) = session.next().await {
//!         if let Event::Message(message) = event {
//!             println!("{:?}", message.as_text());
//!         }
//!     }
//! };
//! # run(&clock, async {
//! let (produced, ()) = futures::join!(produce, consume);
//! # produced
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod acknowledged;
mod delivery;
mod error;
mod ledger;
#[cfg(all(test, wsh_loom))]
mod models;
mod receipt;
mod sender;
mod settings;
#[cfg(test)]
mod tests;
mod window;

pub use self::{
    acknowledged::Acknowledged,
    error::AckQueueError,
    receipt::{AckFailure, AckReceipt, Unacknowledged},
    sender::{AckQueuing, AckSender},
    settings::{Ack, AckSettings},
};
