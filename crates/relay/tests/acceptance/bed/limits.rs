//! The limit of open files of this process.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit of descriptors as far as this process may.
pub(crate) fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the soft limit may be raised to the hard one");
}
