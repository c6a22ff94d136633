//! The resources that this process holds: [`Held`].

use std::{alloc::System, fs};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The descriptors and the memory of this process.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The kinds of the open descriptors, sorted.
    pub(crate) descriptors: Vec<String>,
    /// The bytes that are allocated and not freed.
    pub(crate) live: usize,
    /// The resident memory in bytes.
    pub(crate) resident: usize,
}

impl Held {
    pub(crate) fn now() -> Self {
        let entries = fs::read_dir("/proc/self/fd").expect("the descriptors");
        let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let kinds = links.map(|link| {
            let link = link.display().to_string();
            // The rest is the number of a socket or a pipe.
            link.split(":[").next().unwrap_or_default().to_owned()
        });
        let mut descriptors: Vec<String> = kinds.collect();
        descriptors.sort();
        Self { descriptors, live: live(), resident: resident() }
    }
}

/// The bytes that are allocated and not freed.
pub(crate) fn live() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// The resident memory in bytes.
pub(crate) fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("the memory of this process");
    let pages = pages.split_whitespace().nth(1).expect("the second number");
    let page = rustix::param::page_size();
    pages.parse::<usize>().expect("a number") * page
}
