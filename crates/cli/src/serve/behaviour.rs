//! The behaviour of a server: what it sends, and its faults.

use std::time::Duration;

use async_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use crate::values;

/// The options of `wsbeat serve` that change what a client sees. Without any it echoes.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Behaviour")]
pub(crate) struct Behaviour {
    /// Do not echo messages
    #[arg(long, conflicts_with = "prefix")]
    no_echo: bool,
    /// A text before each echoed text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Send a text message in this interval: tick 1, tick 2, ..
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    tick: Option<Duration>,
    /// Select this subprotocol if the client offers it
    #[arg(long, value_name = "NAME")]
    pub(super) subprotocol: Option<String>,
    #[command(flatten)]
    faults: Faults,
    /// Only the first connections have the faults [default: all]
    #[arg(long, value_name = "COUNT", value_parser = values::count, help_heading = "Faults", requires = "Faults")]
    faulty: Option<u32>,
}

/// The faults of a connection.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Faults")]
pub(super) struct Faults {
    /// After this number of messages, keep TCP open in silence
    ///
    /// The server neither reads nor writes then.
    #[arg(long, value_name = "COUNT", value_parser = values::number)]
    silent_after: Option<u32>,
    /// The same as --silent-after 0
    #[arg(long, conflicts_with = "silent_after")]
    half_open: bool,
    /// Accept TCP, but do not answer the upgrade
    #[arg(long, conflicts_with_all = ["silent_after", "half_open", "drop_every", "close", "early_data"])]
    pub(super) stall_upgrade: bool,
    /// Read at most this number of bytes in a second
    #[arg(long, value_name = "BYTES", value_parser = values::count)]
    pub(super) slow_reader: Option<u32>,
    /// End TCP at each message whose number is a multiple of this
    ///
    /// There is no close frame.
    #[arg(long, value_name = "COUNT", value_parser = values::count)]
    drop_every: Option<u32>,
    /// Refuse the upgrade with this HTTP status
    #[arg(
        long,
        value_name = "STATUS",
        value_parser = values::status,
        conflicts_with_all = ["stall_upgrade", "silent_after", "half_open", "slow_reader", "drop_every", "close", "early_data"]
    )]
    refuse: Option<u16>,
    /// With --refuse: the Retry-After of the answer, in whole seconds
    #[arg(long, value_name = "TIME", value_parser = values::time, requires = "refuse")]
    retry_after: Option<Duration>,
    /// Close with this code and reason
    #[arg(long, value_name = "CODE[:REASON]", value_parser = close_frame)]
    close: Option<CloseFrame>,
    /// With --close: after this number of messages [default: 0]
    #[arg(long, value_name = "COUNT", value_parser = values::number, requires = "close")]
    close_after: Option<u32>,
    /// Send this text in the same packet as the answer to the upgrade
    #[arg(long, value_name = "TEXT")]
    pub(super) early_data: Option<String>,
    /// End TCP after this time without a byte in either direction
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    pub(super) idle_limit: Option<Duration>,
    /// End TCP at this age of the connection
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    pub(super) age_limit: Option<Duration>,
}

/// The next step of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Serve,
    /// Neither read nor write.
    Silence,
    /// End TCP.
    Drop,
    Close(CloseFrame),
}

impl Behaviour {
    /// The faults of a connection, which are numbered from 1.
    pub(super) fn faults(&self, connection: u64) -> Faults {
        match self.faulty {
            Some(count) if connection > u64::from(count) => Faults::default(),
            _ => self.faults.clone(),
        }
    }

    pub(super) fn tick(&self) -> Option<Duration> {
        self.tick
    }

    /// The answer to a text of the client.
    pub(super) fn echo(&self) -> Option<&str> {
        (!self.no_echo).then_some(&self.prefix)
    }
}

impl Faults {
    /// The status line and the fields of a refusal.
    pub(super) fn refusal(&self) -> Option<(String, String)> {
        let status = self.refuse?;
        let retry_after = self.retry_after.map_or_else(String::new, |time| {
            format!("Retry-After: {}\r\n", time.as_millis().div_ceil(1_000))
        });
        Some((format!("{status} Refused"), retry_after))
    }

    /// The step after this number of messages. Each number is asked for once, from 0.
    pub(super) fn step(&self, messages: u64) -> Step {
        let reached = |limit: Option<u32>| limit.is_some_and(|limit| messages == u64::from(limit));
        let dropped =
            self.drop_every.is_some_and(|every| messages.is_multiple_of(u64::from(every)));
        if dropped && messages > 0 {
            return Step::Drop;
        }
        if self.half_open || reached(self.silent_after) {
            return Step::Silence;
        }
        match &self.close {
            Some(frame) if messages == u64::from(self.close_after.unwrap_or(0)) => {
                Step::Close(frame.clone())
            }
            _ => Step::Serve,
        }
    }
}

/// `CODE` or `CODE:REASON`.
fn close_frame(text: &str) -> Result<CloseFrame, String> {
    let (code, reason) = text.split_once(':').unwrap_or((text, ""));
    let code = code.parse::<u16>().ok().map(CloseCode::from).filter(|code| code.is_allowed());
    let Some(code) = code else {
        return Err("the close code must be 1000 to 1003, 1007 to 1014, or 3000 to 4999; \
                    write for example 1001 or 4001:reason"
            .to_owned());
    };
    // RFC 6455 section 5.5: 125 bytes, of which the code takes two.
    if reason.len() > 123 {
        return Err("the reason has more than 123 bytes; shorten it".to_owned());
    }
    Ok(CloseFrame { code, reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_frame_has_a_code_that_a_server_may_send() {
        let frame = close_frame("4001:bye: now").unwrap();
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4001, "bye: now"));
        assert_eq!(close_frame("1000").unwrap().reason.as_str(), "");
        for wrong in ["", "x", "999", "1005", "1006", "1015", "5000"] {
            assert!(close_frame(wrong).is_err(), "{wrong}");
        }
        assert!(close_frame(&format!("1000:{}", "x".repeat(124))).is_err());
    }

    #[test]
    fn faults_begin_at_their_number_of_messages() {
        let steps = |faults: Faults| (0..7).map(|n| faults.step(n)).collect::<Vec<_>>();
        let at = |wanted: &[usize], step: &Step| -> Vec<Step> {
            (0..7).map(|n| if wanted.contains(&n) { step.clone() } else { Step::Serve }).collect()
        };
        let silent = Faults { silent_after: Some(3), ..Faults::default() };
        assert_eq!(steps(silent), at(&[3], &Step::Silence));
        let dropping = Faults { drop_every: Some(3), ..Faults::default() };
        assert_eq!(steps(dropping), at(&[3, 6], &Step::Drop));
        let frame = close_frame("4001").unwrap();
        let closing = Faults { close: Some(frame.clone()), ..Faults::default() };
        assert_eq!(steps(closing), at(&[0], &Step::Close(frame)));
    }

    #[test]
    fn only_the_first_connections_are_faulty() {
        let faults = Faults { half_open: true, ..Faults::default() };
        let behaviour = Behaviour { faults, faulty: Some(2), ..Behaviour::default() };
        let faulty: Vec<_> = (1..5).map(|number| behaviour.faults(number).half_open).collect();
        assert_eq!(faulty, [true, true, false, false]);
    }
}
