//! The main cases, over every backend.

use websocket_heartbeat::{CloseReason, ErrorKind, Failure, LostCause, TransportError, Verdict};
use websocket_heartbeat_tests::{
    Backend, Dialed,
    expect::{closed, connecting, lost},
};
use websocket_heartbeat_tungstenite::{
    Dialer, Request,
    tls::{Roots, Tls},
};

use crate::{
    authority::Authority,
    server::{Library, Server, Settings, Versions},
};

/// One attempt.
pub(crate) fn dial<B: Backend>(request: &Request, tls: &Tls) -> Dialed<B> {
    B::block_on(B::dial_by(&Dialer::new().tls(tls.clone()), request))
}

/// The error of an attempt.
pub(crate) fn refused<B: Backend>(request: &Request, tls: &Tls) -> TransportError {
    match dial::<B>(request, tls) {
        Ok(_) => panic!("the attempt must fail"),
        Err(error) => error,
    }
}

/// A client that trusts one authority.
pub(crate) fn trusting(authority: &Authority) -> Tls {
    let builder = Tls::builder().roots(Roots::None).authorities_pem(&authority.pem).unwrap();
    builder.build().unwrap()
}

/// The default verdict on a failed attempt.
pub(crate) fn verdict(error: &TransportError) -> Verdict {
    Verdict::careful(&Failure::new(false, 0, &LostCause::Connect(error.clone())))
}

pub(crate) fn a_private_authority_is_trusted_if_it_is_added<B: Backend>() {
    let authority = Authority::root();
    let identity = authority.intermediate().issue("localhost");
    for library in Library::BOTH {
        let settings = Settings::new(&identity);
        let Some(server) = Server::start("a private authority", library, &settings) else {
            continue;
        };
        // Only this authority, or this authority besides Mozilla's.
        let added = Tls::builder().authorities_pem(&authority.pem).unwrap().build().unwrap();
        for tls in [trusting(&authority), added] {
            let established = dial::<B>(&server.request("localhost"), &tls).unwrap();
            let opened = server.next_opened();
            assert_eq!(opened.version, "TLSv1.3", "{library:?}");
            // The server prefers HTTP/2, which must not be offered.
            assert_eq!(opened.alpn, "http/1.1", "{library:?}");
            assert_eq!(opened.name, "localhost", "{library:?}");
            drop(established);
        }
    }
}

pub(crate) fn a_certificate_of_an_unknown_authority_stops_the_session<B: Backend>() {
    let identity = Authority::root().issue("localhost");
    for library in Library::BOTH {
        let settings = Settings::new(&identity);
        let Some(server) = Server::start("an unknown authority", library, &settings) else {
            continue;
        };
        for tls in [Tls::new(), trusting(&Authority::root())] {
            let error = refused::<B>(&server.request("localhost"), &tls);
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
            assert_eq!(
                error.to_string(),
                "the server's certificate was issued by an authority that is not \
                 trusted here: if it is a private authority, trust its certificate"
            );
        }
        // The same error ends a session with default settings.
        let mut session = B::connect(server.request("localhost")).build().unwrap();
        B::block_on(async {
            connecting(&mut session).await;
            let lost = lost(&mut session).await;
            let kind = lost.cause.transport_error().map(TransportError::kind);
            assert_eq!(kind, Some(ErrorKind::Certificate), "{lost:?}");
            let closed = closed(&mut session).await;
            assert!(matches!(closed.reason, CloseReason::Stopped(_)), "{closed:?}");
        });
    }
}

/// A server that demands certificates of `clients`, in both versions of TLS, each with its name for
/// the case.
fn each_demanding(
    authority: &Authority,
    clients: &Authority,
    mut test: impl FnMut(Library, Versions, &Server),
) {
    let identity = authority.issue("localhost");
    for library in Library::BOTH {
        for versions in [Versions::All, Versions::Only12] {
            let client_authority = Some(&*clients.pem);
            let settings = Settings { client_authority, versions, ..Settings::new(&identity) };
            if let Some(server) = Server::start("a client certificate", library, &settings) {
                test(library, versions, &server);
            }
        }
    }
}

pub(crate) fn a_client_certificate_is_shown_to_a_server_that_demands_it<B: Backend>() {
    let (authority, clients) = (Authority::root(), Authority::root());
    // The server knows only the root, so the chain must be sent.
    let client = clients.intermediate().issue("a-client");
    let tls = Tls::builder().roots(Roots::None).authorities_pem(&authority.pem).unwrap();
    let tls = tls.client_certificate_pem(&client.chain, &client.key).unwrap().build().unwrap();
    each_demanding(&authority, &clients, |library, versions, server| {
        let established = dial::<B>(&server.request("localhost"), &tls).unwrap();
        let opened = server.next_opened();
        if library == Library::OpenSsl {
            assert_eq!(opened.client, "a-client", "{versions:?}");
        }
        drop(established);
    });
}

pub(crate) fn a_missing_client_certificate_is_explained<B: Backend>() {
    let (authority, clients) = (Authority::root(), Authority::root());
    let wrong = Authority::root().issue("a-client");
    let with_wrong = Tls::builder().roots(Roots::None).authorities_pem(&authority.pem).unwrap();
    let with_wrong = with_wrong.client_certificate_pem(&wrong.chain, &wrong.key).unwrap();
    let with_wrong = with_wrong.build().unwrap();
    each_demanding(&authority, &clients, |library, versions, server| {
        let request = server.request("localhost");
        let error = refused::<B>(&request, &trusting(&authority));
        assert_eq!(error.kind(), ErrorKind::Tls, "{library:?} {versions:?}: {error}");
        let words = error.to_string();
        let required = "the server requires a certificate from this client: set one";
        let perhaps = "or requires a certificate from this client";
        let is_explained = match versions {
            // The alert comes after the handshake, in place of the answer to the upgrade.
            Versions::All => words == required,
            _ => words == required || words.contains(perhaps),
        };
        assert!(is_explained, "{library:?} {versions:?}: {words}");

        let error = refused::<B>(&request, &with_wrong);
        assert_eq!(error.kind(), ErrorKind::Tls, "{library:?} {versions:?}: {error}");
        let words = "the server does not accept the certificate of this client (";
        assert!(error.to_string().starts_with(words), "{library:?} {versions:?}: {error}");
    });
}
