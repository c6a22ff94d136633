//! Rules about the repository that no compiler checks.

mod files;
mod foreign_types;
mod layers;
mod modules;
mod packages;
mod unsafe_code;
