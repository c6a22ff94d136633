//! The driver's async side, in virtual time.

mod auto_traits;
mod combinators;
mod drop_rules;
mod hooks;
mod inbox;
mod object_safety;
mod outbox;
mod providers;
mod sink;
mod stage;
mod status;
mod two_tasks;
