//! Locks, and the tasks that wait for a state behind one.

mod guarded;
mod register;
mod wait_line;

pub(crate) use self::{
    guarded::{Garbage, Guarded, discard, wake},
    register::{Polled, poll_registering},
    wait_line::WaitLine,
};
