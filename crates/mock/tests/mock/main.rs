//! Tests of the mock, most of them without a supervisor.

mod auto_traits;
mod cancellation;
mod chaos;
mod client;
mod clock;
mod conformance;
mod connection;
mod follow;
mod runner;
mod script;
mod supervised;
mod trace;
mod wakers;
mod writing;
