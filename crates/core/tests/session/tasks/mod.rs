//! A session as futures, streams and sinks: tasks, wakers, locks and drops.

mod auto_traits;
mod cancel_safety;
mod combinators;
mod drop_rules;
mod economy;
mod floods;
mod hooks;
mod locks;
mod status;
mod threads;
mod two_tasks;
mod waiting;
