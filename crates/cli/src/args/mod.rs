//! The arguments of the command line.

use std::{ffi::OsString, fmt, time::Duration};

use lexopt::{Arg, Parser, ValueExt};
use websocket_heartbeat_smol::{Preset, Request, RequestError};

use crate::{
    duration,
    options::{HeartbeatKind, Options},
};

/// The command to run.
#[derive(Debug)]
pub(crate) enum Command {
    Demo,
    Connect { request: Box<Request>, options: Box<Options> },
    Help(Topic),
    Version,
}

/// The subject of a help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    All,
    Demo,
    Connect,
}

/// One sentence: the error and the remedy. It contains no URL and no header value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The messages of lexopt quote values, which may be secret.
impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        use lexopt::Error;
        Self(match error {
            Error::MissingValue { option: Some(option) } => {
                format!("{option} needs a value; see wsbeat connect --help")
            }
            Error::UnexpectedOption(option) => {
                format!("the option {option} is unknown; see wsbeat --help")
            }
            Error::UnexpectedValue { option, .. } => {
                format!("{option} takes no value; write {option} alone")
            }
            Error::NonUnicodeValue(_) => {
                "an argument is not valid UTF-8; write it in UTF-8".to_owned()
            }
            _ => "there are too many arguments; see wsbeat --help".to_owned(),
        })
    }
}

fn refused<T>(message: impl Into<String>) -> Result<T, UsageError> {
    Err(UsageError(message.into()))
}

/// Parses the arguments without the name of the program.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut parser = Parser::from_args(args);
    match parser.next()? {
        None => {
            refused("no command is given; run wsbeat demo, wsbeat connect URL or wsbeat --help")
        }
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help(Topic::All)),
        Some(Arg::Short('V') | Arg::Long("version")) => Ok(Command::Version),
        Some(Arg::Value(command)) => match command.to_str() {
            Some("demo") => demo(parser),
            Some("connect") => connect(parser),
            Some("help") => Ok(Command::Help(Topic::All)),
            _ => refused("the command is unknown; run wsbeat demo or wsbeat connect URL"),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

fn demo(mut parser: Parser) -> Result<Command, UsageError> {
    match parser.next()? {
        None => Ok(Command::Demo),
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help(Topic::Demo)),
        Some(_) => refused("wsbeat demo takes no arguments; run wsbeat demo alone"),
    }
}

fn connect(mut parser: Parser) -> Result<Command, UsageError> {
    let mut url: Option<String> = None;
    let mut headers = Vec::new();
    let mut subprotocols: Vec<String> = Vec::new();
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(Topic::Connect)),
            Arg::Short('H') | Arg::Long("header") => headers.push(header(&mut parser)?),
            Arg::Long("subprotocol") => subprotocols.push(parser.value()?.string()?),
            Arg::Long(name) => {
                let option = format!("--{name}");
                set_option(&option, &mut parser, &mut options)?;
            }
            Arg::Value(value) if url.is_none() => url = Some(value.string()?),
            Arg::Value(_) => return refused("there is more than one URL; write one URL"),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(url) = url else {
        return refused("no URL is given; write one, for example ws://127.0.0.1:8080");
    };
    options.check().map_err(UsageError)?;
    let request = request(&url, &headers, &subprotocols).map_err(request_error)?;
    Ok(Command::Connect { request: Box::new(request), options: Box::new(options) })
}

fn request(
    url: &str,
    headers: &[(String, String)],
    subprotocols: &[String],
) -> Result<Request, RequestError> {
    let mut request = Request::new(url)?;
    for (name, value) in headers {
        request = request.header(name, value)?;
    }
    for name in subprotocols {
        request = request.subprotocol(name)?;
    }
    Ok(request)
}

fn request_error(error: RequestError) -> UsageError {
    let remedy = match &error {
        RequestError::Scheme | RequestError::Malformed | RequestError::Host => {
            "write it as ws://host:port/path or wss://host/path"
        }
        RequestError::HostCharacter | RequestError::HostLength => "correct the host",
        RequestError::Port => "correct the port",
        RequestError::Fragment | RequestError::HeaderReserved(_) => "leave it out",
        RequestError::HeaderValue(_) => "remove control characters from the value",
        RequestError::Subprotocol => "use letters, digits, and for example - or .",
        RequestError::SubprotocolTwice => "leave one out",
        RequestError::TlsMissing => {
            let message = "wss:// needs TLS and this wsbeat is built without it; \
                           build it with the feature rustls";
            return UsageError(message.to_owned());
        }
        // The text before the colon may be a secret value.
        RequestError::HeaderName => {
            let message = "-H has no valid field name before the colon; write -H 'Name: value'";
            return UsageError(message.to_owned());
        }
        _ => "see wsbeat connect --help",
    };
    UsageError(format!("{error}; {remedy}"))
}

fn header(parser: &mut Parser) -> Result<(String, String), UsageError> {
    let field = parser.value()?.string()?;
    let Some((name, value)) = field.split_once(':') else {
        return refused("-H has no colon; write -H 'Name: value'");
    };
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Parses the value of one option, if it takes one, and stores it.
fn set_option(option: &str, parser: &mut Parser, options: &mut Options) -> Result<(), UsageError> {
    match option {
        "--json" => options.json = true,
        "--close-on-eof" => options.close_on_eof = true,
        "--ping-timeout" => options.ping_timeout = Some(positive(option, parser)?),
        "--pong-timeout" => options.pong_timeout = Some(positive(option, parser)?),
        "--reconnect-timeout" => options.reconnect_timeout = Some(time(option, parser)?),
        "--connect-timeout" => options.connect_timeout = Some(positive(option, parser)?),
        "--duration" => options.duration = Some(positive(option, parser)?),
        "--max-age" => options.max_age = Some(positive(option, parser)?),
        "--ping-msg" => options.ping_msg = Some(parser.value()?.string()?),
        "--backoff" => options.backoff = Some(range(option, parser)?),
        "--heartbeat" => options.heartbeat = Some(heartbeat_kind(parser)?),
        "--preset" => options.preset = preset(parser)?,
        "--repeat-limit" => options.repeat_limit = Some(number(option, 0, parser)?),
        "--resend" => options.resend = Some(number(option, 0, parser)?),
        "--max-dials-per-minute" => {
            options.max_dials_per_minute = Some(number(option, 1, parser)?);
        }
        "--keep-offline" => options.keep_offline = Some(number(option, 0, parser)? as usize),
        "--outbox-bytes" => options.outbox_bytes = Some(number(option, 1, parser)? as usize),
        "--stop-on" => options.stop_on.extend(statuses(&parser.value()?.string()?)?),
        _ => return refused(format!("the option {option} is unknown; see wsbeat connect --help")),
    }
    Ok(())
}

fn with_option<T>(option: &str, result: Result<T, String>) -> Result<T, UsageError> {
    result.map_err(|message| UsageError(format!("{option}: {message}")))
}

fn time(option: &str, parser: &mut Parser) -> Result<Duration, UsageError> {
    with_option(option, duration::parse(&parser.value()?.string()?))
}

fn positive(option: &str, parser: &mut Parser) -> Result<Duration, UsageError> {
    let time = time(option, parser)?;
    if time.is_zero() {
        return refused(format!("{option} must be longer than zero; write for example 10s"));
    }
    Ok(time)
}

fn range(option: &str, parser: &mut Parser) -> Result<(Duration, Duration), UsageError> {
    let range = with_option(option, duration::parse_range(&parser.value()?.string()?))?;
    if range.0.is_zero() {
        return refused(format!("{option} must begin above zero; write for example 1s..30s"));
    }
    Ok(range)
}

fn heartbeat_kind(parser: &mut Parser) -> Result<HeartbeatKind, UsageError> {
    match parser.value()?.to_str() {
        Some("message") => Ok(HeartbeatKind::Message),
        Some("ping") => Ok(HeartbeatKind::Ping),
        Some("off") => Ok(HeartbeatKind::Off),
        _ => refused("--heartbeat must be message, ping or off"),
    }
}

fn preset(parser: &mut Parser) -> Result<Preset, UsageError> {
    match parser.value()?.to_str() {
        Some("original") => Ok(Preset::Original),
        Some("resilient") => Ok(Preset::Resilient),
        _ => refused("--preset must be original or resilient"),
    }
}

fn number(option: &str, minimum: u32, parser: &mut Parser) -> Result<u32, UsageError> {
    match parser.value()?.to_str().and_then(|text| text.parse().ok()) {
        Some(number) if number >= minimum => Ok(number),
        _ => refused(format!("{option} must be a whole number from {minimum} to {}", u32::MAX)),
    }
}

fn statuses(list: &str) -> Result<Vec<u16>, UsageError> {
    let status = |text: &str| text.trim().parse().ok().filter(|code| (200..600).contains(code));
    let statuses: Option<Vec<u16>> = list.split(',').map(status).collect();
    statuses.ok_or_else(|| {
        let message = "--stop-on must be a list of HTTP statuses from 200 to 599; \
                       write for example 401,403";
        UsageError(message.to_owned())
    })
}

#[cfg(test)]
mod tests;
