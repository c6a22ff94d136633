//! The budget of attempts of the whole fleet: a limit for each *dial key*, mostly an upstream host.
//!
//! The store has one record for each key, see [`record`]. Each worker has a [`Feeder`] for each key
//! whose subscriptions it owns: it waits until attempts wait, takes tokens for them from the record by
//! a conditional write, and grants the attempts by [`DialGrants`](websocket_heartbeat_tokio::backend::DialGrants).
//! [`Gcra`] is the arithmetic of the limit.

mod feeder;
mod gcra;
pub mod record;
mod store;
#[cfg(test)]
mod tests;

pub use self::{
    feeder::{Feeder, wall_clock},
    gcra::{Gcra, Taken},
    store::{Entry, Store},
};
