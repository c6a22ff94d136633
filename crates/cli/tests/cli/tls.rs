//! `wss://` with authorities that each test makes.

use std::{
    io::{self, Write},
    sync::Arc,
};

use async_tungstenite::tungstenite::accept;
use futures_rustls::rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use crate::{program::Program, scratch::Scratch, server::Server};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for localhost that is valid until the beginning of this year.
    fn issue(&self, until: i32) -> Identity {
        let (params, key) = leaf(until);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

impl Identity {
    fn self_signed() -> Self {
        let (params, key) = leaf(4_096);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, key: key.serialize_pem() }
    }

    /// A server with this certificate, which demands one of this authority if it is given. It
    /// echoes messages.
    fn server(&self, clients: Option<&Authority>) -> Server {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots
                    .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
                    .unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config = Arc::new(builder.with_single_cert(vec![certificate], key).unwrap());
        Server::tcp(move |_, stream| {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let Ok(mut peer) = accept(StreamOwned::new(tls, stream)) else { return };
            while let Ok(message) = peer.read() {
                if message.is_text() && peer.send(message).is_err() {
                    return;
                }
            }
        })
    }
}

fn leaf(until: i32) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(until, 1, 1);
    (params, KeyPair::generate().unwrap())
}

/// The files of a test.
struct Files {
    scratch: Scratch,
    /// The root certificates of the system.
    system: String,
}

impl Files {
    fn new() -> Self {
        let scratch = Scratch::new();
        let system = scratch.file("system.pem", &Authority::new("system").pem);
        Self { scratch, system }
    }

    /// The events of a session that ends with its first connection or attempt.
    fn run(&self, url: &str, more: &[&str]) -> Program {
        let args = ["connect", url, "--json", "--repeat-limit", "0"];
        let variables = [("SSL_CERT_FILE", &*self.system)];
        let mut program = Program::start_in(&[&args, more].concat(), &variables);
        while let Some(event) = program.next_event() {
            if event["event"] == "open" {
                program.say("hello\n");
                assert_eq!(program.event("message")["text"], "hello");
                program.signal("-TERM");
            }
        }
        program.end();
        program
    }

    fn opens(&self, url: &str, more: &[&str]) {
        let program = self.run(url, more);
        assert_eq!(program.events_named("open").len(), 1, "{:?} {:?}", program.seen, more);
    }

    /// The words of the failure, and whether the session ended for good.
    fn fails(&self, url: &str, more: &[&str]) -> (String, bool) {
        let mut program = self.run(url, more);
        let lost = program.events_named("lost").pop().unwrap();
        let stopped = program.events_named("closed")[0]["reason"] == "stopped";
        let words = lost["detail"].as_str().unwrap();
        // No name of a function or a type.
        assert!(!words.contains("::") && !words.contains('\n'), "{words}");
        program.seen.clear();
        (words.strip_prefix("could not connect: ").unwrap().to_owned(), stopped)
    }

    /// The one line about wrong arguments.
    fn refused(&self, more: &[&str]) -> String {
        let program = self.run("wss://localhost:1/", more);
        assert_eq!(program.seen_err.len(), 1, "{:?}", program.seen_err);
        program.seen_err[0].clone()
    }
}

fn url(server: &Server) -> String {
    format!("wss://localhost:{}/", server.port)
}

#[test]
fn each_problem_of_a_certificate_names_its_option() {
    let files = Files::new();
    let authority = Authority::new("private");
    let ca = files.scratch.file("ca.pem", &authority.pem);
    let (good, expired) = (authority.issue(4_096), authority.issue(2_000));
    let self_signed = Identity::self_signed();
    let own = files.scratch.file("own.pem", &self_signed.certificate);
    let server = self_signed.server(None);
    let trust = "if it is the right one, trust it (--cacert FILE), or test without this check (-k)";
    let words = format!("the server's certificate is self-signed: {trust}");
    assert_eq!(files.fails(&url(&server), &[]), (words, true));
    files.opens(&url(&server), &["--cacert", &own]);
    let mut params = leaf(4_096).0;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let own = files.scratch.file("authority.pem", &pem);
    let server = Identity { certificate: pem, key: key.serialize_pem() }.server(None);
    let words = "the server's certificate is that of an authority (CA:TRUE), which no server can use: \
                 issue a certificate for the server with it (openssl req -x509 -addext \
                 basicConstraints=critical,CA:FALSE), or test without this check (-k)";
    assert_eq!(files.fails(&url(&server), &["--cacert", &own]), (words.to_owned(), true));
    let server = good.server(None);
    let words = "the server's certificate was issued by an authority that is not trusted here: if \
                 it is a private authority, trust its certificate (--cacert FILE)";
    assert_eq!(files.fails(&url(&server), &[]), (words.to_owned(), true));
    files.opens(&url(&server), &["--cacert", &own, "--cacert", &ca]);
    let address = format!("wss://127.0.0.1:{}/", server.port);
    let words = "the server's certificate is not for the host 127.0.0.1, but for localhost: check \
                 the host, or set another name (--tls-name NAME)";
    assert_eq!(files.fails(&address, &["--cacert", &ca]), (words.to_owned(), true));
    files.opens(&address, &["--cacert", &ca, "--tls-name", "localhost"]);
    let server = expired.server(None);
    let (words, stopped) = files.fails(&url(&server), &["--cacert", &ca]);
    let begin = "the server's certificate expired on Sat, 01 Jan 2000 00:00:00 GMT (now it is ";
    assert!(words.starts_with(begin) && !stopped, "{words}");
}

#[test]
fn a_client_certificate_comes_from_one_or_two_files() {
    let files = Files::new();
    let authority = Authority::new("private");
    let ca = files.scratch.file("ca.pem", &authority.pem);
    let server = authority.issue(4_096).server(Some(&authority));
    let words = "the server requires a certificate from this client: set one (--cert FILE, --key \
                 FILE)";
    assert_eq!(files.fails(&url(&server), &["--cacert", &ca]).0, words);
    let client = authority.issue(4_096);
    let both = files.scratch.file("both.pem", &format!("{}{}", client.key, client.certificate));
    files.opens(&url(&server), &["--cacert", &ca, "--cert", &both]);
    let certificate = files.scratch.file("cert.pem", &client.certificate);
    let key = files.scratch.file("key.pem", &client.key);
    files.opens(&url(&server), &["--cacert", &ca, "--cert", &certificate, "--key", &key]);
}

#[test]
fn a_client_certificate_that_is_renewed_is_used_then() {
    let files = Files::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let ca = files.scratch.file("ca.pem", &old.pem);
    let server = old.issue(4_096).server(Some(&new));
    let both = |authority: &Authority| {
        let Identity { certificate, key } = authority.issue(4_096);
        files.scratch.file("client.pem", &(key + &certificate))
    };
    let client = both(&old);
    let url = url(&server);
    let options = ["--cacert", &ca, "--cert", &client, "--backoff", "1ms..1ms"];
    let mut program = Program::json(&url, &options);
    let lost = program.event("lost")["detail"].as_str().unwrap().to_owned();
    let words = "does not accept the certificate of this client";
    assert!(lost.contains(words) && lost.ends_with("(--cert FILE, --key FILE)"), "{lost}");
    std::fs::remove_file(&client).unwrap();
    let missing = format!(
        "could not connect: --cert {client}: the file cannot be read (it does not exist); check the \
         path"
    );
    while program.event("lost")["detail"] != *missing {}
    both(&new);
    program.event("open");
    program.signal("-TERM");
    program.end();
}

#[test]
fn the_authorities_of_the_system_are_trusted_unless_others_are_given() {
    let (mut files, authority) = (Files::new(), Authority::new("private"));
    let other = files.system.clone();
    files.system = files.scratch.file("ca.pem", &authority.pem);
    let server = authority.issue(4_096).server(None);
    files.opens(&url(&server), &[]);
    let words = files.fails(&url(&server), &["--cacert", &other]).0;
    assert!(words.ends_with("trust its certificate (--cacert FILE)"), "{words}");
    // Roots that the user names are not replaced by others.
    files.system = files.scratch.path("none.pem");
    let words = "wsbeat: SSL_CERT_FILE or SSL_CERT_DIR names no readable certificate; correct it, \
                 or unset it";
    assert_eq!(files.refused(&[]), words);
}

#[test]
fn every_certificate_is_accepted_only_with_a_warning() {
    let files = Files::new();
    let server = Identity::self_signed().server(None);
    let program = files.run(&url(&server), &["-k"]);
    assert_eq!(program.events_named("open").len(), 1);
    let warning = "wsbeat: warning: -k accepts every certificate, so that anyone on the way can read \
                   and change all messages; use --cacert FILE instead";
    assert_eq!(program.seen_err[0], warning);
}

#[test]
fn a_port_without_tls_is_named_as_such() {
    let server = Server::tcp(|_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n");
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    let words = "this port does not speak TLS: use ws:// instead of wss://, or another port";
    assert_eq!(Files::new().fails(&url(&server), &[]).0, words);
}

#[test]
fn files_that_cannot_be_used_are_refused_at_the_start() {
    let files = Files::new();
    let client = Identity::self_signed();
    let certificate = files.scratch.file("cert.pem", &client.certificate);
    let key = files.scratch.file("key.pem", &client.key);
    let other = files.scratch.file("other.pem", &Identity::self_signed().key);
    let missing = files.scratch.path("none.pem");
    for (more, words) in [
        (
            &["--cacert", &*missing][..],
            format!(
                "--cacert {missing}: the file cannot be read (it does not exist); check the path"
            ),
        ),
        (
            &["--cacert", &key],
            format!(
                "--cacert {key}: the certificates of authorities contain no certificate in PEM"
            ),
        ),
        (
            &["--cert", &certificate],
            format!("--cert {certificate} contains no private key; add --key FILE"),
        ),
        (
            &["--cert", &certificate, "--key", &other],
            format!("--cert {certificate}: the private key of the client does not belong to its"),
        ),
        (
            &["--cert", &certificate, "--key", &certificate],
            format!("--key {certificate}: the private key of the client contains no private key"),
        ),
        (&["--key", &key], "another option has no effect without --cert FILE; add it".to_owned()),
        (
            &["--tls-name", "a b"],
            "--tls-name is neither a domain name nor an address; write for example example.org"
                .to_owned(),
        ),
        (&["-k", "--cacert", &key], "--insecure contradicts --cacert; leave one out".to_owned()),
    ] {
        let refused = files.refused(more);
        assert!(refused.starts_with(&format!("wsbeat: {words}")), "{refused}");
        let secret = client.key.lines().nth(1).unwrap();
        assert!(!refused.contains(secret) && !refused.contains("::"), "{refused}");
    }
}
