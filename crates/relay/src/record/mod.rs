//! What is stored: the names of subjects, the headers of messages, and the records of what happened.

mod names;
mod note;
mod stamp;

pub use self::{
    names::{Bucket, Names},
    note::Note,
    stamp::{Stamp, unix_now},
};

/// The version of the format of all records, leases and beats. A worker reads those of its own version
/// and of the version before.
pub const SCHEMA: u32 = 1;
