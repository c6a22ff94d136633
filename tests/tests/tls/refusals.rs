//! Servers that this client refuses, and servers that refuse it.

use websocket_heartbeat::{ErrorKind, TransportError, Verdict};
use websocket_heartbeat_tests::{Smol, with_time_limit};
use websocket_heartbeat_tungstenite::tls::{Roots, Tls};

use crate::{
    authority::{Authority, Identity},
    every_backend::{refused, trusting, verdict},
    server::{Library, Server, Settings, Versions},
};

/// The errors of attempts to connect to `host`, at servers of each library with this certificate.
fn errors(
    test: &'static str,
    host: &'static str,
    identity: Identity,
    tls: Tls,
) -> Vec<TransportError> {
    with_time_limit(test, move || {
        let settings = Settings::new(&identity);
        let servers = Library::BOTH.map(|library| Server::start(test, library, &settings));
        let servers = servers.into_iter().flatten();
        servers.map(|server| refused::<Smol>(&server.request(host), &tls)).collect()
    })
}

#[test]
fn a_certificate_for_another_name_stops_the_session() {
    let authority = Authority::root();
    for (host, name) in [("localhost", "a.example"), ("127.0.0.1", "127.0.0.2")] {
        let (identity, tls) = (authority.issue(name), trusting(&authority));
        for error in errors("another name", host, identity, tls) {
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
            let words = error.to_string();
            let end = format!(
                "is not for the host {host}, but for {name}: check the host, or set another name"
            );
            assert!(words.ends_with(&end), "{words}");
            assert_eq!(verdict(&error), Verdict::Stop);
        }
    }
}

#[test]
fn a_certificate_outside_its_time_is_tried_again_slowly() {
    let authority = Authority::root();
    for (from, until, words) in [
        (1_975, 2_000, "expired on Sat, 01 Jan 2000 00:00:00 GMT (now it is "),
        (4_000, 4_096, "is not valid before Sat, 01 Jan 4000 00:00:00 GMT (now it is "),
    ] {
        let identity = authority.issue_within("localhost", from, until);
        for error in errors("a time", "localhost", identity, trusting(&authority)) {
            assert_eq!(error.kind(), ErrorKind::CertificateTime, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(verdict(&error), Verdict::RetryAfter(Verdict::CERTIFICATE_FLOOR));
        }
    }
}

#[test]
fn a_self_signed_certificate_is_named_as_such() {
    let authority = Authority::root();
    for error in
        errors("self-signed", "localhost", Identity::self_signed("localhost"), trusting(&authority))
    {
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        let words = "is self-signed: if it is the right one, trust it";
        assert!(error.to_string().ends_with(words), "{error}");
        assert_eq!(verdict(&error), Verdict::Stop);
    }
}

#[test]
fn an_authority_with_the_name_of_a_trusted_one_is_not_trusted() {
    let [before, after] = [Authority::named("the same name"), Authority::named("the same name")];
    for error in errors("the same name", "localhost", after.issue("localhost"), trusting(&before)) {
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        let words = "is not signed by the authority that it names: if that authority has a new key, \
                     trust its new certificate";
        assert!(error.to_string().ends_with(words), "{error}");
        assert_eq!(verdict(&error), Verdict::Stop);
    }
}

#[test]
fn an_authority_as_the_server_is_refused_even_if_it_is_trusted() {
    let identity = Identity::self_signed_authority("localhost");
    let tls = Tls::builder().roots(Roots::None).authorities_pem(&identity.chain).unwrap();
    for error in errors("an authority", "localhost", identity, tls.build().unwrap()) {
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        assert!(error.to_string().contains("is that of an authority (CA:TRUE)"), "{error}");
        assert_eq!(verdict(&error), Verdict::Stop);
    }
}

/// The error of an attempt at an OpenSSL server. `None` if Python is missing.
fn openssl_error(test: &'static str, versions: Versions, cuts: bool) -> Option<TransportError> {
    with_time_limit(test, move || {
        let authority = Authority::root();
        let identity = authority.issue("localhost");
        let settings = Settings { versions, cuts, ..Settings::new(&identity) };
        let server = Server::start(test, Library::OpenSsl, &settings)?;
        Some(refused::<Smol>(&server.request("localhost"), &trusting(&authority)))
    })
}

#[test]
fn a_server_with_only_an_old_version_is_named_as_such() {
    let Some(error) = openssl_error("TLS 1.1", Versions::Only11, false) else { return };
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert_eq!(
        error.to_string(),
        "the server and this client have no TLS version in common (protocol version): this \
         client supports TLS 1.2 and 1.3"
    );
}

#[test]
fn a_handshake_that_openssl_cuts_is_tried_again() {
    let Some(error) = openssl_error("a cut handshake", Versions::All, true) else { return };
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("ended the connection during the TLS handshake"), "{error}");
    assert_eq!(verdict(&error), Verdict::Retry);
}

#[test]
fn a_server_with_only_http2_is_explained() {
    let test = "only HTTP/2";
    let authority = Authority::root();
    let identity = authority.issue("localhost");
    // OpenSSL's server goes on without a protocol.
    let settings = Settings { alpn: &["h2"], ..Settings::new(&identity) };
    let server = Server::start(test, Library::Rustls, &settings).unwrap();
    let request = server.request("localhost");
    let error = with_time_limit(test, move || refused::<Smol>(&request, &trusting(&authority)));
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("does not offer HTTP/1.1 over TLS"), "{error}");
}
