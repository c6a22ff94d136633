//! The harness that all tests of sessions share.

pub(crate) mod fixture;
pub(crate) mod session;
