//! A server by rustls, in this process.

use std::{
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread,
};

use futures_rustls::rustls::{
    HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use websocket_heartbeat_tests::TIME_LIMIT;

use crate::server::{Opened, Server, Settings, Versions};

pub(crate) fn start(settings: &Settings<'_>) -> Server {
    assert!(!settings.cuts, "only the other server can do that");
    let config = Arc::new(config(settings));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, opened) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), config.clone(), &sender);
        }
    });
    Server { port, opened, process: None }
}

fn config(settings: &Settings<'_>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let versions = match settings.versions {
        Versions::All => vec![&TLS13, &TLS12],
        Versions::Only12 => vec![&TLS12],
        Versions::Only11 => panic!("rustls does not have TLS 1.1"),
    };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .unwrap();
    let builder = match settings.client_authority {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = CertificateDer::pem_slice_iter(settings.identity.chain.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(settings.identity.key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain.map(Result::unwrap).collect(), key).unwrap();
    config.alpn_protocols = settings.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// Serves a client until its end.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, opened: &Sender<Opened>) {
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let Ok(mut socket) = tungstenite::accept(tls) else { return };
    let tls = &socket.get_ref().conn;
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        other => panic!("{other:?} is not a version of rustls"),
    };
    // Fails only after the test.
    let _ = opened.send(Opened {
        version: version.to_owned(),
        alpn: tls.alpn_protocol().map_or_else(String::new, |name| {
            String::from_utf8(name.to_vec()).expect("a protocol of the settings")
        }),
        resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
        client: String::new(),
        name: tls.server_name().unwrap_or_default().to_owned(),
    });
    while socket.read().is_ok() {}
}
