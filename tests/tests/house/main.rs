//! Rules about the repository that the compiler does not check.

mod contract;
mod driver_state;
mod files;
mod foreign_types;
mod layers;
mod modules;
mod packages;
mod pitfalls;
mod root_names;
mod test_names;
mod unsafe_code;
