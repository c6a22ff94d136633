//! A limit at which the server ends connections, in words: [`describe`].

use websocket_heartbeat_smol::Cutoff;

use crate::duration::{interval_below, show};

/// The text for people, with the option that keeps the connection. No option of `wsbeat` is about
/// the age of a connection.
pub(crate) fn describe(cutoff: &Cutoff) -> String {
    match cutoff {
        Cutoff::Silence { limit, in_a_row, .. } => {
            let interval = interval_below(*limit);
            let limit = show(*limit);
            format!(
                "cut after {limit} of silence, {in_a_row} times in a row: \
                 try --ping-timeout {interval}"
            )
        }
        Cutoff::Age { limit, in_a_row, .. } => {
            format!("cut at an age of {}, {in_a_row} times in a row", show(*limit))
        }
        cutoff => cutoff.to_string(),
    }
}
