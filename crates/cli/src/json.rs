//! `--json`: one object per line, as documented in JSON.md.

use std::io::{self, Write};

use serde::Serialize;
use websocket_heartbeat_smol::Timestamp;

use crate::{duration::to_millis, line::Line};

#[derive(Serialize)]
struct Stamped<'a> {
    t_ms: u64,
    #[serde(flatten)]
    line: &'a Line<'a>,
}

/// Writes a line and flushes it, so that whoever reads has it at once.
pub(crate) fn write(to: &mut impl Write, now: Timestamp, line: &Line<'_>) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(&Stamped { t_ms: to_millis(now.since_epoch()), line })?;
    bytes.push(b'\n');
    to.write_all(&bytes)?;
    to.flush()
}

#[cfg(test)]
mod tests;
