//! Calls: requests with answers, as a layer over a session.
//!
//! A client sends a request with an id, and the server's answer repeats the id. [`Calls`] wraps a
//! session. A [`Caller`] sends requests, and each [`Call`] is a future of its answer. The protocol is
//! two functions in [`CallSettings`]: one makes the message of a request, the other recognises
//! answers. They fit JSON-RPC 2.0 (`examples/json_rpc.rs`), ids that are strings, and binary
//! protocols.
//!
//! Each call has a timeout, and all calls resolve when the session ends.
//!
//! # The events of a call
//!
//! | event | the call |
//! |---|---|
//! | its answer arrives | resolves with the result |
//! | no connection is open | waits for the next one, within its timeout |
//! | the connection is lost before it took the request | waits for the next one |
//! | the connection is lost later | fails with [`Lost`](CallFailure::Lost); if [`idempotent`](Call::idempotent), is sent again on the next one |
//! | its timeout | fails with [`Timeout`](CallFailure::Timeout); a request that no connection has is not sent later |
//! | too many calls wait | fails with [`Full`](CallFailure::Full) |
//! | the session ends, or the layer is dropped | fails with [`SessionEnded`](CallFailure::SessionEnded) |
//! | its future is dropped | ends, and frees its place and its id |
//! | an answer arrives after any of these | the answer is [`Unclaimed`](CallEvent::Unclaimed), an item of the stream |
//! | an answer arrives before a connection has taken the request | the same, and the call waits on |
//!
//! A [`CallError`] returns the request with the reason and its [`RequestFate`]: written, unknown, or
//! not sent.
//!
//! # Batches
//!
//! A call is one message, and its answer is one message. A batch of JSON-RPC 2.0 (section 6) is one
//! call with several methods: its request type is a list, and its answer type a list of results. The
//! ids of the members contain that of the call, such as `7.0` and `7.1`, so the function that finds
//! answers reads the id of the call from any member. `examples/json_rpc.rs` does so. Calls that
//! began separately are never sent as a batch, so no answer contains results of several calls.
//!
//! # Example
//!
//! ```
//! use websocket_heartbeat::{Event, Supervisor, calls::{Answer, CallEvent, CallSettings, Calls}};
//!
//! # use websocket_heartbeat_mock::{Clock, Script, mock, run};
//! # let clock = Clock::new();
//! # let timer = clock.timer();
//! # let (transport, remote) = mock(&clock);
//! # remote.script(|_| Script::accept().reply_with(|message| {
//! #     let (id, _) = message.as_text()?.split_once(' ')?;
//! #     Some(format!("answer {id} 42").into())
//! # }));
//! // The server answers "1 what is six times seven" with "answer 1 42".
//! let settings = CallSettings::new(
//!     |id, question: &String| format!("{id} {question}").into(),
//!     |message| {
//!         let (id, result) = message.as_text()?.strip_prefix("answer ")?.split_once(' ')?;
//!         Some(Answer::new(id.parse().ok()?, result.to_owned()))
//!     },
//! );
//! let supervisor = Supervisor::builder(transport, timer.clone()).build()?;
//! let handle = supervisor.handle();
//! let mut session = Calls::new(supervisor, handle.clone(), timer, settings)?;
//! let caller = session.caller();
//!
//! let ask = async move {
//!     let answer = caller.call("what is six times seven".to_owned()).idempotent().await?;
//!     assert_eq!(answer, "42");
//!     handle.close();
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! };
//! let consume = async move {
//!     while let Some(event) = session.next().await {
//!         match event {
//!             CallEvent::Event(Event::Message(message)) => println!("{message:?}, not an answer"),
//!             CallEvent::Unclaimed(answer) => println!("too late: {}", answer.id),
//!             _ => {}
//!         }
//!     }
//! };
//! # run(&clock, async {
//! let (asked, ()) = futures::join!(ask, consume);
//! # asked
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod caller;
mod error;
mod event;
mod exchange;
mod ids;
mod layer;
#[cfg(all(test, wsh_loom))]
mod models;
mod settings;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    caller::{Call, Caller},
    error::{CallError, CallFailure, RequestFate},
    event::CallEvent,
    layer::Calls,
    settings::{Answer, CallSettings},
};
