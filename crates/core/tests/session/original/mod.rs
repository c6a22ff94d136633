//! The behaviour of the original npm package: the parts that this crate keeps, and the parts that
//! it corrects.

mod accidents;
mod contract;
