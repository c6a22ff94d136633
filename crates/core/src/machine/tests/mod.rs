//! The machine by itself: no clock but the numbers in the tests.

mod commands;
mod invariants;
mod late;
mod property;
mod sim;
mod size;
mod speed;
mod stall;
mod states;
mod wall;
