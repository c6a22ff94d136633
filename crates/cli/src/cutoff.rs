//! A limit at which the server ends connections: [`CutoffRecord`].

use std::time::Duration;

use serde::Serialize;
use websocket_heartbeat_smol::Cutoff;

use crate::duration::{show, to_millis};

/// A limit at which the server ends connections.
#[derive(Debug, Serialize)]
pub(crate) struct CutoffRecord {
    pub(crate) kind: &'static str,
    pub(crate) limit_ms: u64,
    pub(crate) in_a_row: u32,
}

impl CutoffRecord {
    /// `None` for a kind that is not known here.
    pub(crate) fn of(cutoff: &Cutoff) -> Option<Self> {
        let (Cutoff::Silence { limit, in_a_row, .. } | Cutoff::Age { limit, in_a_row, .. }) =
            *cutoff
        else {
            return None;
        };
        Some(Self { kind: cutoff.name(), limit_ms: to_millis(limit), in_a_row })
    }

    /// The text for people, with the option that keeps the connection. No option of `wsbeat` is
    /// about the age of a connection.
    pub(crate) fn describe(&self) -> String {
        let limit = show(Duration::from_millis(self.limit_ms));
        let times = format!("{} times in a row", self.in_a_row);
        if self.kind == "silence" {
            // Three fifths leave time for the heartbeat and its answer.
            let interval = self.limit_ms / 1_000 * 3 / 5;
            format!("cut after {limit} of silence, {times}: try --ping-timeout {interval}s")
        } else {
            format!("cut at an age of {limit}, {times}")
        }
    }
}
