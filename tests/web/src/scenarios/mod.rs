//! The scenarios, by topic.

mod attempts;
mod conformance;
mod endings;
mod heartbeat;
mod javascript;
mod lifecycle;
mod messages;
mod time;

use futures::{FutureExt, future::LocalBoxFuture};

use crate::page::Server;

pub(crate) use self::{conformance::conformance, time::delays};

/// `Err` says what went wrong.
pub(crate) type Outcome = Result<(), String>;

type Scenario = (&'static str, fn(Server) -> LocalBoxFuture<'static, Outcome>);

/// A row of the table below.
macro_rules! scenario {
    ($name:literal, $function:path) => {
        ($name, |server| async move { $function(&server).await }.boxed_local())
    };
}

/// All scenarios with their names.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario!("text and binary messages come back", messages::echo),
    scenario!("a large message is written and comes back", messages::large),
    scenario!("a message that the server does not read is not written", messages::unread),
    scenario!("an answered heartbeat keeps the connection", heartbeat::answered),
    scenario!("an unanswered heartbeat replaces the connection", heartbeat::unanswered),
    scenario!("a reset connection is replaced", endings::reset),
    scenario!("the close code of the server is reported", endings::server_code),
    scenario!("our close code reaches the server", endings::our_code),
    scenario!("a code that a script must not send is left out", endings::forbidden_code),
    scenario!("an abandoned connection is closed", endings::abandoned),
    scenario!("the chosen subprotocol is reported", attempts::subprotocol),
    scenario!("a refused upgrade has no status", attempts::refused),
    scenario!("an invalid URL ends the session and stays secret", attempts::invalid_url),
    scenario!("an invalid subprotocol ends the session", attempts::invalid_subprotocol),
    scenario!("each attempt asks the provider", attempts::provider),
    scenario!("an exception of the constructor fails the attempt", javascript::constructor),
    scenario!("an exception of send loses the connection", javascript::send),
    scenario!("a sleep of a month does not end at once", time::long_sleep),
    scenario!("a visible page probes its connection", lifecycle::visible),
    scenario!("a page that comes back probes its connection", lifecycle::kept),
    scenario!("a dropped guard does not react", lifecycle::dropped),
    scenario!("going online begins the waiting attempt", lifecycle::online),
    scenario!("a page that was frozen has a live connection", lifecycle::frozen),
];

/// Returns an error with a text, unless the condition is true.
pub(crate) fn ensure(condition: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(otherwise()) }
}
