//! The reports that a server prints to standard output.

use std::time::Duration;

use serde_json::Value;

use crate::monotonic;

/// One report of a server, a JSON object.
#[derive(Clone, Debug)]
pub struct Report {
    fields: Value,
    read_at: Duration,
}

impl Report {
    /// Reads a line of JSON; `None` if it is not an object with a `report` field.
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(line).ok()?;
        fields.get("report")?.as_str()?;
        Some(Self { fields, read_at: monotonic() })
    }

    /// The kind of the report: `listening`, `open`, `ping`, `pong` or `closed`.
    pub fn kind(&self) -> &str {
        self.text("report")
    }

    /// When it was read, by the system's monotonic clock.
    pub fn read_at(&self) -> Duration {
        self.read_at
    }

    /// Whether the field is true.
    pub fn is(&self, field: &str) -> bool {
        self.fields[field].as_bool() == Some(true)
    }

    /// The time in a field of microseconds.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    pub fn micros(&self, field: &str) -> Duration {
        Duration::from_micros(self.number(field))
    }

    /// The text in a field.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    pub fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_else(|| panic!("text {field} in {self:?}"))
    }

    /// The number in a field.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    pub fn number(&self, field: &str) -> u64 {
        self.fields[field].as_u64().unwrap_or_else(|| panic!("number {field} in {self:?}"))
    }
}
