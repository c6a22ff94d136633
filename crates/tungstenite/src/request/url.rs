//! [`Url`]: a parsed `ws://` or `wss://` URL (RFC 3986).

use std::{borrow::Cow, fmt::Write, net::Ipv6Addr};

use data_encoding::BASE64;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::RequestError;

/// The parts of a URL, in the form in which they are used and sent.
pub(super) struct Url {
    pub(super) tls: bool,
    /// A domain name in its ASCII form, or an IP address: an IPv6 address without brackets, with
    /// its zone.
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of `Host`: without a zone, and without the default port of the scheme.
    pub(super) authority: String,
    /// Path and query, percent-encoded.
    pub(super) target: String,
    /// The value of `Authorization`, if the URL has a user name or a password.
    pub(super) authorization: Option<String>,
}

impl Url {
    pub(super) fn parse(url: &str) -> Result<Self, RequestError> {
        if url.contains('#') {
            return Err(RequestError::Fragment);
        }
        // For example a line break at the end of a URL that was read from a file. If it were
        // encoded as `%0A`, only the server would refuse it.
        if url.is_empty() || url.trim() != url || url.chars().any(char::is_control) {
            return Err(RequestError::Malformed);
        }
        let (scheme, rest) = url.split_once("://").ok_or(RequestError::Scheme)?;
        let tls = match scheme {
            _ if scheme.eq_ignore_ascii_case("ws") => false,
            _ if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(RequestError::Scheme),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // Browsers treat it as a slash, so they would connect to another host.
        if authority.contains('\\') {
            return Err(RequestError::Malformed);
        }
        let (credentials, host_and_port) = match authority.rsplit_once('@') {
            Some((credentials, host_and_port)) => (credentials, host_and_port),
            None => ("", authority),
        };
        let (name, port) = split_port(host_and_port)?;
        let (host, zone) = host(name)?;
        let default_port = if tls { 443 } else { 80 };
        let port = port.unwrap_or(default_port);

        let mut authority = if name.starts_with('[') { format!("[{host}]") } else { host.clone() };
        // The port, unless it is the default of the scheme (RFC 6455 section 4.1).
        if port != default_port {
            let _ = write!(authority, ":{port}");
        }
        let authorization = match credentials {
            "" | ":" => None,
            _ => Some(basic(credentials)?),
        };
        let host = host + &zone;
        Ok(Self { tls, host, port, authority, target: encoded(target), authorization })
    }
}

/// The name and the port of an authority without credentials.
pub(crate) fn split_port(host_and_port: &str) -> Result<(&str, Option<u16>), RequestError> {
    let end = if host_and_port.starts_with('[') {
        host_and_port.find(']').ok_or(RequestError::Host)? + 1
    } else {
        host_and_port.find(':').unwrap_or(host_and_port.len())
    };
    let (name, port) = host_and_port.split_at(end);
    let Some(digits) = port.strip_prefix(':') else {
        return if port.is_empty() { Ok((name, None)) } else { Err(RequestError::Host) };
    };
    // An empty port is the default of the scheme (RFC 3986 section 3.2.3).
    if digits.is_empty() {
        return Ok((name, None));
    }
    match digits.parse() {
        Ok(number) if number != 0 && !digits.starts_with('+') => Ok((name, Some(number))),
        _ => Err(RequestError::Port),
    }
}

/// The host, and the zone of an IPv6 address with a `%` before it.
pub(crate) fn host(name: &str) -> Result<(String, String), RequestError> {
    let Some(address) = name.strip_prefix('[') else { return Ok((domain(name)?, String::new())) };
    let address = address.strip_suffix(']').ok_or(RequestError::Host)?;
    let (address, zone) = address.split_once('%').map_or((address, None), |(a, z)| (a, Some(z)));
    address.parse::<Ipv6Addr>().map_err(|_| RequestError::Host)?;
    let Some(zone) = zone else { return Ok((address.to_owned(), String::new())) };
    // RFC 6874 writes `%` as `%25`. Most programs also accept a plain `%`.
    let zone = zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if zone.is_empty() || !zone.bytes().all(allowed) {
        return Err(RequestError::Host);
    }
    Ok((address.to_owned(), format!("%{zone}")))
}

/// A domain name in its ASCII form, by UTS #46 as browsers apply it, with the lengths checked.
fn domain(name: &str) -> Result<String, RequestError> {
    if name.is_empty() {
        return Err(RequestError::Host);
    }
    // A percent-encoded name is UTF-8 (RFC 3986 section 3.2.2).
    let name = percent_decoded(name)?;
    let ascii = |length| {
        Uts46::new()
            .to_ascii(&name, AsciiDenyList::URL, Hyphens::Allow, length)
            .map(Cow::into_owned)
    };
    ascii(DnsLength::VerifyAllowRootDot).map_err(|_| match ascii(DnsLength::Ignore) {
        Ok(_) => RequestError::HostLength,
        Err(_) => RequestError::HostCharacter,
    })
}

/// Percent-encodes the characters that RFC 3986 sections 3.3 and 3.4 do not allow in path and
/// query. Encoded characters stay unchanged.
pub(super) fn encoded(target: &str) -> String {
    let mut out = String::with_capacity(target.len() + 1);
    if !target.starts_with('/') {
        out.push('/');
    }
    let bytes = target.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let allowed = match byte {
            b'%' => {
                bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if allowed {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The value of `Authorization: Basic` (RFC 7617), from the part of a URL before the `@`.
fn basic(credentials: &str) -> Result<String, RequestError> {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut plain = percent_decoded(user)?;
    plain.push(b':');
    plain.extend(percent_decoded(password)?);
    Ok(format!("Basic {}", BASE64.encode(&plain)))
}

pub(crate) fn percent_decoded(text: &str) -> Result<Vec<u8>, RequestError> {
    let mut parts = text.split('%');
    let mut decoded = Vec::from(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or(RequestError::Malformed)?;
        decoded.push(u8::from_str_radix(digits, 16).map_err(|_| RequestError::Malformed)?);
        decoded.extend_from_slice(&part.as_bytes()[2..]);
    }
    Ok(decoded)
}
