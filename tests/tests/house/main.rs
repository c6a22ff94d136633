<<<<<<< 2c3e52945fa34231bd7331cf03fd6f2a56bef509
//! Rules about the repository that no compiler checks.

mod files;
mod foreign_types;
mod layers;
mod modules;
mod packages;
mod pitfalls;
mod root_names;
mod test_names;
mod unsafe_code;
=======
//! Rules of the house that no compiler knows.

mod layers;
mod modules;
>>>>>>> b
