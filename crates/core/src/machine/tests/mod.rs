//! The machine by itself: no clock but the numbers in the tests.

mod commands;
mod invariants;
mod late;
mod property;
mod sim;
mod speed;
mod wall;
