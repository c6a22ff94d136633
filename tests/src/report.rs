//! The reports that a server prints to standard output.

use serde_json::Value;

/// One report of a server, a JSON object.
#[derive(Clone, Debug)]
pub struct Report {
    fields: Value,
}

impl Report {
    /// Reads a line of JSON; `None` if it is not an object with a `report` field.
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(line).ok()?;
        fields.get("report")?.as_str()?;
        Some(Self { fields })
    }

    /// The kind of the report: `listening`, `open`, `ping`, `pong` or `closed`.
    pub fn kind(&self) -> &str {
        self.text("report")
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
