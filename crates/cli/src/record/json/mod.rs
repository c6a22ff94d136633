//! The format of `--json`: one object per line, documented in JSON.md.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};
use websocket_heartbeat_smol::{Timestamp, backend::printable};

use crate::{duration::to_millis, record::Record, utc::Utc};

#[derive(Serialize)]
struct Stamped<'a> {
    t_ms: u64,
    time: Utc,
    #[serde(flatten)]
    record: &'a Record<'a>,
}

/// One record as a line. `now` is since the start of the program, and `time` is the time of day.
pub(crate) fn line(now: Timestamp, time: Utc, record: &Record<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let stamped = Stamped { t_ms: to_millis(now.since_epoch()), time, record };
    let written = stamped.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping));
    debug_assert!(written.is_ok(), "every record is a JSON object, and a Vec takes every byte");
    bytes.push(b'\n');
    bytes
}

/// Compact JSON. JSON requires escapes for C0 controls. This also escapes the other characters that
/// can control a terminal: DEL, C1, bidirectional controls and line separators. The parsed value is
/// the same.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if let Cow::Borrowed(_) = printable(fragment) {
            return to.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_control(*c)) {
            to.write_all(&fragment.as_bytes()[plain..at])?;
            write!(to, "\\u{:04x}", u32::from(c))?;
            plain = at + c.len_utf8();
        }
        to.write_all(&fragment.as_bytes()[plain..])
    }
}

/// Whether [`printable`] escapes the character.
fn is_control(c: char) -> bool {
    !c.is_ascii_graphic() && matches!(printable(c.encode_utf8(&mut [0; 4])), Cow::Owned(_))
}

#[cfg(test)]
mod tests;
