//! The root certificates of the operating system. Their files are named by the environment, so each
//! case runs in a process of its own: this test program with one test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tests::Smol;
use websocket_heartbeat_tungstenite::{
    Request,
    tls::{Roots, SkippedRoot, Tls, TlsError},
};

use crate::{
    authority::{Authority, file},
    every_backend::dial,
    server::{Library, Server, Settings},
};

/// The variables that name the root certificates.
const FILE: &str = "SSL_CERT_FILE";
const FOLDER: &str = "SSL_CERT_DIR";

/// The URL for the process with the changed environment.
const URL: &str = "URL_FOR_SYSTEM_ROOTS";

/// An authority in PEM for it.
const AUTHORITY: &str = "AUTHORITY_FOR_SYSTEM_ROOTS";

/// Runs a test of this program with these root certificates, a URL and an authority.
fn run_with((variable, roots): (&str, &Path), test: &str, url: &str, authority: &str) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("system_roots::{test}"), "--nocapture"]);
    command.env_remove(FILE).env_remove(FOLDER).env(variable, roots);
    let output = command.env(URL, url).env(AUTHORITY, authority).output().unwrap();
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(texts[0].contains("running 1 test"), "{texts:?}");
    assert!(output.status.success(), "{} {}", texts[0], texts[1]);
}

/// The request of the process with the changed environment.
fn request() -> Option<Request> {
    env::var(URL).ok().map(|url| Request::new(&url).unwrap())
}

#[test]
fn the_roots_of_the_system_are_trusted() {
    let test = "the_roots_of_the_system_are_trusted";
    if let Some(request) = request() {
        for roots in [Roots::System, Roots::Platform] {
            let tls = Tls::builder().roots(roots).build().unwrap();
            assert_eq!(tls.skipped_roots(), []);
            drop(dial::<Smol>(&request, &tls).unwrap());
        }
        return;
    }
    let authority = Authority::root();
    let server = started(test, &authority);
    run_with((FILE, &file(&authority.pem)), test, &server.url(), "");
}

/// A server with a certificate of this authority.
fn started(test: &str, authority: &Authority) -> Server {
    let identity = authority.issue("localhost");
    Server::start(test, Library::Rustls, &Settings::new(&identity)).unwrap()
}

#[test]
fn an_authority_is_trusted_besides_those_of_the_system() {
    let test = "an_authority_is_trusted_besides_those_of_the_system";
    if let Some(request) = request() {
        let added = env::var(AUTHORITY).unwrap();
        for roots in [Roots::System, Roots::Platform] {
            let tls = Tls::builder().roots(roots);
            let without = tls.clone().build().unwrap();
            let error = dial::<Smol>(&request, &without).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
            let with = tls.authorities_pem(&added).unwrap().build().unwrap();
            drop(dial::<Smol>(&request, &with).unwrap());
        }
        return;
    }
    let authority = Authority::root();
    let server = started(test, &authority);
    run_with((FILE, &file(&Authority::root().pem)), test, &server.url(), &authority.pem);
}

#[test]
fn a_system_without_roots_is_reported_with_the_reason() {
    let test = "a_system_without_roots_is_reported_with_the_reason";
    if request().is_some() {
        let TlsError::NoSystemRoots(skipped) =
            Tls::builder().roots(Roots::System).build().unwrap_err()
        else {
            panic!("another error");
        };
        let path: PathBuf = env::var(FILE).unwrap().into();
        assert!(
            matches!(&*skipped, [SkippedRoot::File { path: skipped, .. }] if *skipped == path),
            "{skipped:?}"
        );
        let error = Tls::builder().roots(Roots::Platform).build().unwrap_err();
        assert!(matches!(error, TlsError::Platform(_)), "{error}");
        return;
    }
    run_with((FILE, Path::new("/nowhere/roots.pem")), test, "wss://localhost/", "");
}

#[test]
fn a_root_that_cannot_be_read_is_skipped_and_reported() {
    let test = "a_root_that_cannot_be_read_is_skipped_and_reported";
    if request().is_some() {
        let tls = Tls::builder().roots(Roots::System).build().unwrap();
        assert_eq!(tls.skipped_roots(), [SkippedRoot::Certificate]);
        return;
    }
    let damaged = "-----BEGIN CERTIFICATE-----\nMHcC\n-----END CERTIFICATE-----\n";
    let roots = file(&format!("{damaged}{}", Authority::root().pem));
    run_with((FILE, &roots), test, "wss://localhost/", "");
}

#[test]
fn the_roots_of_a_folder_are_trusted() {
    let test = "the_roots_of_a_folder_are_trusted";
    if let Some(request) = request() {
        let tls = Tls::builder().roots(Roots::System).build().unwrap();
        drop(dial::<Smol>(&request, &tls).unwrap());
        return;
    }
    let authority = Authority::root();
    let server = started(test, &authority);
    let name = format!("roots-{}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir(&folder).unwrap();
    // OpenSSL names such files after a hash of the authority's name. Only the form counts here.
    fs::write(folder.join("0123abcd.0"), &authority.pem).unwrap();
    run_with((FOLDER, &folder), test, &server.url(), "");
    fs::remove_dir_all(folder).unwrap();
}
