//! TLS of tokio-tungstenite, by rustls.

use std::{io::Read, sync::Arc};

use futures::{SinkExt, StreamExt};
use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto::ring,
    pki_types::PrivateKeyDer,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_tungstenite::{Connector, MaybeTlsStream, client_async_tls_with_config, tungstenite};
use websocket_heartbeat_tokio::{
    Connection, ErrorKind, Frame, Message,
    adapter::{CountedSocket, TokioTungstenite, transport_error},
};

use crate::{Dialed, serve};

/// The configuration of a server for "localhost", and of a client that trusts it.
fn tls() -> (Arc<ServerConfig>, Connector) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Connector::Rustls(Arc::new(client)))
}

async fn over_tls(port: u16, connector: Connector) -> Dialed<MaybeTlsStream<CountedSocket>> {
    let url = format!("wss://localhost:{port}/");
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let socket = CountedSocket::new(socket);
    let upgraded = client_async_tls_with_config(url, socket, None, Some(connector)).await;
    let (stream, response) = upgraded.map_err(|error| transport_error(error, &[]))?;
    let connection = TokioTungstenite::new(stream).with_counted_socket(MaybeTlsStream::get_ref);
    Ok(connection.established(&response))
}

#[tokio::test]
async fn bytes_are_counted_below_tls_and_a_close_sends_close_notify() {
    let (server, client) = tls();
    let (port, server) = serve(|stream| {
        let tls = StreamOwned::new(ServerConnection::new(server).unwrap(), stream);
        let mut socket = tungstenite::accept(tls).unwrap();
        let message = socket.read().unwrap();
        socket.send(message).unwrap();
        assert!(socket.read().unwrap().is_close());
        assert!(socket.flush().is_err(), "both have closed");
        // Without close_notify, this is an error of the kind UnexpectedEof.
        socket.get_mut().read(&mut [0])
    });
    let mut connection = over_tls(port, client).await.unwrap().connection;
    let written = connection.bytes_written().unwrap();
    let message = Message::binary(vec![9; 1 << 20]);
    connection.send(message.clone().into()).await.unwrap();
    assert!(connection.next().await.unwrap().unwrap() == Frame::Message(message));
    let written = connection.bytes_written().unwrap() - written;
    // Each record of TLS has at most 16 KiB, and adds at least 21 bytes.
    assert!(written > (1 << 20) + 64 * 21, "{written}");
    assert!(connection.socket().is_some());
    connection.send(Frame::Close(None)).await.unwrap();
    assert_eq!(connection.next().await.unwrap().unwrap(), Frame::Close(None));
    connection.flush().await.unwrap();
    drop(connection);
    assert_eq!(server.join().unwrap().unwrap(), 0);
}

#[tokio::test]
async fn an_untrusted_certificate_has_its_kind() {
    let (server, _) = tls();
    let (_, other) = tls();
    let (port, server) = serve(|stream| {
        let tls = StreamOwned::new(ServerConnection::new(server).unwrap(), stream);
        tungstenite::accept(tls).is_err()
    });
    let error = over_tls(port, other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
    assert!(server.join().unwrap());
}
