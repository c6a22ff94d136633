//! The futures, streams and iterators that methods of this crate return.
//!
//! A program seldom names them: it awaits or iterates the result of the method. They are here for
//! programs that keep one in a field of a struct.

pub use crate::{
    config::ExponentialDelays,
    handle::{Queuing, QueuingWithReceipt, StatusChanges},
};
