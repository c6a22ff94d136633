//! `wsbeat relay check`.

use std::path::PathBuf;

use super::{Failure, print};
use crate::config;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    #[arg(value_name = "FILE", env = "WSBEAT_RELAY_CONFIG", default_value = "wsbeat-relay.toml")]
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = arguments.file.display().to_string();
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|error| Failure::Usage(format!("{file}: {error}")))?;
    let report = config::check(&text, |secret| secret.read().map(drop));
    let lines = report.lines(&file).to_string();
    match report.config {
        None => Err(Failure::Usage(lines.trim_end().to_owned())),
        Some(config) => {
            eprint!("{lines}");
            print::line(format_args!(
                "{file}: {} subscriptions, no mistakes",
                config.subscriptions.len()
            ));
            Ok(())
        }
    }
}
