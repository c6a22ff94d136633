//! Locks, and who waits at them.

mod guarded;
mod wait_line;

pub(crate) use self::{
    guarded::{Garbage, Guarded, discard, wake},
    wait_line::WaitLine,
};
