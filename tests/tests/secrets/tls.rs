//! The keys of clients, and the names in certificates.

use std::{
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use data_encoding::BASE64;
use futures_rustls::rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    generate_simple_self_signed,
};
use websocket_heartbeat_tests::Backend;
use websocket_heartbeat_tungstenite::{
    Request, Tls,
    tls::{Roots, TlsBuilder, TlsError},
};

use crate::{output::Output, planted::assert_bytes_absent, refusals::dialer, server::Received};

/// An authority, and the certificate and the key of a client that it has issued.
struct Client {
    authority: CertificateDer<'static>,
    certificate: String,
    key: KeyPair,
}

impl Client {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let authority = params.self_signed(&key).expect("a certificate").der().clone();
        let issuer = Issuer::new(params, key);
        let params = CertificateParams::new(["client".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate").pem();
        Self { authority, certificate, key }
    }

    fn tls(&self) -> TlsBuilder {
        let tls = Tls::builder().roots(Roots::None);
        tls.client_certificate_pem(&self.certificate, self.key.serialize_pem()).expect("a key")
    }
}

/// A server of this name that demands a certificate of this authority, and keeps those that it gets.
struct Server {
    port: u16,
    pem: String,
    received: Received,
}

impl Server {
    fn start(name: &str, authority: &CertificateDer<'static>) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).expect("a valid root");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("supported versions")
            .with_client_cert_verifier(verifier.expect("a verifier"))
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a valid certificate");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        let received = Received::default();
        let (certificates, config) = (received.clone(), Arc::new(config));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, config.clone(), &certificates);
            }
        });
        Self { port, pem: cert.pem(), received }
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, certificates: &Received) {
    let tls = ServerConnection::new(config).expect("a configuration");
    let Ok(mut socket) = tungstenite::accept(StreamOwned::new(tls, stream)) else { return };
    let presented = socket.get_ref().conn.peer_certificates().unwrap_or_default();
    certificates.push(presented.iter().map(|der| BASE64.encode(der)).collect::<String>());
    while socket.read().is_ok() {}
}

pub(crate) async fn keys_of_clients_are_not_printed<B: Backend>() {
    let output = Arc::new(Mutex::new(Output::new()));
    let shown = || output.lock().expect("no panic");
    let (client, stranger) = (Client::new(), Client::new());
    let server = Server::start("localhost", &client.authority);
    let request = Request::new(&format!("wss://localhost:{}/", server.port)).expect("a URL");
    for (of, accepted) in [(&client, true), (&stranger, false)] {
        let builder = of.tls().authorities_pem(&server.pem).expect("a certificate");
        shown().debug(&builder);
        let tls = builder.build().expect("valid settings");
        shown().debug(&tls);
        let dialer = dialer(&output).tls(tls);
        shown().debug(&dialer);
        match B::dial_by(&dialer, &request).await {
            Ok(_) => assert!(accepted),
            Err(error) => {
                assert!(!accepted, "{error}");
                shown().transport_error(&error);
            }
        }
    }
    let certificate = CertificateDer::from_pem_slice(client.certificate.as_bytes()).expect("PEM");
    assert!(server.received.all().contains(&BASE64.encode(&certificate)));
    for wrong in wrong_settings(&client, &stranger) {
        shown().error(&wrong);
    }
    let text = shown().shown();
    for key in [&client.key, &stranger.key] {
        let der = key.serialize_der();
        // The bytes before it are those of each such key.
        let own = &der[der.len() / 3..];
        assert_bytes_absent(&text, [("key", own)]);
    }
}

/// Errors of settings with the key in a wrong place or form.
fn wrong_settings(client: &Client, other: &Client) -> Vec<TlsError> {
    let (certificate, key) = (&client.certificate, client.key.serialize_pem());
    let cut = &key[..key.len() - 40];
    let broken = key.replace('A', "!");
    let indented = format!("  {key}");
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let renamed = key.replace("PRIVATE KEY", "CERTIFICATE");
    let with = |certificate: &str, key: &str| {
        let built = Tls::builder().client_certificate_pem(certificate, key);
        built.and_then(TlsBuilder::build).expect_err("a wrong key")
    };
    let mut errors: Vec<_> = [cut, &broken, &indented, &encrypted, &renamed, certificate]
        .map(|key| with(certificate, key))
        .into();
    errors.push(with(&key, &key));
    errors.push(with(&renamed, &key));
    errors.push(with(&other.certificate, &key));
    errors.push(Tls::builder().authorities_pem(&key).expect_err("no certificate"));
    errors.push(Tls::builder().authorities_pem(&renamed).expect_err("no certificate"));
    errors
}
