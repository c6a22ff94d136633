//! The cause of a loss in words.

use std::time::Duration;

use websocket_heartbeat_smol::LostCause;

use crate::duration::to_millis;

/// Describes a cause. Times are rounded to the millisecond.
pub(crate) fn describe(cause: &LostCause) -> String {
    let round = |time| Duration::from_millis(to_millis(time));
    match *cause {
        LostCause::HeartbeatTimeout(time) => LostCause::HeartbeatTimeout(round(time)).to_string(),
        // The library leaves out the server's text, since it may be secret. wsbeat shows it to the
        // user of the connection.
        LostCause::ClosedByPeer(Some(ref frame)) if !frame.reason.is_empty() => {
            format!("closed by the server with code {} ({})", frame.code, frame.reason)
        }
        LostCause::WriteStalled(time) => LostCause::WriteStalled(round(time)).to_string(),
        ref other => other.to_string(),
    }
}
