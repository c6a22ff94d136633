//! The machine alone: the numbers in the tests are the only clock.

mod canonical;
mod commands;
#[cfg(feature = "cutoff")]
mod cutoff;
mod invariants;
mod late;
mod learning;
mod pacing;
mod phases;
mod proof;
mod property;
mod sim;
mod size;
mod speed;
mod stall;
mod states;
mod wall;
