//! Certificates and private keys in PEM (RFC 7468).

use futures_rustls::rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject, SectionKind},
    },
};

use super::error::{PemInput, PemProblem, TlsError};

/// All certificates of an input, at least one. Items of other kinds are skipped.
pub(super) fn certificates(
    input: PemInput,
    text: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut found = Vec::new();
    for item in items(input, text) {
        let (number, kind, der) = item?;
        if let Some(certificate) = CertificateDer::from_pem(kind, der) {
            // The store is only a parser here.
            let parsed = RootCertStore::empty().add(certificate.clone());
            parsed.map_err(|_| TlsError::Certificate { input, item: number })?;
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(TlsError::NoCertificate(input)) } else { Ok(found) }
}

/// The first private key of an input. Items of other kinds are skipped.
pub(super) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    // PKCS #8, and the older format, whose Base64 follows header fields.
    let is_encrypted = |mark: &[u8]| text.windows(mark.len()).any(|window| window == mark);
    let encrypted = [&b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..], b"Proc-Type: 4,ENCRYPTED"]
        .into_iter()
        .any(is_encrypted);
    let unless_encrypted = |error| if encrypted { TlsError::EncryptedKey } else { error };
    for item in items(PemInput::ClientKey, text) {
        let (_, kind, der) = item.map_err(unless_encrypted)?;
        if let Some(key) = PrivateKeyDer::from_pem(kind, der) {
            return Ok(key);
        }
    }
    Err(unless_encrypted(TlsError::NoKey))
}

/// The items of known kinds, with their numbers.
fn items(
    input: PemInput,
    text: &[u8],
) -> impl Iterator<Item = Result<(usize, SectionKind, Vec<u8>), TlsError>> {
    let mut parser = pem::SliceIter::<(SectionKind, Vec<u8>)>::new(text);
    std::iter::from_fn(move || {
        let parsed = parser.next()?;
        let lines = text[..text.len() - parser.remainder().len()].split(|&byte| byte == b'\n');
        let item = lines.filter(|line| line.starts_with(b"-----BEGIN ")).count();
        Some(match parsed {
            Ok((kind, der)) => Ok((item, kind, der)),
            Err(error) => Err(TlsError::Pem { input, item, problem: problem(&error) }),
        })
    })
}

/// The fault, without the text that the error of the parser contains.
fn problem(error: &pem::Error) -> PemProblem {
    match error {
        pem::Error::IllegalSectionStart { .. } => PemProblem::Begin,
        pem::Error::MissingSectionEnd { .. } => PemProblem::End,
        pem::Error::SectionTooLarge => PemProblem::TooLarge,
        _ => PemProblem::Base64,
    }
}
