//! Configurations of rustls: ring, TLS 1.2 and 1.3, HTTP/1.1.

use std::sync::{Arc, LazyLock};

use futures_rustls::rustls::{
    ClientConfig,
    client::{ResolvesClientCert, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
};

/// The protocol of the upgrade. A server that also speaks HTTP/2 must not choose that.
const ALPN: &[u8] = b"http/1.1";

/// The provider of cryptography. It is named in each configuration, because rustls panics if a
/// process has no default provider.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(ring::default_provider()));
    PROVIDER.clone()
}

/// A configuration with this verifier and, if there is one, this client certificate.
pub(super) fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    client: Option<Arc<dyn ResolvesClientCert>>,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match client {
        Some(client) => builder.with_client_cert_resolver(client),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config
}
