//! Settings, and the output of `Debug` and `Display`.

mod secrets;
mod settings;
