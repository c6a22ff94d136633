//! The close frame of this end: `--close-code` and `--close-reason`.

use websocket_heartbeat_smol::CloseFrame;

#[derive(clap::Args)]
#[command(next_help_heading = "End")]
pub(super) struct CloseFrameOptions {
    /// The code of the close frame that ends the session [default: 1000]
    #[arg(long, value_name = "CODE", value_parser = code)]
    close_code: Option<u16>,
    /// The reason of the close frame that ends the session [default: none]
    ///
    /// It has at most 123 bytes.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    close_reason: Option<String>,
}

impl CloseFrameOptions {
    /// `None` for the default of the library.
    pub(super) fn frame(&self) -> Option<CloseFrame> {
        if self.close_code.is_none() && self.close_reason.is_none() {
            return None;
        }
        let reason = self.close_reason.as_deref().unwrap_or_default();
        Some(CloseFrame::new(self.close_code.unwrap_or(NORMAL), reason))
    }
}

/// RFC 6455 section 7.4.1: the purpose of the connection is fulfilled.
const NORMAL: u16 = 1000;

/// A code that a client may send, by the rule of the library.
fn code(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) => Ok(code),
        _ => {
            Err("the value must be a code that a client may send: 1000 to 1003, 1007 to 1014, or \
                  3000 to 4999; write for example 4000"
                .to_owned())
        }
    }
}

fn reason(text: &str) -> Result<String, String> {
    match text.len() {
        0..=REASON_BYTES => Ok(text.to_owned()),
        length => Err(format!(
            "the text has {length} bytes, and a close frame has room for {REASON_BYTES}; write a \
             shorter one"
        )),
    }
}

/// RFC 6455 section 5.5: a control frame has 125 bytes, two of them for the code.
const REASON_BYTES: usize = 123;

#[cfg(test)]
mod tests {
    use websocket_heartbeat_mock::{Clock, mock};
    use websocket_heartbeat_smol::Supervisor;

    use super::*;

    #[test]
    fn the_options_accept_what_the_library_sends() {
        let clock = Clock::new();
        let supervisor = Supervisor::builder(mock(&clock).0, clock.timer()).build().unwrap();
        let handle = supervisor.handle();
        for number in 0..=5_100 {
            let sendable = handle.close_with(CloseFrame::new(number, "")).is_ok();
            assert_eq!(code(&number.to_string()).is_ok(), sendable, "{number}");
        }
        for length in [0, 123, 124] {
            let text = "x".repeat(length);
            let sendable = handle.close_with(CloseFrame::new(1000, text.as_str())).is_ok();
            assert_eq!(reason(&text).is_ok(), sendable, "{length}");
        }
    }
}
