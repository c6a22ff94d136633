//! Settings of the client that a server notices.

use std::{process::Command, sync::Arc};

use futures_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::pem::PemObject,
};
use websocket_heartbeat::Supervisor;
use websocket_heartbeat_smol::{SmolTimer, SmolTransport};
use websocket_heartbeat_tests::{
    Backend, Smol,
    expect::{connected, lost, reconnected},
    skip, with_time_limit,
};
use websocket_heartbeat_tungstenite::tls::{Roots, Tls, rustls::pki_types::CertificateDer};

use crate::{
    authority::{Authority, Identity, file},
    every_backend::{dial, trusting},
    server::{Library, Server, Settings, Versions, missing},
};

/// Runs `body` with a server of each library.
fn each(
    test: &'static str,
    identity: Identity,
    versions: Versions,
    body: impl Fn(&Server) + Send + 'static,
) {
    with_time_limit(test, move || {
        for library in Library::BOTH {
            let settings = Settings { versions, ..Settings::new(&identity) };
            if let Some(server) = Server::start(test, library, &settings) {
                body(&server);
            }
        }
    });
}

#[test]
fn a_server_with_tls_1_2_is_accepted() {
    let authority = Authority::root();
    each("TLS 1.2", authority.issue("localhost"), Versions::Only12, move |server| {
        let established = dial::<Smol>(&server.request("localhost"), &trusting(&authority));
        let opened = server.next_opened();
        assert_eq!((&*opened.version, &*opened.alpn), ("TLSv1.2", "http/1.1"));
        drop(established.unwrap());
    });
}

#[test]
fn a_certificate_can_be_for_an_address() {
    let authority = Authority::root();
    each("an address", authority.issue("127.0.0.1"), Versions::All, move |server| {
        let established = dial::<Smol>(&server.request("127.0.0.1"), &trusting(&authority));
        drop(established.unwrap());
        // RFC 6066 section 3 forbids addresses in the extension.
        assert_eq!(server.next_opened().name, "");
    });
}

#[test]
fn another_server_name_is_sent_and_checked() {
    let authority = Authority::root();
    let tls = trusting(&authority).server_name("internal.example").unwrap();
    each("a server name", authority.issue("internal.example"), Versions::All, move |server| {
        for host in ["127.0.0.1", "localhost"] {
            drop(dial::<Smol>(&server.request(host), &tls).unwrap());
            assert_eq!(server.next_opened().name, "internal.example");
        }
    });
}

#[test]
fn a_self_signed_certificate_can_be_added() {
    let identity = Identity::self_signed("localhost");
    let tls = Tls::builder().roots(Roots::None).authorities_pem(&identity.chain).unwrap();
    let tls = tls.build().unwrap();
    each("an added certificate", identity, Versions::All, move |server| {
        drop(dial::<Smol>(&server.request("localhost"), &tls).unwrap());
    });
}

#[test]
fn any_certificate_is_accepted_on_request() {
    let expired = Authority::root().issue_within("a.example", 1_975, 2_000);
    let tls = Tls::builder().dangerous_accept_any_certificate().build().unwrap();
    for versions in [Versions::All, Versions::Only12] {
        let identity = Identity { chain: expired.chain.clone(), key: expired.key.clone() };
        let tls = tls.clone();
        each("any certificate", identity, versions, move |server| {
            drop(dial::<Smol>(&server.request("localhost"), &tls).unwrap());
        });
    }
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() {
    for versions in [Versions::All, Versions::Only12] {
        let authority = Authority::root();
        each("resumption", authority.issue("localhost"), versions, move |server| {
            let tls = trusting(&authority);
            let resumed = |tls: &Tls| {
                drop(dial::<Smol>(&server.request("localhost"), tls).unwrap());
                server.next_opened().resumed
            };
            assert_eq!([resumed(&tls), resumed(&tls)], [false, true], "{versions:?}");
            // Another configuration has its own sessions.
            assert!(!resumed(&trusting(&authority)), "{versions:?}");
        });
    }
}

#[test]
fn a_session_that_reconnects_resumes_its_tls_session() {
    let authority = Authority::root();
    each("a reconnection", authority.issue("localhost"), Versions::All, move |server| {
        let transport = SmolTransport::new(server.request("localhost")).tls(trusting(&authority));
        let mut session = Supervisor::builder(transport, SmolTimer::new()).build().unwrap();
        Smol::block_on(async {
            connected(&mut session).await;
            assert!(!server.next_opened().resumed);
            session.handle().reconnect_now();
            lost(&mut session).await;
            reconnected(&mut session).await;
            assert!(server.next_opened().resumed);
        });
    });
}

#[test]
fn a_configuration_of_rustls_is_used_unchanged() {
    let authority = Authority::root();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Tls::from_rustls(Arc::new(config));
    each("a configuration", authority.issue("localhost"), Versions::All, move |server| {
        drop(dial::<Smol>(&server.request("localhost"), &tls).unwrap());
        assert_eq!(server.next_opened().alpn, "");
        assert!(CryptoProvider::get_default().is_none(), "no default was installed");
    });
}

#[test]
fn private_keys_of_openssl_are_read_in_each_format() {
    let test = "formats of private keys";
    for (begin, arguments) in [
        ("RSA PRIVATE KEY", &["genrsa", "-traditional", "2048"][..]),
        ("EC PRIVATE KEY", &["ecparam", "-name", "prime256v1", "-genkey", "-noout"]),
        ("EC PARAMETERS", &["ecparam", "-name", "secp384r1", "-genkey"]),
        ("PRIVATE KEY", &["genpkey", "-algorithm", "ED25519"]),
    ] {
        let key = match Command::new("openssl").args(arguments).output() {
            Ok(output) => String::from_utf8(output.stdout).unwrap(),
            Err(error) => return skip(test, &missing("openssl", &error)),
        };
        assert!(key.starts_with(&format!("-----BEGIN {begin}-----")), "{begin}");
        let mut request = Command::new("openssl");
        request.args(["req", "-x509", "-subj", "/CN=a-client", "-days", "3650", "-key"]);
        let key_file = file(&key);
        let output = request.arg(&*key_file).output().unwrap();
        let chain = String::from_utf8(output.stdout).unwrap();
        let authority = Authority::root();
        let tls = Tls::builder().roots(Roots::None).authorities_pem(&authority.pem).unwrap();
        let tls = tls.client_certificate_pem(&chain, &key).unwrap().build().unwrap();
        with_time_limit(test, move || {
            let identity = authority.issue("localhost");
            let client_authority = Some(&*chain);
            let settings = Settings { client_authority, ..Settings::new(&identity) };
            let Some(server) = Server::start(test, Library::OpenSsl, &settings) else { return };
            drop(dial::<Smol>(&server.request("localhost"), &tls).unwrap());
            assert_eq!(server.next_opened().client, "a-client", "{begin}");
        });
    }
}
