//! The futures, streams and iterators that methods of this crate return.
//!
//! Most programs do not name these types: they await or iterate the result of the method. The types
//! are public for programs that keep one in a field of a struct.

pub use crate::{
    config::ExponentialDelays,
    event::Messages,
    handle::{Queuing, QueuingWithReceipt, StatusChanges},
    next::Next,
};
