//! The cause of a loss, and the reason of an end, in words.

use websocket_heartbeat_smol::{CloseReason, LostCause};

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

/// Describes why a session ended, with the same words for its cause.
pub(crate) fn describe_end(reason: &CloseReason) -> String {
    let words = reason.to_string();
    let Some(cause) = reason.cause() else { return words };
    match words.strip_suffix(&cause.to_string()) {
        Some(head) => head.to_owned() + &describe(cause),
        None => words,
    }
}
