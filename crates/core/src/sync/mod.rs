//! Locks, and the tasks that wait for a state behind one.

mod guarded;
mod register;
mod wait_queue;

pub(crate) use self::{
    guarded::{Deferred, Guarded, discard, wake},
    register::{Caller, Polled, poll_registering},
    wait_queue::WaitQueue,
};
