//! Settings that work, and settings that are refused with a reason.

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

use super::*;

/// A certificate and its key, in PEM.
fn pem() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

/// The error of an input with authorities.
fn refused(pem: impl AsRef<[u8]>) -> TlsError {
    Tls::builder().authorities_pem(pem).unwrap_err()
}

/// The error of a client certificate.
fn refused_client(chain: &str, key: &str) -> TlsError {
    Tls::builder().client_certificate_pem(chain, key).unwrap_err()
}

fn faulty(input: PemInput, item: usize, problem: PemProblem) -> TlsError {
    TlsError::Pem { input, item, problem }
}

#[test]
fn a_pem_text_may_contain_comments_and_other_items() {
    let (certificate, key) = pem();
    // With a byte order mark, and an item that is commented out.
    let text = format!(
        "\u{feff}{certificate}a comment\n{key}\r\n# -----BEGIN CERTIFICATE-----\n{certificate}"
    );
    let builder = Tls::builder().roots(Roots::None).authorities_pem(&text).unwrap();
    let debug = format!("{builder:?}");
    assert!(debug.contains("authorities: 2, client_certificate: false"), "{debug}");
    builder.client_certificate_pem(&text, &text).unwrap().build().unwrap();
}

#[test]
fn a_faulty_pem_text_is_refused_with_its_item() {
    use PemInput::{Authorities, ClientCertificate, ClientKey};
    let (certificate, key) = pem();
    let no_end = certificate.replace("-----END CERTIFICATE-----", "");
    let no_begin = certificate.replace("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE");
    let indented = certificate.replace("-----BEGIN", "  -----BEGIN");
    let no_base64 = certificate.replace("-----END", "%\n-----END");
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, problem) in [
        (&no_end, PemProblem::End),
        (&no_begin, PemProblem::Begin),
        (&indented, PemProblem::Begin),
        (&no_base64, PemProblem::Base64),
    ] {
        assert_eq!(refused(text), faulty(Authorities, 1, problem));
        let second = format!("{certificate}{text}");
        assert_eq!(refused(&second), faulty(Authorities, 2, problem));
        assert_eq!(refused_client(&second, &key), faulty(ClientCertificate, 2, problem));
    }
    let key_without_end = key.replace("-----END", "");
    let error = refused_client(&certificate, &key_without_end);
    assert_eq!(error, faulty(ClientKey, 1, PemProblem::End));
    assert_eq!(
        error.to_string(),
        "item 1 of the private key of the client is not correct PEM: its last line, \"-----END\" \
         with the same name, is missing"
    );
    let second = format!("{key}{no_certificate}");
    assert_eq!(refused(second), TlsError::Certificate { input: Authorities, item: 2 });
}

#[test]
fn an_input_without_a_certificate_is_refused() {
    let (certificate, key) = pem();
    for text in ["", "/etc/ssl/authority.pem", &key] {
        assert_eq!(refused(text), TlsError::NoCertificate(PemInput::Authorities));
        let error = refused_client(text, &key);
        assert_eq!(error, TlsError::NoCertificate(PemInput::ClientCertificate));
    }
    // DER in place of PEM.
    assert_eq!(refused([0x30, 0x82, 1, 1]), TlsError::NoCertificate(PemInput::Authorities));
    assert_eq!(refused_client(&certificate, ""), TlsError::NoKey);
    assert_eq!(refused_client(&certificate, &certificate), TlsError::NoKey);
}

#[test]
fn an_encrypted_key_is_refused_with_the_remedy() {
    let (certificate, key) = pem();
    let pkcs8 = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let fields =
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n";
    let sec1 = format!("{fields}\nMHcC\n-----END EC PRIVATE KEY-----\n");
    for key in [pkcs8, sec1] {
        let error = refused_client(&certificate, &key);
        assert_eq!(error, TlsError::EncryptedKey);
        assert!(error.to_string().ends_with("decrypt it with \"openssl pkey\""), "{error}");
    }
}

#[test]
fn a_key_that_does_not_fit_is_refused() {
    let (certificate, key) = pem();
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(refused_client(&certificate, &other), TlsError::KeyMismatch);
    // A chain in the wrong order.
    let (first, _) = pem();
    assert_eq!(refused_client(&format!("{first}{certificate}"), &key), TlsError::KeyMismatch);
    let damaged = "-----BEGIN PRIVATE KEY-----\nMHcC\n-----END PRIVATE KEY-----\n";
    assert_eq!(refused_client(&certificate, damaged), TlsError::UnsupportedKey);
}

#[test]
fn no_output_shows_a_certificate_or_a_key() {
    let (certificate, key) = pem();
    let builder = Tls::builder().authorities_pem(&certificate).unwrap();
    let builder = builder.client_certificate_pem(&certificate, &key).unwrap();
    let tls = builder.clone().build().unwrap();
    let faulty_key = key.replace("-----END", "%\n-----END");
    let error = refused_client(&certificate, &faulty_key);
    let shown = format!("{builder:?} {tls:?} {error:?} {error}");
    let secrets = [certificate, key].map(|pem| pem.lines().nth(1).unwrap()[..12].to_owned());
    assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown}");
}

#[test]
fn no_roots_without_an_authority_are_refused() {
    assert_eq!(Tls::builder().roots(Roots::None).build().unwrap_err(), TlsError::NoAuthority);
    let any = Tls::builder().roots(Roots::None).dangerous_accept_any_certificate();
    any.build().unwrap();
}

#[test]
fn a_server_name_is_a_domain_name_or_an_address() {
    for name in ["a.example", "10.0.0.1", "::1"] {
        let debug = format!("{:?}", Tls::new().server_name(name).unwrap());
        assert!(debug.contains(name), "{debug}");
    }
    for name in ["", "a.example:443", "https://a.example", "ä.example", "[::1]"] {
        assert_eq!(Tls::new().server_name(name).unwrap_err(), TlsError::ServerName, "{name}");
    }
}

#[test]
fn no_damage_to_an_input_causes_a_panic() {
    let (certificate, key) = pem();
    let text = format!("{certificate}{key}").into_bytes();
    for at in 0..text.len() {
        for byte in [b'A', b'-', b'\n', 0, 0xff] {
            let mut damaged = text.clone();
            damaged[at] = byte;
            let _ = Tls::builder().client_certificate_pem(&damaged, &damaged);
        }
        let _ = Tls::builder().client_certificate_pem(&text[..at], &text[..at]);
    }
}
