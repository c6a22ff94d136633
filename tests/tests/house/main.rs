//! Rules about the repository itself.

mod files;
mod foreign_types;
mod packages;
mod unsafe_code;
