<<<<<<< ca4e2188fb4e3c9a6490975e6d3a1ac26103d1e8
//! Rules of the house that no compiler knows.

mod layers;
mod modules;
=======
//! Rules about the repository itself.

mod files;
mod pitfalls;
mod test_names;
>>>>>>> ecf1b52199ec6bab8c08928e38ac6371806e5f50
