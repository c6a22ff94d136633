//! A single-threaded executor on virtual time.

mod ready_queue;
mod runner;
mod task;

pub use self::{
    runner::{Runner, run},
    task::{Spawner, Task},
};
