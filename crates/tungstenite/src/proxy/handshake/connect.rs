//! [`Connect`]: the CONNECT request (RFC 9110 section 9.3.6).

use std::{mem, net::SocketAddr};

use websocket_heartbeat::{
    Headers,
    backend::{printable, without_echo},
};

use super::Destination;
use crate::{
    handshake::{Head, parse_status},
    proxy::{Proxy, ProxyProblem},
};

/// The limit on all heads of the answer together. Heads of proxies have some hundred bytes; the
/// fields of authentication can be a few kilobytes.
const MAX_HEAD: usize = 16 * 1024;

/// The limit on the characters of a reason phrase in an error.
const MAX_REASON: usize = 100;

/// The length of the shortest answer: `HTTP/1.1 200`, and two line feeds.
const SHORTEST: usize = 14;

/// The limit on header fields that are searched for authentication schemes.
const MAX_FIELDS: usize = 100;

/// A CONNECT request and its answer.
pub(in crate::proxy) struct Connect {
    request: Vec<u8>,
    has_credentials: bool,
    secrets: Vec<Vec<u8>>,
    answer: Answer,
}

enum Answer {
    /// The current head, and the number of bytes before it.
    Head {
        bytes: Vec<u8>,
        before: usize,
    },
    Open,
}

impl Connect {
    pub(super) fn new(proxy: &Proxy, destination: Destination<'_>) -> Self {
        let authority = authority(destination);
        let mut request =
            format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        for field in proxy.fields() {
            for part in [field.name.as_bytes(), b": ", &field.value, b"\r\n"] {
                request.extend_from_slice(part);
            }
        }
        request.extend_from_slice(b"\r\n");
        Self {
            request,
            has_credentials: proxy.has_credentials(),
            secrets: proxy.secrets(),
            answer: Answer::Head { bytes: Vec::new(), before: 0 },
        }
    }

    pub(super) fn output(&mut self) -> Vec<u8> {
        mem::take(&mut self.request)
    }

    pub(super) fn wanted(&self) -> usize {
        match &self.answer {
            Answer::Open => 0,
            Answer::Head { bytes, .. } => match &bytes[..] {
                [] => SHORTEST,
                // An empty line ends the head. A line may end without a carriage return.
                [.., b'\n'] | [.., b'\n', b'\r'] => 1,
                _ => 2,
            },
        }
    }

    pub(super) fn input(&mut self, input: &[u8]) -> Result<(), ProxyProblem> {
        let Answer::Head { bytes, before } = &mut self.answer else { return Ok(()) };
        // Empty lines before a head are skipped (RFC 9112 section 2.2).
        let blank = |b: &&u8| matches!(b, b'\r' | b'\n');
        let skipped = if bytes.is_empty() { input.iter().take_while(blank).count() } else { 0 };
        *before += skipped;
        bytes.extend_from_slice(&input[skipped..]);
        let head = &bytes[..];
        let compared = head.len().min(b"HTTP/".len());
        if head[..compared] != b"HTTP/"[..compared] {
            return Err(ProxyProblem::Malformed);
        }
        // No empty line can be in the first `SHORTEST` bytes after this check.
        if status_line(head).is_some_and(|line| parse_status(line).is_none()) {
            return Err(ProxyProblem::Malformed);
        }
        let length = *before + head.len();
        if !(head.ends_with(b"\n\n") || head.ends_with(b"\n\r\n")) {
            return if length > MAX_HEAD { Err(ProxyProblem::TooLong) } else { Ok(()) };
        }
        let head = mem::take(bytes);
        *before = length;
        self.head(&head)
    }

    /// Takes a complete head.
    fn head(&mut self, head: &[u8]) -> Result<(), ProxyProblem> {
        let line = status_line(head).unwrap_or_default();
        match parse_status(line).ok_or(ProxyProblem::Malformed)? {
            200..300 => self.answer = Answer::Open,
            // An interim answer. The next head follows.
            100 | 102..200 => {}
            // Some proxies, such as tinyproxy, answer 401 to wrong credentials.
            401 | 407 => return Err(self.authentication(head)),
            status => return Err(ProxyProblem::Refused { status, reason: self.reason(line) }),
        }
        Ok(())
    }

    /// The problem of an answer that asks for credentials.
    fn authentication(&self, head: &[u8]) -> ProxyProblem {
        let headers = Head::parse(407, head, MAX_FIELDS).map(|head| head.headers);
        let schemes = schemes(&headers.unwrap_or_default());
        if !schemes.is_empty() && !schemes.iter().any(|name| name.eq_ignore_ascii_case("basic")) {
            let schemes = schemes.iter().map(|name| self.shown(name.as_bytes()).into()).collect();
            ProxyProblem::AuthenticationUnsupported(schemes)
        } else if self.has_credentials {
            ProxyProblem::CredentialsRefused
        } else {
            ProxyProblem::CredentialsMissing
        }
    }

    /// The reason phrase of a status line, for an error.
    fn reason(&self, line: &[u8]) -> Box<str> {
        let parts = line.splitn(3, |&b| b == b' ').nth(2).unwrap_or_default();
        let reason: String = self.shown(parts).chars().take(MAX_REASON).collect();
        printable(reason.trim()).into()
    }

    /// A text of the proxy, without the secrets that it repeats.
    fn shown(&self, text: &[u8]) -> String {
        let secrets: Vec<_> = self.secrets.iter().map(|secret| &**secret).collect();
        String::from_utf8_lossy(&without_echo(text, &secrets)).into_owned()
    }
}

/// The first line of a head without its line break, once it is complete.
fn status_line(head: &[u8]) -> Option<&[u8]> {
    let end = head.iter().position(|&b| b == b'\n')?;
    Some(head[..end].trim_ascii_end())
}

/// The schemes of `Proxy-Authenticate` (RFC 9110 section 11.6.1). Proxies send one field for each
/// scheme. Of a field with several schemes, only the first is found, and `Basic`.
fn schemes(headers: &Headers) -> Vec<String> {
    let mut schemes = Vec::new();
    for (name, value) in headers.iter() {
        if !name.eq_ignore_ascii_case("proxy-authenticate") {
            continue;
        }
        let value = String::from_utf8_lossy(value);
        let mut words = value.split([' ', ',']).filter(|word| !word.is_empty());
        let first = words.next().map(str::to_owned);
        let basic = words.find(|word| word.eq_ignore_ascii_case("basic")).map(str::to_owned);
        let token = |word: &String| crate::request::is_token(word) && word.len() <= MAX_REASON;
        schemes.extend(first.into_iter().chain(basic).filter(token));
    }
    schemes
}

/// Host and port, as a request target (RFC 9112 section 3.2.3).
fn authority(destination: Destination<'_>) -> String {
    match destination {
        Destination::Host(host, port) => {
            // A zone has a meaning on this machine only.
            let host = host.split('%').next().unwrap_or_default();
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
        }
        Destination::Address(address) => SocketAddr::new(address.ip(), address.port()).to_string(),
    }
}
