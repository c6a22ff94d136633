//! Locks, and the tasks that wait for a state behind one.

mod guarded;
mod wait_queue;

pub(crate) use self::{
    guarded::{Deferred, Guarded, discard, wake},
    wait_queue::{Polled, WaitQueue, poll_registering},
};
