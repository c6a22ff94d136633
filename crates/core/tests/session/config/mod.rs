//! Settings, and the output of `Debug` and `Display`.

mod conversions;
mod secrets;
mod settings;
