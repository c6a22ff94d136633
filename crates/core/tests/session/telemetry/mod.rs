//! The reports to `metrics`.

mod metrics;
mod recorder;
