//! Rules about the repository itself.

mod files;
mod pitfalls;
mod test_names;
