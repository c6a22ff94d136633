//! TLS for tests: a self-signed certificate for "localhost".

use std::sync::Arc;

use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer,
};
use rcgen::{Certificate, CertifiedKey, generate_simple_self_signed};
use websocket_heartbeat_tungstenite::Tls;

/// The certificate and the key of a server for "localhost" as PEM, and the TLS of a client that trusts
/// it.
///
/// # Panics
///
/// When the certificate cannot be made.
pub fn localhost_pem() -> (String, Tls) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    (signing_key.serialize_pem() + &cert.pem(), trusting(&cert))
}

/// The configuration of a server for "localhost", and the TLS of a client that trusts it.
///
/// # Panics
///
/// When the certificate cannot be made.
pub fn localhost_tls() -> (Arc<ServerConfig>, Tls) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("supported versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a valid certificate");
    (Arc::new(server), trusting(&cert))
}

/// The TLS of a client that trusts this certificate only.
fn trusting(certificate: &Certificate) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).expect("a valid root");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("supported versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Tls::from_rustls(Arc::new(client))
}
