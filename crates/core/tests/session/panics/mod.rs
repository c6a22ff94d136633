//! Panics in code of the application.

mod anywhere;
mod connection;
mod drops;
mod functions;
mod timer;
