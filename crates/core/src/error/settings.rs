//! Errors of settings: [`ConfigError`] and its [`ConfigValue`].

use std::{error::Error, fmt, time::Duration};

/// A setting that is not valid: its name, its value, and the rule that the value breaks.
///
/// It is small and formats nothing until it is displayed, so that a program that only looks at
/// [`setting`](Self::setting) contains no code for that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigError {
    setting: &'static str,
    value: ConfigValue,
    rule: &'static str,
}

impl ConfigError {
    /// Makes an error for the setting with this name. `rule` completes the sentence "it ...", for
    /// example "must be at least 1".
    pub fn new(setting: &'static str, value: impl Into<ConfigValue>, rule: &'static str) -> Self {
        Self { setting, value: value.into(), rule }
    }

    /// Returns the name of the setting.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Returns the value of the setting.
    pub fn value(&self) -> ConfigValue {
        self.value
    }

    /// Returns the rule that the value breaks, for example "must be at least 1".
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, but it {}", self.setting, self.value, self.rule)
    }
}

impl Error for ConfigError {}

/// The value of a setting, in a [`ConfigError`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// A time.
    Duration(Duration),
    /// A count, or a number of bytes.
    Integer(u64),
    /// A factor or a share.
    Float(f64),
    /// A value that is described and not shown, for example "a function".
    Described(&'static str),
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration(time) => fmt::Debug::fmt(time, f),
            Self::Integer(number) => fmt::Display::fmt(number, f),
            Self::Float(number) => fmt::Debug::fmt(number, f),
            Self::Described(words) => f.write_str(words),
        }
    }
}

impl From<Duration> for ConfigValue {
    fn from(time: Duration) -> Self {
        Self::Duration(time)
    }
}

impl From<u64> for ConfigValue {
    fn from(number: u64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for ConfigValue {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<usize> for ConfigValue {
    fn from(number: usize) -> Self {
        Self::Integer(number as u64)
    }
}

impl From<f64> for ConfigValue {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&'static str> for ConfigValue {
    fn from(words: &'static str) -> Self {
        Self::Described(words)
    }
}

/// Returns an error for the value of this setting unless it keeps the rule.
pub(crate) fn ensure(
    keeps: bool,
    setting: &'static str,
    value: impl Into<ConfigValue>,
    rule: &'static str,
) -> Result<(), ConfigError> {
    if keeps { Ok(()) } else { Err(ConfigError::new(setting, value, rule)) }
}

/// Returns an error if the value of this setting is zero.
pub(crate) fn not_zero(setting: &'static str, value: Duration) -> Result<(), ConfigError> {
    ensure(!value.is_zero(), setting, value, "must be longer than zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_error_shows_setting_value_and_rule() {
        let error = ConfigError::new("cap", Duration::ZERO, "must be at least the base");
        assert_eq!(error.to_string(), "cap is 0ns, but it must be at least the base");
    }
}
