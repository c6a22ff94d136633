//! The demo, and the upstream server that it starts.

pub mod upstream;
