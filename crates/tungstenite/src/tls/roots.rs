//! [`Roots`]: the authorities that are trusted from the start.

use std::sync::Arc;

use futures_rustls::rustls::{
    RootCertStore, client::danger::ServerCertVerifier, pki_types::CertificateDer,
};

#[cfg(feature = "platform-verifier")]
use super::config::provider;
use super::{
    error::{SkippedRoot, TlsError},
    verifier,
};

/// The authorities that are trusted from the start. Those of
/// [`authorities_pem`](super::TlsBuilder::authorities_pem) are trusted in addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Roots {
    /// The authorities that Mozilla trusts, as compiled into the program. This is the default: it is
    /// the same on each system, and needs no file. It grows old with the program.
    #[default]
    Mozilla,
    /// No authority: only those of [`authorities_pem`](super::TlsBuilder::authorities_pem) are
    /// trusted. This is the choice for a server with a certificate of a private authority.
    None,
    /// The root certificates of the operating system, read once by
    /// [`build`](super::TlsBuilder::build). These contain the private authorities that an
    /// administrator has installed. The environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR`
    /// name other files.
    ///
    /// Root certificates that cannot be read are skipped, see
    /// [`Tls::skipped_roots`](super::Tls::skipped_roots). If none can be read,
    /// [`TlsError::NoSystemRoots`] is the error, even if authorities are added.
    #[cfg(feature = "native-roots")]
    System,
    /// The operating system decides: on Windows, macOS, iOS and Android its own verifier, with its
    /// settings and its lists of revoked certificates, and elsewhere rustls with the root
    /// certificates of the system.
    ///
    /// On Android, initialize the crate `rustls-platform-verifier` first, as its documentation says.
    /// Authorities cannot be added there.
    #[cfg(feature = "platform-verifier")]
    Platform,
}

impl Roots {
    /// A verifier that trusts these roots and the authorities in addition, and the roots that were
    /// skipped.
    pub(super) fn verifier(
        self,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Result<(Arc<dyn ServerCertVerifier>, Vec<SkippedRoot>), TlsError> {
        let (mut store, skipped) = match self {
            Self::Mozilla => (mozilla(), Vec::new()),
            Self::None if authorities.is_empty() => return Err(TlsError::NoAuthority),
            Self::None => (RootCertStore::empty(), Vec::new()),
            #[cfg(feature = "native-roots")]
            Self::System => system()?,
            #[cfg(feature = "platform-verifier")]
            Self::Platform => return Ok((platform(authorities)?, Vec::new())),
        };
        // Their parser was this store's.
        store.add_parsable_certificates(authorities);
        Ok((verifier::for_roots(store), skipped))
    }
}

/// Mozilla's root certificates.
pub(super) fn mozilla() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// The root certificates of the operating system, at least one, and those that were skipped.
#[cfg(feature = "native-roots")]
fn system() -> Result<(RootCertStore, Vec<SkippedRoot>), TlsError> {
    use rustls_native_certs::ErrorKind;

    let found = rustls_native_certs::load_native_certs();
    let mut skipped: Vec<_> = found
        .errors
        .into_iter()
        .map(|error| match error.kind {
            ErrorKind::Io { inner, path } => SkippedRoot::File { path, kind: inner.kind() },
            ErrorKind::Pem(_) => SkippedRoot::Pem,
            _ => SkippedRoot::Store(error.to_string().into()),
        })
        .collect();
    let mut store = RootCertStore::empty();
    for certificate in found.certs {
        if store.add(certificate).is_err() {
            skipped.push(SkippedRoot::Certificate);
        }
    }
    if store.is_empty() { Err(TlsError::NoSystemRoots(skipped)) } else { Ok((store, skipped)) }
}

#[cfg(feature = "platform-verifier")]
fn platform(
    authorities: Vec<CertificateDer<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    use rustls_platform_verifier::Verifier;

    #[cfg(target_os = "android")]
    if !authorities.is_empty() {
        return Err(TlsError::Platform("authorities cannot be added on Android".into()));
    }
    #[cfg(target_os = "android")]
    let verifier = Verifier::new(provider());
    #[cfg(not(target_os = "android"))]
    let verifier = Verifier::new_with_extra_roots(authorities, provider());
    let verifier = verifier.map_err(|error| TlsError::Platform(error.to_string().into()))?;
    Ok(verifier::explaining(Arc::new(verifier)))
}
