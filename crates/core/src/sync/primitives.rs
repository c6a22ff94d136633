//! The locks and atomics of this crate. No other file takes them from std.
//!
//! They are those of std. With `--cfg wsh_loom`, the crate's own tests have those of loom, so that
//! `models` explores the same code that is published.

use std::cell::Cell;

#[cfg(not(all(test, wsh_loom)))]
mod of {
    #[expect(clippy::disallowed_types, reason = "this is the place where locks are made")]
    pub(crate) type Lock<T> = std::sync::Mutex<T>;

    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
}

#[cfg(all(test, wsh_loom))]
mod of {
    pub(crate) type Lock<T> = loom::sync::Mutex<T>;

    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
}

pub(super) use self::of::Lock;
pub(crate) use self::of::{AtomicBool, AtomicU8, AtomicU64};

#[cfg(not(all(test, wsh_loom)))]
thread_local! {
    /// How many locks this thread holds.
    pub(super) static LOCKS: Cell<u32> = const { Cell::new(0) };
}

// The threads of loom are one thread of the system.
#[cfg(all(test, wsh_loom))]
loom::thread_local! {
    pub(super) static LOCKS: Cell<u32> = Cell::new(0);
}
