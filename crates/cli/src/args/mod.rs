//! The command line's arguments.

use std::{ffi::OsString, fmt, time::Duration};

use lexopt::{Arg, Parser, ValueExt};
use websocket_heartbeat_smol::{Preset, Request, RequestError};

use crate::{
    duration,
    options::{Kind, Options},
};

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Demo,
    Connect(Box<Options>),
    Help(Topic),
    Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    All,
    Demo,
    Connect,
}

/// One line that says what was wrong and what to do. It holds neither URLs nor header values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// lexopt's own words quote values, which may be secret.
impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        use lexopt::Error;
        Self(match error {
            Error::MissingValue { option: Some(option) } => {
                format!("{option} needs a value; see wsbeat connect --help")
            }
            Error::UnexpectedOption(option) => {
                format!("there is no option {option}; see wsbeat --help")
            }
            Error::UnexpectedValue { option, .. } => format!("{option} takes no value"),
            Error::NonUnicodeValue(_) => "an argument is not valid UTF-8".to_owned(),
            _ => "too many arguments; see wsbeat --help".to_owned(),
        })
    }
}

fn refused<T>(line: impl Into<String>) -> Result<T, UsageError> {
    Err(UsageError(line.into()))
}

/// Reads the arguments, the program's name not among them.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut parser = Parser::from_args(args);
    match parser.next()? {
        None => refused("what to do? Try wsbeat demo, or wsbeat connect URL, or wsbeat --help"),
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help(Topic::All)),
        Some(Arg::Short('V') | Arg::Long("version")) => Ok(Command::Version),
        Some(Arg::Value(command)) => match command.to_str() {
            Some("demo") => demo(parser),
            Some("connect") => connect(parser),
            Some("help") => Ok(Command::Help(Topic::All)),
            _ => refused("that is no command; try wsbeat demo, or wsbeat connect URL"),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

fn demo(mut parser: Parser) -> Result<Command, UsageError> {
    match parser.next()? {
        None => Ok(Command::Demo),
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help(Topic::Demo)),
        Some(_) => refused("wsbeat demo takes no arguments"),
    }
}

fn connect(mut parser: Parser) -> Result<Command, UsageError> {
    let mut url: Option<String> = None;
    let mut headers = Vec::new();
    let mut subprotocols: Vec<String> = Vec::new();
    // Of the right shape until the URL is known.
    let mut given = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(Topic::Connect)),
            Arg::Short('H') | Arg::Long("header") => headers.push(header(&mut parser)?),
            Arg::Long("subprotocol") => subprotocols.push(parser.value()?.string()?),
            Arg::Long(name) => {
                let name = name.to_owned();
                given.push(setting(&name, &mut parser)?);
            }
            Arg::Value(value) if url.is_none() => url = Some(value.string()?),
            Arg::Value(_) => return refused("wsbeat connect takes one URL, not several"),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(url) = url else {
        return refused("where to? Give a URL, as in wsbeat connect ws://127.0.0.1:8080");
    };
    let mut request = Request::new(&url).map_err(|error| UsageError(address(&error)))?;
    for (name, value) in &headers {
        request = request.header(name, value).map_err(|error| UsageError(address(&error)))?;
    }
    for name in &subprotocols {
        request = request.subprotocol(name).map_err(|error| UsageError(address(&error)))?;
    }
    let mut options = Options::new(request);
    for set in given {
        set(&mut options);
    }
    options.check().map_err(UsageError)?;
    Ok(Command::Connect(Box::new(options)))
}

/// What is wrong with the request, and what to do about it.
fn address(error: &RequestError) -> String {
    match error {
        RequestError::Scheme | RequestError::Malformed | RequestError::Host => {
            format!("{error}; write it as ws://host:port/path or wss://host/path")
        }
        RequestError::TlsMissing => {
            "this wsbeat is built without TLS; build it with the feature rustls".to_owned()
        }
        // What stands where a name should may be a value.
        RequestError::HeaderName => {
            "-H has no valid field name before the colon; write -H 'Name: value'".to_owned()
        }
        RequestError::HeaderReserved(name) => {
            format!("the header {name} belongs to the WebSocket handshake: leave it out")
        }
        other => other.to_string(),
    }
}

fn header(parser: &mut Parser) -> Result<(String, String), UsageError> {
    let field = parser.value()?.string()?;
    let Some((name, value)) = field.split_once(':') else {
        return refused("-H has no colon; write -H 'Name: value'");
    };
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

type Set = Box<dyn FnOnce(&mut Options)>;

/// One option with its value.
fn setting(name: &str, parser: &mut Parser) -> Result<Set, UsageError> {
    let option = format!("--{name}");
    let set: Set = match name {
        "json" => Box::new(|options| options.json = true),
        "close-on-eof" => Box::new(|options| options.close_on_eof = true),
        "ping-timeout" => {
            let time = positive(&option, parser)?;
            Box::new(move |options| options.ping_timeout = Some(time))
        }
        "pong-timeout" => {
            let time = positive(&option, parser)?;
            Box::new(move |options| options.pong_timeout = Some(time))
        }
        "reconnect-timeout" => {
            let time = time(&option, parser)?;
            Box::new(move |options| options.reconnect_timeout = Some(time))
        }
        "connect-timeout" => {
            let time = positive(&option, parser)?;
            Box::new(move |options| options.connect_timeout = Some(time))
        }
        "duration" => {
            let time = positive(&option, parser)?;
            Box::new(move |options| options.duration = Some(time))
        }
        "max-age" => {
            let time = positive(&option, parser)?;
            Box::new(move |options| options.max_age = Some(time))
        }
        "ping-msg" => {
            let text = parser.value()?.string()?;
            Box::new(move |options| options.ping_msg = Some(text))
        }
        "backoff" => {
            let range = worded(&option, duration::parse_range(&parser.value()?.string()?))?;
            if range.0.is_zero() {
                return refused("--backoff must begin above zero, as in 1s..30s");
            }
            Box::new(move |options| options.backoff = Some(range))
        }
        "heartbeat" => {
            let kind = match parser.value()?.to_str() {
                Some("message") => Kind::Message,
                Some("ping") => Kind::Ping,
                Some("off") => Kind::Off,
                _ => return refused("--heartbeat is message, ping or off"),
            };
            Box::new(move |options| options.heartbeat = Some(kind))
        }
        "preset" => {
            let preset = match parser.value()?.to_str() {
                Some("original") => Preset::Original,
                Some("resilient") => Preset::Resilient,
                _ => return refused("--preset is original or resilient"),
            };
            Box::new(move |options| options.preset = preset)
        }
        "repeat-limit" => {
            let count = number(&option, 0, parser)?;
            Box::new(move |options| options.repeat_limit = Some(count))
        }
        "resend" => {
            let count = number(&option, 0, parser)?;
            Box::new(move |options| options.resend = Some(count))
        }
        "max-dials-per-minute" => {
            let count = number(&option, 1, parser)?;
            Box::new(move |options| options.max_dials_per_minute = Some(count))
        }
        "keep-offline" => {
            let count = number(&option, 0, parser)?;
            Box::new(move |options| options.keep_offline = Some(count as usize))
        }
        "outbox-bytes" => {
            let count = number(&option, 1, parser)?;
            Box::new(move |options| options.outbox_bytes = Some(count as usize))
        }
        "stop-on" => {
            let statuses = statuses(&parser.value()?.string()?)?;
            Box::new(move |options| options.stop_on.extend(statuses))
        }
        _ => return refused(format!("there is no option {option}; see wsbeat connect --help")),
    };
    Ok(set)
}

fn worded<T>(option: &str, result: Result<T, String>) -> Result<T, UsageError> {
    result.map_err(|words| UsageError(format!("{option}: {words}")))
}

fn time(option: &str, parser: &mut Parser) -> Result<Duration, UsageError> {
    worded(option, duration::parse(&parser.value()?.string()?))
}

fn positive(option: &str, parser: &mut Parser) -> Result<Duration, UsageError> {
    let time = time(option, parser)?;
    if time.is_zero() {
        return refused(format!("{option} must be longer than zero"));
    }
    Ok(time)
}

fn number(option: &str, least: u32, parser: &mut Parser) -> Result<u32, UsageError> {
    match parser.value()?.to_str().and_then(|text| text.parse().ok()) {
        Some(number) if number >= least => Ok(number),
        _ => refused(format!("{option} is a whole number from {least} to {}", u32::MAX)),
    }
}

fn statuses(list: &str) -> Result<Vec<u16>, UsageError> {
    let status = |text: &str| text.trim().parse().ok().filter(|code| (200..600).contains(code));
    let statuses: Option<Vec<u16>> = list.split(',').map(status).collect();
    statuses.ok_or_else(|| {
        UsageError("--stop-on is a list of HTTP statuses from 200 to 599, as in 401,403".to_owned())
    })
}

#[cfg(test)]
mod tests;
