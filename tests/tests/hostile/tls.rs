//! Servers that open over TLS, and then break TLS itself.

use std::{sync::Arc, time::Duration};

use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio, guarded};
use websocket_heartbeat_tungstenite::{Dialer, Tls};

use crate::{
    alone,
    figures::{Outcome, measured_open_tls},
    server::Server,
};

/// What a break may make us allocate: a record, and buffers.
const MEMORY: usize = 512 << 10;

/// What it may take of its thread, in a build for tests.
const CPU: Duration = Duration::from_secs(2);

/// The head of a record of 16 KiB of application data.
const RECORD: [u8; 5] = [0x17, 3, 3, 0x40, 0];

/// The servers, each with what it must come to after `Open`.
fn cases(config: &Arc<ServerConfig>) -> Vec<(Server, Outcome)> {
    use Outcome::Breaks;
    let server = |name, bytes: &[u8]| Server::below_tls(name, config.clone(), bytes);
    let record = |bytes| [&RECORD[..], &vec![7; bytes]].concat();
    let ended = Breaks(ErrorKind::Ended);
    let broken = Breaks(ErrorKind::Tls);
    vec![
        (server("the end without close_notify", &[]).ending(), ended),
        (server("half the head of a record, then the end", &RECORD[..3]).ending(), ended),
        (server("the head of a record, then the end", &RECORD).ending(), ended),
        (server("half a record, then the end", &record(8 << 10)).ending(), ended),
        (server("a record that does not decrypt", &record(16 << 10)), broken),
        (server("a record that is too large", &[0x17, 3, 3, 0xff, 0xff]), broken),
        (server("an alert in plain text", b"\x15\x03\x03\0\x02\x02\x28"), broken),
        (server("plain HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n"), broken),
        (server("a frame without TLS", &[0x81, 5, b'p', b'l', b'a', b'i', b'n']), broken),
        (server("noise without end", &[]).for_ever([0xff; 512]), broken),
        (server("zeros without end", &[]).for_ever([0; 512]), broken),
        (server("records without end", &[]).for_ever(record(16 << 10)), broken),
    ]
}

/// A certificate for "localhost", and a dialer that trusts it.
fn authority() -> (Arc<ServerConfig>, Dialer) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Dialer::new().tls(Tls::from_rustls(Arc::new(client))))
}

fn all<B: Backend>() {
    let (config, dialer) = authority();
    let mut wrong = Vec::new();
    for (server, outcome) in cases(&config) {
        let name = format!("TLS: {} over {}", server.name, B::NAME);
        let dialer = dialer.clone();
        let figures = guarded(&name.clone(), move || measured_open_tls::<B>(server, dialer));
        println!("{name}: {figures}");
        // The text that came before is not lost.
        let told = (figures.outcome, figures.messages) == (outcome, 1);
        if !told || figures.memory > MEMORY || figures.cpu > CPU {
            wrong.push(format!("{name}: {figures}, {} messages", figures.messages));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tls_that_breaks_after_open_is_bounded_and_told() {
    let _alone = alone();
    all::<Smol>();
    all::<AsyncStd>();
    all::<Tokio>();
}
