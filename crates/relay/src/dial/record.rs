//! What the store has for a dial key: a state as JSON, `{"v":1,"tat":1764223200000000000}`.

use std::fmt;

use serde::Deserialize;

/// The number of this form of the record.
pub const SCHEMA: u32 = 1;

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Deserialize)]
struct Record {
    tat: u64,
}

/// A record of a later version of this program, which must not be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newer {
    /// The number of its form.
    pub schema: u32,
}

impl fmt::Display for Newer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema } = self;
        write!(
            f,
            "the record has form {schema}, and this version of wsbeat-relay knows form {SCHEMA}"
        )
    }
}

/// The bytes of a record with this state.
#[must_use]
pub fn encode(state: u64) -> Vec<u8> {
    format!(r#"{{"v":{SCHEMA},"tat":{state}}}"#).into_bytes()
}

/// Reads a state. Bytes that are no record count as a state that is replaced.
///
/// # Errors
///
/// If a later version has written the record.
pub fn decode(bytes: &[u8]) -> Result<u64, Newer> {
    match serde_json::from_slice::<Version>(bytes) {
        Ok(Version { v: schema }) if schema > SCHEMA => Err(Newer { schema }),
        _ => Ok(serde_json::from_slice::<Record>(bytes).map_or(u64::MAX, |record| record.tat)),
    }
}

/// The key of the store for a dial key. Other bytes than letters, digits, `-` and single dots inside
/// are written as `_` and two hexadecimal digits, so each dial key has its own.
#[must_use]
pub fn key(dial_key: &str) -> String {
    let bytes = dial_key.as_bytes();
    let mut key = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        let is_inside = index > 0 && index + 1 < bytes.len() && bytes[index - 1] != b'.';
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' => key.push(char::from(*byte)),
            b'.' if is_inside => key.push('.'),
            other => key.push_str(&format!("_{other:02x}")),
        }
    }
    key
}
