//! The driver's async side, in virtual time.

#![allow(clippy::disallowed_types, reason = "a test may have a plain lock of its own")]

mod answers;
mod auto_traits;
mod cancel_safety;
mod combinators;

mod cut_at_every_byte;
mod delivery;
mod drop_rules;
mod economy;
mod floods;
mod hooks;
mod inbox;
mod intake;
mod locks;
mod object_safety;
mod outbox;
mod promises;
mod proof;
mod providers;
mod sink;
mod stage;
mod status;
mod two_tasks;
mod verdicts;
