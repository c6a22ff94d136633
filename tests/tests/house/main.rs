//! Rules of the house that no compiler knows.

mod backend_size;
mod layers;
mod modules;
