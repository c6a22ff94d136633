//! The words of failed attempts: what has failed, why, and the remedy, with the options of `wsbeat`.
//!
//! The library's errors have a kind and a typed source, and their texts name no option and no function.
//! [`explained`] adds the option, or writes the sentence for an error of the operating system.

use std::{error::Error, fmt, io};

#[cfg(feature = "rustls")]
use websocket_heartbeat_smol::tls::{TlsFailure, TlsProblem};
use websocket_heartbeat_smol::{
    ErrorKind, OpenError, RedirectError, TransportError,
    proxy::{ProxyFailure, ProxyProblem},
};

/// The error of an attempt at this host, in words for the user of `wsbeat`. Kind and answer stay.
/// The host is unknown if a redirect may have led to another one.
pub(super) fn explained(error: &TransportError, host: Option<&str>) -> TransportError {
    match sentence(error, host) {
        Some(words) => error.explained_by(Sentence { words, source: error.clone() }),
        None => error.clone(),
    }
}

/// The words of an error, which is its source.
#[derive(Debug)]
struct Sentence {
    words: String,
    source: TransportError,
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for Sentence {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The sentence for an attempt at a host. `None` if the text of the error is sufficient.
fn sentence(error: &TransportError, host: Option<&str>) -> Option<String> {
    let source = error.source();
    if let Some(failure) = source.and_then(|source| source.downcast_ref::<ProxyFailure>()) {
        return proxy(failure);
    }
    if let Some(failure) = source.and_then(|source| source.downcast_ref::<OpenError>()) {
        return Some(format!("{}; {}", unopened(failure), open_remedy(failure, error.kind())));
    }
    if let Some(redirect) = source.and_then(|source| source.downcast_ref::<RedirectError>()) {
        return match redirect {
            RedirectError::TooMany(_) => Some(format!("{error}; allow more (--redirects COUNT)")),
            _ => None,
        };
    }
    if error.kind() == ErrorKind::Dns {
        let host = host.map(|host| format!(" {host}")).unwrap_or_default();
        return Some(match source.and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(reason) => format!(
                "the host{host} cannot be resolved ({}); check the host, and the network of this \
                 machine",
                without_prefix(reason)
            ),
            None => format!("{error}; check the host, or leave -4 and -6 out"),
        });
    }
    let remedy = tls_remedy(error).or_else(|| http_remedy(error))?;
    Some(format!("{error}{remedy}"))
}

/// Without the words of std, which are the same for each error of the resolver.
fn without_prefix(error: &io::Error) -> String {
    let words = error.to_string();
    let rest = words.strip_prefix("failed to lookup address information: ");
    rest.unwrap_or(&words).to_owned()
}

/// The words for a target that could not be opened, with the reason.
fn unopened(failure: &OpenError) -> String {
    let (target, error) = (failure.target(), failure.io_error());
    let reason = match error.kind() {
        io::ErrorKind::ConnectionRefused => "refuses the connection".to_owned(),
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be opened by this user".to_owned(),
        io::ErrorKind::TimedOut => "does not answer".to_owned(),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => "cannot be reached from this machine".to_owned(),
        _ => format!("cannot be opened ({error})"),
    };
    match failure.tried() {
        0 | 1 => format!("{target} {reason}"),
        tried => format!("all {tried} addresses of the host fail: {target} {reason}"),
    }
}

fn open_remedy(failure: &OpenError, kind: ErrorKind) -> &'static str {
    if failure.target().tcp().is_err() {
        return match failure.io_error().kind() {
            io::ErrorKind::PermissionDenied => "check the permissions of the socket",
            io::ErrorKind::Unsupported => "leave --unix out",
            _ => "check the path, and whether the server runs",
        };
    }
    match kind {
        ErrorKind::Refused => "check the host and the port, and whether the server runs",
        ErrorKind::Unreachable => {
            "check the network of this machine, or try the other version of IP (-4, -6)"
        }
        ErrorKind::Timeout => "check the host and the port, and firewalls on the way",
        _ => "check the host, the port and the network of this machine",
    }
}

fn proxy(failure: &ProxyFailure) -> Option<String> {
    let name = failure.proxy();
    match failure.problem() {
        ProxyProblem::Connect(error) => {
            let reason = match error.source().and_then(|source| source.downcast_ref::<OpenError>())
            {
                Some(failure) => unopened(failure),
                None => {
                    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
                        Some(reason) => without_prefix(reason),
                        None => error.to_string(),
                    }
                }
            };
            Some(format!(
                "the proxy {name} cannot be reached ({reason}); check --proxy or the variables of the \
                 environment, and whether the proxy runs"
            ))
        }
        ProxyProblem::Tls(error) => tls_remedy(error).map(|remedy| format!("{failure}{remedy}")),
        ProxyProblem::CredentialsMissing => Some(format!(
            "the proxy {name} needs user and password; set them (--proxy-auth-file FILE)"
        )),
        ProxyProblem::CredentialsRefused => Some(format!(
            "the proxy {name} refused user and password; check them (--proxy-auth-file FILE)"
        )),
        ProxyProblem::SocksReply(3..=5) | ProxyProblem::Refused { status: 500.., .. } => Some(
            format!("{failure}; check the host and the port of the server, and whether it runs"),
        ),
        _ => None,
    }
}

#[cfg(feature = "rustls")]
fn tls_remedy(error: &TransportError) -> Option<&'static str> {
    let failure = error.source()?.downcast_ref::<TlsFailure>()?;
    match failure.problem() {
        TlsProblem::SelfSigned => Some(" (--cacert FILE), or test without this check (-k)"),
        TlsProblem::Authority => Some(
            " (openssl req -x509 -addext basicConstraints=critical,CA:FALSE), or test without this \
             check (-k)",
        ),
        TlsProblem::UnknownIssuer => Some(" (--cacert FILE)"),
        TlsProblem::Name => Some(" (--tls-name NAME)"),
        TlsProblem::ClientCertificate => Some(" (--cert FILE, --key FILE)"),
        _ => None,
    }
}

#[cfg(not(feature = "rustls"))]
fn tls_remedy(_: &TransportError) -> Option<&'static str> {
    None
}

/// The remedy of a refusal with a status.
fn http_remedy(error: &TransportError) -> Option<&'static str> {
    let answer = error.http_answer()?;
    match answer.status {
        300..=399 if answer.headers.get("location").is_some() => {
            Some(", or follow redirects (--redirects COUNT)")
        }
        401 => Some("; set credentials (--header-file FILE, --basic-auth-file FILE)"),
        403 => Some("; set credentials (--header-file FILE) or an origin (-H 'Origin: URL')"),
        407 => Some("; set its credentials (--proxy URL, --proxy-auth-file FILE)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use websocket_heartbeat_smol::{Headers, HttpAnswer};

    use super::*;

    fn shown(error: &TransportError) -> String {
        let explained = explained(error, Some("x.example"));
        assert_eq!(explained.kind(), error.kind());
        assert_eq!(explained.http_status(), error.http_status());
        assert_eq!(explained.retry_after(), error.retry_after());
        explained.to_string()
    }

    #[test]
    fn an_error_that_is_one_sentence_already_is_not_changed() {
        for kind in [
            ErrorKind::Url,
            ErrorKind::Refused,
            ErrorKind::Unreachable,
            ErrorKind::Tls,
            ErrorKind::Certificate,
            ErrorKind::CertificateTime,
            ErrorKind::Proxy,
            ErrorKind::ProxyAuth,
            ErrorKind::Protocol,
            ErrorKind::TooLarge,
            ErrorKind::Reset,
            ErrorKind::Ended,
            ErrorKind::Timeout,
            ErrorKind::Handshake,
            ErrorKind::Provider,
            ErrorKind::Panicked,
            ErrorKind::Runtime,
            ErrorKind::Other,
        ] {
            let error = TransportError::new(kind, "one sentence");
            assert_eq!(shown(&error), "one sentence");
        }
    }

    #[test]
    fn an_error_of_the_resolver_has_the_host_and_the_reason() {
        let error = io::Error::other("failed to lookup address information: No such host");
        let error = TransportError::from_source(ErrorKind::Dns, error);
        let words = "the host x.example cannot be resolved (No such host); check the host, and the \
                     network of this machine";
        assert_eq!(shown(&error), words);
        let unknown = explained(&error, None).to_string();
        assert!(unknown.starts_with("the host cannot be resolved (No such host); "), "{unknown}");
    }

    #[test]
    fn a_refusal_keeps_its_answer_and_gets_the_option() {
        let seconds = std::time::Duration::from_secs(7);
        let answer = |status| HttpAnswer::new(status, Headers::new(), b"");
        for (status, end) in [
            (401, "not accepted); set credentials (--header-file FILE, --basic-auth-file FILE)"),
            (404, "(there is no WebSocket at this path)"),
            // A redirect without a target cannot be followed.
            (302, "HTTP status 302"),
        ] {
            let words = shown(&TransportError::http(answer(status), Some(seconds)));
            assert!(words.ends_with(end), "{words}");
        }
    }
}
