//! Outgoing messages and their fates.

mod bounds;
mod cut_at_every_byte;
mod delivery;
mod failed_writes;
mod ledger;
mod sink_places;
mod supervisor_sink;
mod unproven_messages;
mod write_before_read;
