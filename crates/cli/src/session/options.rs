//! The options of the session: heartbeats, reconnecting, the outbox.

use std::time::Duration;

use clap::{Args, ValueEnum};
use websocket_heartbeat_smol::{
    Attempts, ConfigError, Constant, DialBudget, ErrorKind, Exponential, Failure, Heartbeat,
    Offline, OutboxSettings, Preset, SmolTimer, Supervisor, Transport, Verdict,
};

use crate::{
    usage::UsageError,
    values::{self, PresetName},
};

/// The options as given. `None` means the value of the preset.
#[derive(Args, Debug)]
pub(crate) struct SessionOptions {
    /// resilient or original: settings that all others refine
    ///
    /// resilient is recommended: it survives faults of servers and networks. original has the
    /// settings of the npm package websocket-heartbeat-js.
    #[arg(
        long,
        value_enum,
        value_name = "NAME",
        default_value = "resilient",
        help_heading = "Session",
        hide_possible_values = true
    )]
    preset: PresetName,
    #[command(flatten)]
    heartbeat: HeartbeatOptions,
    #[command(flatten)]
    reconnect: ReconnectOptions,
    #[command(flatten)]
    sending: SendingOptions,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Heartbeat")]
struct HeartbeatOptions {
    /// A heartbeat is sent after this time of silence [default: 15s]
    ///
    /// Silence means that the server sends nothing.
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    ping_timeout: Option<Duration>,
    /// The time for the answer to a heartbeat [default: 10s]
    ///
    /// Without an answer, the connection is lost.
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    pong_timeout: Option<Duration>,
    /// ping, message or off [original: message; resilient: ping]
    ///
    /// ping is a ping frame, which every server answers by itself. message is a text message, which
    /// the server must answer with any message. off sends none, so that a silent loss is not detected.
    #[arg(long, value_enum, value_name = "KIND", hide_possible_values = true)]
    heartbeat: Option<HeartbeatKind>,
    /// The connection is lost if the server accepts no byte for this time
    ///
    /// This applies even if the server sends messages. [original: no limit; resilient: 5m]
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    write_timeout: Option<Duration>,
    /// The text of --heartbeat message, which it implies [default: heartbeat]
    #[arg(long, value_name = "TEXT")]
    ping_msg: Option<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Reconnecting")]
struct ReconnectOptions {
    /// A constant delay before each attempt [original: 2s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    reconnect_timeout: Option<Duration>,
    /// Random delays, below a limit that doubles [resilient: 1s..30s]
    ///
    /// The limit doubles from MIN to MAX with each attempt that fails.
    #[arg(long, value_name = "MIN..MAX", value_parser = values::range)]
    backoff: Option<(Duration, Duration)>,
    /// The number of attempts after a loss [default: no limit]
    ///
    /// After them the session ends. 0 means that it never reconnects. The count starts again when a connection opens (original) or
    /// has been open for 5s (resilient).
    #[arg(long, value_name = "COUNT", value_parser = values::number, allow_negative_numbers = true)]
    repeat_limit: Option<u32>,
    /// The maximum time of an attempt [default: 10s]
    ///
    /// With the preset resilient the time doubles up to 60s with each attempt that fails by it. A given
    /// time is constant.
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    connect_timeout: Option<Duration>,
    /// The session ends if the upgrade is refused with these statuses
    ///
    /// The statuses of HTTP are added to those of the preset. [original: none; resilient: 410, and 401
    /// twice in a row]
    #[arg(long, value_name = "STATUS,..", value_delimiter = ',', value_parser = values::listed_status)]
    stop_on: Vec<u16>,
    /// The maximum number of attempts in 60s [default: no limit]
    ///
    /// Attempts are always at least 100ms apart.
    #[arg(long, value_name = "COUNT", value_parser = values::count)]
    max_dials_per_minute: Option<u32>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Sending")]
struct SendingOptions {
    /// The maximum number of lines that wait without a connection
    ///
    /// At the maximum, wsbeat stops reading standard input. 0 means that lines without a connection are
    /// reported as unsent. [original: 0; resilient: 1024]
    #[arg(long, value_name = "COUNT", value_parser = values::number)]
    keep_offline: Option<u32>,
    /// The maximum size of all unsent lines, and of one [default: 67108864]
    #[arg(long, value_name = "BYTES", value_parser = values::count)]
    outbox_bytes: Option<u32>,
    /// A line that waits for longer is dropped [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = values::positive)]
    max_age: Option<Duration>,
    /// A line is sent again if its connection is lost [default: 0]
    ///
    /// This applies to a line that was being sent, at most this number of times for each line. The server may
    /// receive the line more than once.
    #[arg(long, value_name = "COUNT", value_parser = values::number)]
    resend: Option<u32>,
}

/// The value of `--heartbeat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeartbeatKind {
    /// A text message.
    Message,
    /// A ping frame.
    Ping,
    /// None.
    Off,
}

/// The value of both presets.
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// The default of [`OutboxSettings`].
const OUTBOX_BYTES: usize = 64 << 20;

impl SessionOptions {
    /// Refuses options that contradict each other and options without effect.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        let refused = |message: &str| Err(UsageError::new(message));
        let (heartbeat, reconnect) = (&self.heartbeat, &self.reconnect);
        match heartbeat.heartbeat {
            Some(HeartbeatKind::Ping) if heartbeat.ping_msg.is_some() => {
                return refused("--ping-msg has no effect with --heartbeat ping; leave one out");
            }
            Some(HeartbeatKind::Off) => {
                let given = [
                    ("--ping-msg", heartbeat.ping_msg.is_some()),
                    ("--ping-timeout", heartbeat.ping_timeout.is_some()),
                    ("--pong-timeout", heartbeat.pong_timeout.is_some()),
                ];
                without_effect(given, "--heartbeat off")?;
            }
            _ => {}
        }
        if reconnect.repeat_limit == Some(0) {
            let given = [
                ("--reconnect-timeout", reconnect.reconnect_timeout.is_some()),
                ("--backoff", reconnect.backoff.is_some()),
                ("--max-dials-per-minute", reconnect.max_dials_per_minute.is_some()),
            ];
            without_effect(given, "--repeat-limit 0")?;
        }
        if reconnect.backoff.is_some() && reconnect.reconnect_timeout.is_some() {
            return refused(
                "--reconnect-timeout sets a constant delay and --backoff a growing one; leave one out",
            );
        }
        if self.sending.resend.is_some_and(|times| times > 0) && self.kept_offline() == 0 {
            return refused(
                "--resend has no effect if nothing is kept offline; add --keep-offline COUNT",
            );
        }
        Ok(())
    }

    fn preset(&self) -> Preset {
        self.preset.into()
    }

    /// The maximum length of one line of standard input, in bytes.
    pub(crate) fn max_line_bytes(&self) -> usize {
        self.sending.outbox_bytes.map_or(OUTBOX_BYTES, |bytes| bytes as usize)
    }

    /// Builds the session.
    pub(crate) fn supervisor<T: Transport>(
        &self,
        transport: T,
        timer: SmolTimer,
    ) -> Result<Supervisor<T, SmolTimer>, ConfigError> {
        let mut builder = Supervisor::builder(transport, timer)
            .preset(self.preset())
            .heartbeat(self.heartbeat())
            .outbox(self.outbox());
        if let Some(delay) = self.reconnect.reconnect_timeout {
            builder = builder.backoff(Constant::new(delay));
        }
        if let Some((base, cap)) = self.reconnect.backoff {
            builder = builder.backoff(Exponential::new().base(base).cap(cap));
        }
        if let Some(limit) = self.reconnect.repeat_limit {
            builder = builder.attempts(Attempts::at_most(limit));
        }
        if let Some(timeout) = self.reconnect.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(count) = self.reconnect.max_dials_per_minute {
            builder = builder.dial_budget(DialBudget::new(count, Duration::from_secs(60))?);
        }
        if let Some(timeout) = self.heartbeat.write_timeout {
            builder = builder.write_timeout(timeout);
        }
        builder.verdict(self.verdict()).build()
    }

    /// `--heartbeat` if given. `--ping-msg` alone means a message. Otherwise the preset decides.
    pub(crate) fn heartbeat_kind(&self) -> HeartbeatKind {
        let by_preset = match self.preset() {
            Preset::Resilient => HeartbeatKind::Ping,
            _ => HeartbeatKind::Message,
        };
        let by_message = self.heartbeat.ping_msg.as_ref().map(|_| HeartbeatKind::Message);
        self.heartbeat.heartbeat.or(by_message).unwrap_or(by_preset)
    }

    fn heartbeat(&self) -> Heartbeat {
        let heartbeat = &self.heartbeat;
        let idle = Heartbeat::idle(heartbeat.ping_timeout.unwrap_or(PING_TIMEOUT))
            .timeout(heartbeat.pong_timeout.unwrap_or(Heartbeat::DEFAULT_TIMEOUT));
        match self.heartbeat_kind() {
            HeartbeatKind::Off => Heartbeat::off(),
            HeartbeatKind::Ping => idle.ping(),
            HeartbeatKind::Message => {
                idle.message(heartbeat.ping_msg.as_deref().unwrap_or(Heartbeat::ORIGINAL_MESSAGE))
            }
        }
    }

    fn kept_offline(&self) -> usize {
        let by_preset = if self.preset() == Preset::Resilient { 1_024 } else { 0 };
        self.sending.keep_offline.map_or(by_preset, |count| count as usize)
    }

    /// Gives messages back with every preset, since each line that was not written is reported.
    fn outbox(&self) -> OutboxSettings {
        let outbox = match self.kept_offline() {
            0 => OutboxSettings::new().offline(Offline::Refuse),
            count => OutboxSettings::new().offline(Offline::Keep).count(count),
        };
        let outbox = outbox.give_back(true).resend(self.sending.resend.unwrap_or(0));
        let outbox = outbox.bytes(self.max_line_bytes());
        self.sending.max_age.map_or(outbox, |age| outbox.max_age(age))
    }

    /// Decides about each loss: `--stop-on`, and a message above the limit, which the server would
    /// send again on the next connection. Otherwise the preset decides.
    fn verdict(&self) -> impl FnMut(&Failure<'_>) -> Verdict + Send + 'static {
        let (statuses, preset) = (self.reconnect.stop_on.clone(), self.preset());
        move |failure| {
            let refused = failure.http_status().is_some_and(|status| statuses.contains(&status));
            let large = failure.error_kind() == Some(ErrorKind::TooLarge);
            if refused || (large && failure.opened && !failure.in_writing) {
                return Verdict::Stop;
            }
            match preset {
                Preset::Resilient => Verdict::careful(failure),
                _ => Verdict::always_retry(failure),
            }
        }
    }
}

/// Refuses the first option that is given and has no effect because of `other`.
fn without_effect(options: [(&str, bool); 3], other: &str) -> Result<(), UsageError> {
    match options.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            Err(UsageError(format!("{option} has no effect with {other}; leave one out")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use websocket_heartbeat_smol::{Request, SmolTransport};

    use super::*;

    #[derive(Parser)]
    #[command(args_override_self = true)]
    struct Line {
        #[command(flatten)]
        options: SessionOptions,
    }

    fn options(args: &[&str]) -> SessionOptions {
        Line::parse_from([&["wsbeat"], args].concat()).options
    }

    #[test]
    fn every_option_is_parsed() {
        let line = "--ping-timeout=1m30s --pong-timeout 300ms --ping-msg hello --repeat-limit 4 \
                    --heartbeat message --preset resilient --backoff 1s..30s --connect-timeout 5s \
                    --keep-offline 7 --outbox-bytes 1000 --max-age 9s --resend 2 --stop-on 401,403 \
                    --stop-on 410 --max-dials-per-minute 6 --write-timeout 1m";
        let options = options(&line.split_whitespace().collect::<Vec<_>>());
        let secs = Duration::from_secs;
        let SessionOptions { heartbeat, reconnect, sending, .. } = &options;
        assert_eq!(heartbeat.ping_timeout, Some(secs(90)));
        assert_eq!(heartbeat.pong_timeout, Some(secs(3) / 10));
        assert_eq!(heartbeat.write_timeout, Some(secs(60)));
        assert_eq!(heartbeat.ping_msg.as_deref(), Some("hello"));
        assert_eq!(heartbeat.heartbeat, Some(HeartbeatKind::Message));
        assert_eq!(reconnect.repeat_limit, Some(4));
        assert_eq!(reconnect.backoff, Some((secs(1), secs(30))));
        assert_eq!(reconnect.connect_timeout, Some(secs(5)));
        assert_eq!(reconnect.stop_on, [401, 403, 410]);
        assert_eq!(reconnect.max_dials_per_minute, Some(6));
        assert_eq!((sending.keep_offline, sending.outbox_bytes), (Some(7), Some(1000)));
        assert_eq!((sending.max_age, sending.resend), (Some(secs(9)), Some(2)));
        assert!(options.check().is_ok());
        let transport = SmolTransport::new(Request::new("ws://localhost:1/").unwrap());
        assert!(options.supervisor(transport, SmolTimer::new()).is_ok());
    }

    #[test]
    fn a_heartbeat_text_means_message_heartbeats_with_every_preset() {
        for preset in ["original", "resilient"] {
            let options = options(&["--preset", preset, "--ping-msg", "hello"]);
            assert_eq!(options.heartbeat_kind(), HeartbeatKind::Message);
        }
        assert_eq!(options(&["--ping-msg", "hello"]).heartbeat_kind(), HeartbeatKind::Message);
    }
}
