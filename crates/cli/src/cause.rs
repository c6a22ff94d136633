//! The cause of a loss in words.

use websocket_heartbeat_smol::LostCause;

/// Describes a cause, with the reason of a close frame.
pub(crate) fn describe(cause: &LostCause) -> String {
    match cause {
        // The library leaves out the server's text, since it may be secret. wsbeat shows it to the
        // user of the connection.
        LostCause::ClosedByPeer(Some(frame)) if !frame.reason.is_empty() => {
            format!("closed by the server with code {} ({})", frame.code, frame.reason)
        }
        other => other.to_string(),
    }
}
