//! Rules about the repository itself, which no compiler checks.

mod files;
mod layers;
mod modules;
mod pitfalls;
mod test_names;
