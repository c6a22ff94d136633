//! The budget of attempts of the whole fleet.
