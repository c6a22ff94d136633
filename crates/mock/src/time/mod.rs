//! Virtual time: a clock that moves only on request, and the timer that reads it.

mod clock;
mod timer;
mod timer_quirks;

pub use self::{
    clock::{Clock, SleepCounts},
    timer::{MockSleep, MockTimer},
};
