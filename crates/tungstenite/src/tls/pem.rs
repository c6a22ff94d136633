//! Certificates and private keys in PEM (RFC 7468).

use futures_rustls::rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject, SectionKind},
    },
};

use super::error::{PemInput, PemProblem, TlsError};

/// The beginning of an item.
const BEGIN: &[u8] = b"-----BEGIN ";

/// The byte order mark that some editors write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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

/// The items of known kinds, with their numbers. The parser would skip an item with spaces before its
/// first line, so these are an error.
fn items(
    input: PemInput,
    text: &[u8],
) -> impl Iterator<Item = Result<(usize, SectionKind, Vec<u8>), TlsError>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let lines = text.split(|&byte| byte == b'\n');
    let mut begins = lines.filter(|line| line.trim_ascii_start().starts_with(BEGIN));
    let mut indented = begins.position(|line| !line.starts_with(BEGIN));
    let mut parser = pem::SliceIter::<(SectionKind, Vec<u8>)>::new(text);
    std::iter::from_fn(move || {
        if let Some(before) = indented.take() {
            return Some(Err(TlsError::Pem {
                input,
                item: before + 1,
                problem: PemProblem::Begin,
            }));
        }
        let parsed = parser.next()?;
        let lines = text[..text.len() - parser.remainder().len()].split(|&byte| byte == b'\n');
        let item = lines.filter(|line| line.starts_with(BEGIN)).count();
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
