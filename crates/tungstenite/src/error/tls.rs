//! Explanations of TLS errors: the cause and the remedy.

use std::{
    fmt::Debug,
    io,
    time::{Duration, SystemTime},
};

use futures_rustls::rustls::{CertificateError, Error, pki_types::UnixTime};
use httpdate::fmt_http_date;
use websocket_heartbeat::{ErrorKind, TransportError, printable};

use super::{
    explained::Explained,
    kind::{io_kind, rustls_kind},
};

/// The number of names of a certificate that an error shows.
const NAMES: usize = 5;

/// The error of a TLS handshake with this host.
pub(crate) fn handshake(host: &str, error: io::Error) -> TransportError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let (kind, words) = match (inner, io_kind(&error)) {
        (Some(inner), _) => (rustls_kind(inner), words(host, inner)),
        // Often the server does not speak TLS.
        (None, ErrorKind::Ended) => (ErrorKind::Tls, handshake_ended("ended")),
        (None, ErrorKind::Reset) => (ErrorKind::Reset, handshake_ended("reset")),
        (None, ErrorKind::Other) => (ErrorKind::Tls, error.to_string()),
        (None, kind) => (kind, error.to_string()),
    };
    TransportError::from_source(kind, Explained { words, source: error })
}

/// The explanation of an error of rustls inside an error of a stream. With TLS 1.3 a server can
/// refuse the handshake after the client has completed it.
pub(crate) fn words_within(error: &io::Error) -> Option<String> {
    let inner = error.get_ref()?.downcast_ref::<Error>()?;
    Some(words("of the URL", inner))
}

fn handshake_ended(did: &str) -> String {
    format!(
        "the server {did} the connection during the TLS handshake: check that the port speaks TLS \
         (wss://), and not plain HTTP (ws://)"
    )
}

fn words(host: &str, error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(host, error),
        Error::NoCertificatesPresented => "the server has no certificate".to_owned(),
        // The first bytes of plain HTTP, SSH or SMTP are not a TLS record.
        Error::InvalidMessage(_) => {
            "this port does not speak TLS: use ws:// instead of wss://, or another port".to_owned()
        }
        Error::AlertReceived(alert) => format!(
            "the server refused the TLS handshake ({}): check the host, and whether the server \
             needs a certificate from this client",
            spaced(alert)
        ),
        Error::PeerIncompatible(reason) => format!(
            "the server and this client have no TLS version or cipher suite in common ({}): this \
             client supports TLS 1.2 and 1.3",
            spaced(reason)
        ),
        Error::PeerMisbehaved(reason) => {
            format!("the server violated the TLS protocol ({})", spaced(reason))
        }
        other => format!("the TLS handshake failed: {}", printable(&other.to_string())),
    }
}

fn certificate(host: &str, error: &CertificateError) -> String {
    let clock = "; the server must renew it, unless the clock of this machine is wrong";
    let problem = match error {
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
            "was issued by an authority that is not trusted here: if it is self-signed or of a \
             private authority, add that authority as a root (Tls::from_rustls)"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            format!("is not for the host {host}: check the host")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("is not for the host {host}, {}: check the host", names(presented))
        }
        CertificateError::Revoked => "has been revoked by its authority".to_owned(),
        CertificateError::BadSignature => "is not signed by the authority that it names".to_owned(),
        CertificateError::BadEncoding => "cannot be read".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not for servers".to_owned()
        }
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "cannot be checked for revocation: renew the list of revoked certificates".to_owned()
        }
        CertificateError::Other(error) => {
            format!("is not acceptable: {}", printable(&error.to_string()))
        }
        other => format!("is not acceptable ({})", spaced(other)),
    };
    format!("the server's certificate {problem}")
}

/// The names in a certificate. rustls formats some of them as `DnsName("example.org")`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "and contains no host name".to_owned();
    }
    let plain = |name: &String| {
        let inner = name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
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
    let mut words = String::new();
    for c in name {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use futures_rustls::rustls::{AlertDescription, InvalidMessage, PeerIncompatible};

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn explained(error: impl Into<Error>) -> (ErrorKind, String) {
        let error = io::Error::new(io::ErrorKind::InvalidData, error.into());
        let error = handshake("example.org", error);
        let words = error.to_string();
        (error.kind(), words)
    }

    #[test]
    fn an_expired_or_early_certificate_names_the_time() {
        let heals = ErrorKind::CertificateTime;
        let expired = CertificateError::ExpiredContext { time: at(86_400 * 365), not_after: at(0) };
        assert_eq!(
            explained(expired),
            (
                heals,
                "the server's certificate expired on Thu, 01 Jan 1970 00:00:00 GMT (now it is Fri, \
                 01 Jan 1971 00:00:00 GMT); the server must renew it, unless the clock of this \
                 machine is wrong"
                    .to_owned()
            )
        );
        let early = CertificateError::NotValidYetContext { time: at(0), not_before: at(u64::MAX) };
        assert_eq!(
            explained(early),
            (
                heals,
                "the server's certificate is not valid before Fri, 31 Dec 9999 23:59:59 GMT (now it \
                 is Thu, 01 Jan 1970 00:00:00 GMT): check the clock of this machine"
                    .to_owned()
            )
        );
        assert_eq!(explained(CertificateError::Expired).0, heals);
        assert_eq!(explained(CertificateError::NotValidYet).0, heals);
    }

    #[test]
    fn a_certificate_for_another_host_names_that_host() {
        let presented = |names: &[&str]| CertificateError::NotValidForNameContext {
            expected: "example.org".try_into().unwrap(),
            presented: names.iter().map(|&name| name.to_owned()).collect(),
        };
        let (kind, words) = explained(presented(&["DnsName(\"a.example\")", "*.b.example"]));
        assert_eq!(kind, ErrorKind::Certificate);
        assert_eq!(
            words,
            "the server's certificate is not for the host example.org, but for a.example, \
             *.b.example: check the host"
        );
        let (_, words) = explained(presented(&["x"; 50]));
        assert!(words.contains("but for x, x, x, x, x and 45 more: check"), "{words}");
        let (_, words) = explained(presented(&[]));
        assert!(words.contains("example.org, and contains no host name: check"), "{words}");
        let (_, words) = explained(presented(&["\x1b[2J"]));
        assert!(words.contains(r"but for \u{1b}[2J: check"), "{words}");
    }

    #[test]
    fn other_errors_of_a_certificate_name_the_remedy() {
        for (error, words) in [
            (
                CertificateError::UnknownIssuer,
                "was issued by an authority that is not trusted here",
            ),
            (CertificateError::Revoked, "has been revoked by its authority"),
            (CertificateError::BadEncoding, "cannot be read"),
            (CertificateError::InvalidPurpose, "is not for servers"),
            (
                CertificateError::ApplicationVerificationFailure,
                "is not acceptable (application verification failure)",
            ),
        ] {
            let (kind, explanation) = explained(error);
            assert_eq!(kind, ErrorKind::Certificate);
            let words = format!("the server's certificate {words}");
            assert!(explanation.starts_with(&words), "{explanation}");
        }
    }

    #[test]
    fn errors_of_the_handshake_name_the_remedy() {
        for (error, words) in [
            (
                Error::InvalidMessage(InvalidMessage::InvalidContentType),
                "this port does not speak TLS: use ws:// instead of wss://, or another port",
            ),
            (
                Error::AlertReceived(AlertDescription::HandshakeFailure),
                "the server refused the TLS handshake (handshake failure): check the host, and \
                 whether the server needs a certificate from this client",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
                "the server and this client have no TLS version or cipher suite in common (server \
                 does not support tls12 or13): this client supports TLS 1.2 and 1.3",
            ),
        ] {
            assert_eq!(explained(error), (ErrorKind::Tls, words.to_owned()));
        }
    }
}
