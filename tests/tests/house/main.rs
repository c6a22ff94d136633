<<<<<<< c77b823325273afecd0d1acc7aa6e18c52accbee
//! Rules about the repository that no compiler checks.

mod files;
mod foreign_types;
mod layers;
mod modules;
mod packages;
=======
//! Rules about the repository itself, which no compiler checks.

mod files;
mod layers;
mod modules;
>>>>>>> m
mod pitfalls;
mod root_names;
mod test_names;
mod unsafe_code;
