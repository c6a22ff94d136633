//! [`Head`]: status and header fields of an answer.
//!
//! A 101 answer must be valid, and httparse parses it. The status and the fields of a refusal
//! decide about the next attempt, even if it is malformed. So a refusal is parsed line by line, and
//! invalid lines are dropped.

use std::borrow::Cow;

use httparse::{EMPTY_HEADER, ParserConfig, Response};
use websocket_heartbeat::{ErrorKind, Headers, TransportError};

use crate::{Request, request::is_token};

/// Status and header fields of the final answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
}

impl Head {
    /// Parses a head, with its empty line, whose status is known.
    pub(crate) fn parse(
        status: u16,
        bytes: &[u8],
        max_fields: usize,
    ) -> Result<Self, TransportError> {
        let headers = match status {
            101 => strict(bytes, max_fields)?,
            _ => lenient(bytes, max_fields),
        };
        Ok(Self { status, headers })
    }
}

/// The status of an answer. A refusal may have any version of HTTP/1, with or without a reason
/// phrase.
pub(super) fn status(head: &[u8], request: &Request) -> Result<u16, TransportError> {
    let line = head.split(|&b| b == b'\n').next().unwrap_or_default();
    parse_status(line.trim_ascii_end()).ok_or_else(|| {
        TransportError::new(
            ErrorKind::Protocol,
            format!(
                "the server's answer has no valid status line: {}",
                super::protocol::shown(line, request)
            ),
        )
    })
}

/// The status of a status line without its line break.
pub(crate) fn parse_status(line: &[u8]) -> Option<u16> {
    let version = line.strip_prefix(b"HTTP/1.")?;
    let digits = version.iter().take_while(|b| b.is_ascii_digit()).count();
    let (minor, rest) = version.split_at(digits);
    let code = rest.trim_ascii_start();
    if minor.is_empty() || code.len() == rest.len() {
        return None;
    }
    let (code, reason) = code.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) || reason.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let status = code.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    (status >= 100).then_some(status)
}

/// The fields of a 101 answer, which must be valid HTTP/1.1.
fn strict(head: &[u8], max_fields: usize) -> Result<Headers, TransportError> {
    let lines = head.iter().filter(|&&b| b == b'\n').count();
    let mut fields = vec![EMPTY_HEADER; lines.min(max_fields)];
    let mut response = Response::new(&mut fields);
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    match config.parse_response(&mut response, head) {
        Ok(httparse::Status::Complete(_)) if response.version == Some(1) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(too_many(max_fields)),
        result => {
            let problem = match result {
                Ok(_) => "it is not HTTP/1.1",
                Err(httparse::Error::HeaderName) => "the name of a field is invalid",
                Err(httparse::Error::HeaderValue) => "the value of a field is invalid",
                Err(httparse::Error::NewLine) => "the end of a line is invalid",
                Err(_) => "its status line is invalid",
            };
            return Err(TransportError::new(
                ErrorKind::Protocol,
                format!("the server's 101 answer is malformed: {problem}"),
            ));
        }
    }
    let fields = response.headers.iter();
    Ok(fields.map(|field| (field.name, cleaned(field.value).into_owned())).collect())
}

/// The fields of a refusal. Beyond the limit, only `Retry-After` is kept: too many fields do not
/// make the refusal invalid.
fn lenient(head: &[u8], max_fields: usize) -> Headers {
    let mut fields: Vec<(&str, Cow<'_, [u8]>)> = Vec::new();
    // Whether the previous line was a field, which a folded line continues.
    let mut folds = false;
    for line in head.split(|&b| b == b'\n').skip(1) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, value)) = fields.last_mut().filter(|_| folds) {
                let value = value.to_mut();
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        let colon = line.iter().position(|&b| b == b':');
        let name = colon.and_then(|at| str::from_utf8(line[..at].trim_ascii_end()).ok());
        folds = name.is_some_and(is_token);
        if let (Some(at), Some(name), true) = (colon, name, folds) {
            if fields.len() >= max_fields && !name.eq_ignore_ascii_case("retry-after") {
                folds = false;
                continue;
            }
            fields.push((name, line[at + 1..].trim_ascii().into()));
        }
    }
    fields.into_iter().map(|(name, value)| (name, cleaned(&value).into_owned())).collect()
}

/// The value with line breaks and NUL replaced by a space (RFC 9110 section 5.5, RFC 9112 section
/// 5.2). A folded value becomes one line.
fn cleaned(value: &[u8]) -> Cow<'_, [u8]> {
    let is_break = |b: &u8| matches!(b, b'\r' | b'\n' | 0);
    if !value.iter().any(is_break) {
        return value.trim_ascii().into();
    }
    let lines = value.split(is_break).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(&b' ').into()
}

fn too_many(max_fields: usize) -> TransportError {
    TransportError::new(
        ErrorKind::TooLarge,
        format!("the server's answer has more than {max_fields} header fields"),
    )
}
