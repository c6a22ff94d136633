//! The driver's async side, in virtual time.

mod auto_traits;
mod combinators;
mod drop_rules;
mod inbox;
mod object_safety;
mod outbox;
mod sink;
mod stage;
mod two_tasks;
