//! A WebSocket server over TLS: [`tls_server`].

use std::{error::Error, net::TcpStream, sync::Arc};

use futures_rustls::rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use tungstenite::{
    handshake::server::{ErrorResponse, Request, Response},
    http::StatusCode,
};

use crate::{Server, server::small};

/// Starts a server that echoes texts over TLS.
///
/// It has this certificate and key, and demands a certificate from this authority; all of them are
/// PEM texts. It refuses a request with 401 if `is_valid` returns false for its `Authorization`.
///
/// # Errors
///
/// If a text is not what it should be, or if there is no free port.
#[allow(clippy::result_large_err, reason = "tungstenite has this signature")]
pub fn tls_server(
    (certificate, key): (&str, &str),
    authority: &str,
    is_valid: impl Fn(&str) -> bool + Clone + Send + 'static,
) -> Result<Server, Box<dyn Error>> {
    let config = config(certificate, key, authority)?;
    let accept = move |stream: TcpStream| {
        let tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config))?, stream);
        let check = |request: &Request, response: Response| {
            let token = request.headers().get("authorization").map_or(&b""[..], |v| v.as_bytes());
            match is_valid(&String::from_utf8_lossy(token)) {
                true => Ok(response),
                false => Err(unauthorized()),
            }
        };
        tungstenite::accept_hdr_with_config(tls, check, Some(small()))
            .map_err(|error| error.to_string().into())
    };
    Ok(Server::accepting(accept, |text| Some(text.to_owned()))?)
}

fn unauthorized() -> ErrorResponse {
    let mut answer = ErrorResponse::new(None);
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    answer
}

fn config(
    certificate: &str,
    key: &str,
    authority: &str,
) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let provider = Arc::new(ring::default_provider());
    let mut clients = RootCertStore::empty();
    clients.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(clients), Arc::clone(&provider))
            .build()?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes())?],
            PrivateKeyDer::from_pem_slice(key.as_bytes())?,
        )?;
    Ok(Arc::new(config))
}
