//! TLS for tests: a self-signed certificate for "localhost".

use std::sync::Arc;

use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use websocket_heartbeat_tungstenite::Tls;

/// The configuration of a server for "localhost", and the TLS of a client that trusts it.
///
/// # Panics
///
/// When the certificate cannot be made.
pub fn localhost_tls() -> (Arc<ServerConfig>, Tls) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("supported versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a valid certificate");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a valid root");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("supported versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Tls::from_rustls(Arc::new(client)))
}
