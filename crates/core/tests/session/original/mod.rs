//! The behaviour of the original npm package: what is kept and what is mended.

mod accidents;
mod contract;
