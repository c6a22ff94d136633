//! Explanations of TLS errors: the cause and the remedy.

mod alert;
mod failure;

use std::{
    error::Error as StdError,
    fmt::{self, Debug},
    io,
    time::{Duration, SystemTime},
};

use futures_rustls::rustls::{CertificateError, Error, pki_types::UnixTime};
use httpdate::fmt_http_date;
use websocket_heartbeat::{ErrorKind, TransportError, backend::printable};

pub use self::failure::{TlsFailure, TlsProblem};
use super::kind::{io_kind, rustls_kind};

/// The number of names of a certificate that an error shows.
const NAMES: usize = 5;

/// The error of a TLS handshake with this host.
pub(crate) fn handshake(host: &str, source: io::Error) -> TransportError {
    let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let (kind, (problem, words)) = match (inner, io_kind(&source)) {
        (Some(inner), _) => (rustls_kind(inner), explanation(host, inner)),
        // Often the server does not speak TLS.
        (None, ErrorKind::Ended) => (ErrorKind::Tls, handshake_ended("ended")),
        (None, ErrorKind::Reset) => (ErrorKind::Reset, handshake_ended("reset")),
        (None, ErrorKind::Other) => (ErrorKind::Tls, (TlsProblem::Other, source.to_string())),
        (None, kind) => (kind, (TlsProblem::Other, source.to_string())),
    };
    TransportError::from_source(kind, TlsFailure { problem, words, source })
}

/// The error of a stream, if an error of rustls is inside of it. With TLS 1.3 a server can refuse
/// the handshake after the client has completed it.
pub(crate) fn late(source: io::Error) -> Result<TransportError, io::Error> {
    let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(inner) = inner else { return Err(source) };
    let (kind, (problem, words)) = (io_kind(&source), explanation("of the URL", inner));
    Ok(TransportError::from_source(kind, TlsFailure { problem, words, source }))
}

fn handshake_ended(did: &str) -> Explanation {
    let words = format!(
        "the server {did} the connection during the TLS handshake: check that the port speaks TLS \
         (wss://), and not plain HTTP (ws://)"
    );
    (TlsProblem::Other, words)
}

/// The problem, and its words with the remedy at the end.
type Explanation = (TlsProblem, String);

fn explanation(host: &str, error: &Error) -> Explanation {
    let words = match error {
        Error::InvalidCertificate(error) => return certificate(host, error),
        Error::AlertReceived(alert) => return alert::explanation(host, *alert),
        // The first bytes of plain HTTP, SSH or SMTP are not a TLS record.
        Error::InvalidMessage(_) => {
            let words =
                "this port does not speak TLS: use ws:// instead of wss://, or another port";
            return (TlsProblem::NotTls, words.to_owned());
        }
        Error::NoCertificatesPresented => "the server has no certificate".to_owned(),
        Error::PeerIncompatible(reason) => format!(
            "the server and this client have no TLS version or cipher suite in common ({}): this \
             client supports TLS 1.2 and 1.3",
            spaced(reason)
        ),
        Error::PeerMisbehaved(reason) => {
            format!("the server violated the TLS protocol ({})", spaced(reason))
        }
        other => format!("the TLS handshake failed: {}", printable(&other.to_string())),
    };
    (TlsProblem::Other, words)
}

/// The reason for which a certificate of an unknown issuer is not acceptable: it is its own issuer.
#[derive(Debug)]
pub(crate) struct SelfSigned;

impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("self-signed")
    }
}

impl StdError for SelfSigned {}

fn certificate(host: &str, error: &CertificateError) -> Explanation {
    let problem = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsProblem::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsProblem::NotValidYet
        }
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            TlsProblem::UnknownIssuer
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsProblem::Name
        }
        CertificateError::Other(error) if error.0.is::<SelfSigned>() => TlsProblem::SelfSigned,
        CertificateError::Other(error) if error.to_string() == CA_AS_SERVER => {
            TlsProblem::Authority
        }
        _ => TlsProblem::Certificate,
    };
    let clock = "; the server must renew it, unless the clock of this machine is wrong";
    let name = ": check the host, or set another name";
    let words = match error {
        CertificateError::Expired => format!("has expired{clock}"),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("expired on {} (now it is {}){clock}", date(*not_after), date(*time))
        }
        CertificateError::NotValidYet => {
            "is not valid yet: check the clock of this machine".to_owned()
        }
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "is not valid before {} (now it is {}): check the clock of this machine",
            date(*not_before),
            date(*time)
        ),
        CertificateError::UnknownIssuer => {
            "was issued by an authority that is not trusted here: if it is a private authority, trust \
             its certificate"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            format!("is not for the host {host}{name}")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("is not for the host {host}, {}{name}", names(presented))
        }
        CertificateError::Revoked => "has been revoked by its authority".to_owned(),
        // The second is the error if the two keys are of different kinds.
        CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is not signed by the authority that it names: if that authority has a new key, trust \
             its new certificate"
                .to_owned()
        }
        CertificateError::BadEncoding => "cannot be read".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not for servers".to_owned()
        }
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "cannot be checked for revocation: renew the list of revoked certificates".to_owned()
        }
        CertificateError::Other(error) if error.0.is::<SelfSigned>() => {
            "is self-signed: if it is the right one, trust it".to_owned()
        }
        CertificateError::Other(error) => match &*error.to_string() {
            // The names of variants of webpki, whose types rustls does not export.
            CA_AS_SERVER => "is that of an authority (CA:TRUE), which no server can use: \
                                    issue a certificate for the server with it"
                .to_owned(),
            "UnsupportedCertVersion" => {
                "is not of version 3 of X.509: issue one with the extension subjectAltName".to_owned()
            }
            error => format!("is not acceptable: {}", printable(error)),
        },
        other => format!("is not acceptable ({})", spaced(other)),
    };
    (problem, format!("the server's certificate {words}"))
}

const CA_AS_SERVER: &str = "CaUsedAsEndEntity";

/// The names in a certificate. rustls formats some of them as `DnsName("example.org")` or
/// `IpAddress(10.1.2.3)`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "and contains no host name".to_owned();
    }
    let plain = |name: &String| {
        let within =
            |begin, end| name.split_once(begin).and_then(|(_, rest)| rest.strip_suffix(end));
        let inner = within("(\"", "\")").or_else(|| within("IpAddress(", ")"));
        printable(inner.unwrap_or(name)).into_owned()
    };
    let shown: Vec<_> = presented.iter().take(NAMES).map(plain).collect();
    let more = presented.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("but for {}{more}", shown.join(", "))
}

fn date(time: UnixTime) -> String {
    // The latest time in a certificate is the end of the year 9999.
    let end = Duration::from_secs(253_402_300_799);
    fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs()).min(end))
}

/// The name of an enum's variant as words, without its fields: `HandshakeFailure` becomes
/// `handshake failure`.
fn spaced(variant: &impl Debug) -> String {
    let name = format!("{variant:?}");
    let name = name.chars().take_while(char::is_ascii_alphanumeric);
    let (mut words, mut after_upper) = (String::new(), false);
    for c in name {
        if c.is_ascii_uppercase() && !after_upper && !words.is_empty() {
            words.push(' ');
        }
        after_upper = c.is_ascii_uppercase();
        words.push(c.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests;
