//! The driver's async side, in virtual time.

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
mod object_safety;
mod outbox;
mod proof;
mod providers;
mod sink;
mod stage;
mod status;
mod two_tasks;
mod verdicts;
