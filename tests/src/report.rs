//! What a server says about itself on stdout.

use serde_json::Value;

/// One line of a server's report.
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

    /// What is reported: `listening`, `open`, `ping`, `pong` or `closed`.
    pub fn what(&self) -> &str {
        self.text("report")
    }

    /// A field that holds text.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    pub fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_else(|| panic!("text {field} in {self:?}"))
    }

    /// A field that holds a number.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    pub fn number(&self, field: &str) -> u64 {
        self.fields[field].as_u64().unwrap_or_else(|| panic!("number {field} in {self:?}"))
    }
}
