use std::sync::Arc;

use futures_rustls::rustls::{AlertDescription, InvalidMessage, OtherError, PeerIncompatible};

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
    let names = ["DnsName(\"a.example\")", "*.b.example", "IpAddress(10.1.2.3)"];
    let (kind, words) = explained(presented(&names));
    assert_eq!(kind, ErrorKind::Certificate);
    assert_eq!(
        words,
        "the server's certificate is not for the host example.org, but for a.example, \
         *.b.example, 10.1.2.3: check the host, or set another name"
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
            "was issued by an authority that is not trusted here: if it is a private authority, \
             trust its certificate",
        ),
        (
            CertificateError::Other(OtherError(Arc::new(SelfSigned))),
            "is self-signed: if it is the right one, trust it",
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
fn each_failure_has_its_problem() {
    use TlsProblem as P;
    let self_signed = CertificateError::Other(OtherError(Arc::new(SelfSigned)));
    /// Displays like the variant of webpki.
    #[derive(Debug)]
    struct Ca;
    impl StdError for Ca {}
    impl fmt::Display for Ca {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("CaUsedAsEndEntity")
        }
    }
    for (error, problem) in [
        (Error::from(CertificateError::Expired), P::Expired),
        (CertificateError::NotValidYet.into(), P::NotValidYet),
        (CertificateError::UnknownIssuer.into(), P::UnknownIssuer),
        (CertificateError::BadSignature.into(), P::UnknownIssuer),
        (CertificateError::NotValidForName.into(), P::Name),
        (self_signed.into(), P::SelfSigned),
        (CertificateError::Revoked.into(), P::Certificate),
        (CertificateError::Other(OtherError(Arc::new(Ca))).into(), P::Authority),
        (Error::AlertReceived(AlertDescription::CertificateRequired), P::ClientCertificate),
        (Error::AlertReceived(AlertDescription::UnknownCA), P::ClientCertificate),
        (Error::AlertReceived(AlertDescription::HandshakeFailure), P::ClientCertificate),
        (Error::AlertReceived(AlertDescription::UnrecognisedName), P::Name),
        (Error::AlertReceived(AlertDescription::InternalError), P::Other),
        (Error::InvalidMessage(InvalidMessage::InvalidContentType), P::NotTls),
        (Error::NoCertificatesPresented, P::Other),
    ] {
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        let error = handshake("example.org", error);
        let failure = StdError::source(&error).unwrap().downcast_ref::<TlsFailure>().unwrap();
        assert_eq!(failure.problem(), problem, "{error}");
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
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            "the server and this client have no TLS version or cipher suite in common (server \
             does not support tls12 or13): this client supports TLS 1.2 and 1.3",
        ),
    ] {
        assert_eq!(explained(error), (ErrorKind::Tls, words.to_owned()));
    }
}

#[test]
fn alerts_of_the_server_name_the_remedy() {
    for (alert, words) in [
        (
            AlertDescription::CertificateRequired,
            "the server requires a certificate from this client: set one",
        ),
        (
            AlertDescription::BadCertificate,
            "the server does not accept the certificate of this client, or requires one (bad \
                 certificate): set the right one",
        ),
        (
            AlertDescription::UnknownCA,
            "the server does not accept the certificate of this client (unknown ca): set one \
                 of an authority that the server trusts",
        ),
        (
            AlertDescription::HandshakeFailure,
            "the server refused the TLS handshake (handshake failure): it has no cipher suite in \
                 common with this client, or requires a certificate from this client",
        ),
        (
            AlertDescription::ProtocolVersion,
            "the server and this client have no TLS version in common (protocol version): this \
             client supports TLS 1.2 and 1.3",
        ),
        (
            AlertDescription::UnrecognisedName,
            "the server does not know the host example.org (unrecognised name): check the host, or \
             set another name",
        ),
        (
            AlertDescription::NoApplicationProtocol,
            "the server does not offer HTTP/1.1 over TLS (no application protocol): WebSocket \
             needs it on this port",
        ),
        (
            AlertDescription::InternalError,
            "the server refused the TLS handshake (internal error): check the host and the port",
        ),
    ] {
        assert_eq!(explained(Error::AlertReceived(alert)), (ErrorKind::Tls, words.to_owned()));
    }
}
