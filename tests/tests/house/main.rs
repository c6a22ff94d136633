//! Rules of the house that no compiler knows.

mod driver_state;
mod layers;
mod modules;
