//! Attempts, delays between them, and sessions that give up.

mod before_open;
mod boxed_transport;
mod budget;
mod commands_at_any_time;
mod control;
mod draining;
mod endpoints;
mod entropy;
mod failing_transports;
mod grants;
mod herd;
mod limits;
mod one_connection;
mod pacing;
mod verdict;
