//! Locks, and the tasks that wait for a state behind one.

mod guarded;
mod primitives;
mod register;
mod wait_queue;
#[cfg(test)]
mod wake_counter;

#[cfg(test)]
pub(crate) use self::wake_counter::WakeCounter;
pub(crate) use self::{
    guarded::{Deferred, Guarded, discard, wake},
    primitives::{AtomicBool, AtomicU8, AtomicU64},
    register::{Caller, Polled, poll_registering},
    wait_queue::WaitQueue,
};
