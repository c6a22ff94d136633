//! Rules of the house that no compiler knows.

mod files;
mod layers;
mod modules;
mod pitfalls;
mod test_names;
