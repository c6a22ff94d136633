//! `--json`: one object per line, as documented in JSON.md.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};
use websocket_heartbeat_smol::{Timestamp, printable};

use crate::{duration::to_millis, record::Line};

#[derive(Serialize)]
struct Stamped<'a> {
    t_ms: u64,
    #[serde(flatten)]
    line: &'a Line<'a>,
}

/// Writes a line and flushes it, so that whoever reads has it at once.
pub(crate) fn write(to: &mut impl Write, now: Timestamp, line: &Line<'_>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let stamped = Stamped { t_ms: to_millis(now.since_epoch()), line };
    stamped.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping))?;
    bytes.push(b'\n');
    to.write_all(&bytes)?;
    to.flush()
}

/// Compact JSON that escapes, besides what JSON asks for (C0), all that may steer a terminal: DEL,
/// C1, bidirectional controls and the separators of lines. For a reader of JSON it is the same.
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
        for (at, c) in fragment.char_indices().filter(|(_, c)| steers(*c)) {
            to.write_all(&fragment.as_bytes()[plain..at])?;
            write!(to, "\\u{:04x}", u32::from(c))?;
            plain = at + c.len_utf8();
        }
        to.write_all(&fragment.as_bytes()[plain..])
    }
}

/// Whether [`printable`] escapes it.
fn steers(c: char) -> bool {
    !c.is_ascii_graphic() && matches!(printable(c.encode_utf8(&mut [0; 4])), Cow::Owned(_))
}

#[cfg(test)]
mod tests;
