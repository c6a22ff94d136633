//! Settings, and what values show when they are printed.

mod secrets;
mod settings;
