//! Values of options. Each error has the cause and the remedy, without the name of the option.

use std::time::Duration;

use websocket_heartbeat_smol::Preset;

use crate::duration;

/// A time that may be zero.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text)
}

/// A time above zero.
pub(crate) fn positive(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Duration::ZERO => Err("the time must be longer than zero; write for example 10s".into()),
        time => Ok(time),
    }
}

/// `MIN..MAX` above zero.
pub(crate) fn range(text: &str) -> Result<(Duration, Duration), String> {
    match duration::parse_range(text)? {
        (Duration::ZERO, _) => {
            Err("the range must begin above zero; write for example 1s..30s".into())
        }
        range => Ok(range),
    }
}

/// A whole number from 0.
pub(crate) fn number(text: &str) -> Result<u32, String> {
    whole(text, 0)
}

/// A whole number from 1.
pub(crate) fn count(text: &str) -> Result<u32, String> {
    whole(text, 1)
}

fn whole(text: &str, minimum: u32) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if number >= minimum => Ok(number),
        _ => Err(format!("the value must be a whole number from {minimum} to {}", u32::MAX)),
    }
}

/// An HTTP status that can refuse an upgrade.
pub(crate) fn status(text: &str) -> Result<u16, String> {
    let status = text.trim().parse().ok().filter(|code| (200..600).contains(code));
    status.ok_or_else(|| {
        "the value must be an HTTP status from 200 to 599; write for example 503".to_owned()
    })
}

/// One of several HTTP statuses with commas between them.
pub(crate) fn listed_status(text: &str) -> Result<u16, String> {
    status(text).map_err(|_| {
        "the value must be a list of HTTP statuses from 200 to 599; write for example 401,403"
            .to_owned()
    })
}

/// A command for the shell.
pub(crate) fn command(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("the command is empty; write a command, or leave the option out".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// The value of `--preset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PresetName {
    Original,
    Resilient,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Original => Self::Original,
            PresetName::Resilient => Self::Resilient,
        }
    }
}
