//! Virtual time: a clock that moves only on request, and the timer that reads it.

mod clock;
mod follow;
mod leader;
mod state;
mod timer;
mod timer_quirks;

pub use self::{
    clock::Clock,
    follow::Follow,
    state::SleepCounts,
    timer::{MockSleep, MockTimer},
};
