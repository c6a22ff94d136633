//! Workers as processes, and nats-servers on this machine, under faults. Each test prints its figures. The
//! long ones are ignored; `-- --include-ignored` runs all.

#![allow(missing_docs, reason = "a test program")]

mod bed;
mod changes;
mod commands;
mod dials;
mod elections;
mod failover;
mod fencing;
mod harness;
mod memory;
mod publisher;
mod readers;
