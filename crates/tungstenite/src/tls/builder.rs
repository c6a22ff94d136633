//! [`TlsBuilder`]: the settings of a [`Tls`].

use std::{fmt, sync::Arc};

use futures_rustls::rustls::{
    Error, InconsistentKeys,
    pki_types::CertificateDer,
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::{
    client::Tls,
    config::{config, provider},
    error::{PemInput, TlsError},
    pem,
    roots::Roots,
    verifier::AnyCertificate,
};

/// The settings of a [`Tls`]. [`Tls::builder`] makes one, and shows an example.
#[derive(Clone, Default)]
#[must_use = "settings do nothing before `build`"]
pub struct TlsBuilder {
    roots: Roots,
    authorities: Vec<CertificateDer<'static>>,
    client: Option<Arc<CertifiedKey>>,
    any_certificate: bool,
}

impl Tls {
    /// Starts settings with the defaults: Mozilla's root certificates, and no client certificate.
    ///
    /// ```
    /// use websocket_heartbeat_tungstenite::tls::{Roots, Tls, TlsError};
    ///
    /// /// Trusts the authorities in this PEM file, besides those that Mozilla trusts.
    /// fn also_trusting(authorities: &[u8]) -> Result<Tls, TlsError> {
    ///     Tls::builder().authorities_pem(authorities)?.build()
    /// }
    ///
    /// /// Trusts the authorities in this PEM file and nothing else.
    /// fn only_trusting(authorities: &[u8]) -> Result<Tls, TlsError> {
    ///     Tls::builder().roots(Roots::None).authorities_pem(authorities)?.build()
    /// }
    /// # assert!(also_trusting(b"").is_err() && only_trusting(b"").is_err());
    /// ```
    pub fn builder() -> TlsBuilder {
        TlsBuilder::default()
    }
}

impl TlsBuilder {
    /// Sets the authorities that are trusted from the start. The default is [`Roots::Mozilla`].
    /// [`Roots::None`] trusts only those of [`authorities_pem`](Self::authorities_pem).
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Trusts the authorities whose certificates are in this PEM text, in addition to those of
    /// [`roots`](Self::roots) and of earlier calls. The text contains one or more certificates; items
    /// of other kinds are skipped. It is the content of a file, not its path.
    ///
    /// A self-signed certificate of a server can also be added, unless it is marked as that of an
    /// authority (`CA:TRUE`).
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`], [`TlsError::Certificate`] or [`TlsError::NoCertificate`].
    pub fn authorities_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        self.authorities.extend(pem::certificates(PemInput::Authorities, pem.as_ref())?);
        Ok(self)
    }

    /// Sets the certificate that this client shows if the server demands one, and its private key, as
    /// PEM texts. The last call counts.
    ///
    /// The chain begins with the certificate of the client. Certificates of intermediate authorities
    /// follow, each before that of its issuer. The key is in PKCS #8, PKCS #1 or SEC 1, and without a
    /// password. One text that contains all of this can be passed twice.
    ///
    /// A certificate that is renewed while the program runs needs a new `Tls` for new attempts: make
    /// it in the closure of [`transport_fn`](websocket_heartbeat::transport_fn).
    ///
    /// # Errors
    ///
    /// - [`TlsError::Pem`], [`TlsError::Certificate`] or [`TlsError::NoCertificate`] for the chain.
    /// - [`TlsError::Pem`], [`TlsError::NoKey`], [`TlsError::EncryptedKey`] or
    ///   [`TlsError::UnsupportedKey`] for the key.
    /// - [`TlsError::KeyMismatch`] if the key is not that of the first certificate.
    pub fn client_certificate_pem(
        mut self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let chain = pem::certificates(PemInput::ClientCertificate, chain.as_ref())?;
        let key = pem::private_key(key.as_ref())?;
        let certified = CertifiedKey::from_der(chain, key, &provider());
        self.client = Some(Arc::new(certified.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::KeyMismatch,
            Error::InvalidCertificate(_) => {
                TlsError::Certificate { input: PemInput::ClientCertificate, item: 1 }
            }
            _ => TlsError::UnsupportedKey,
        })?));
        Ok(self)
    }

    /// **Dangerous: accepts each certificate of each server.** Anyone between this client and the
    /// server can read and change all messages, including credentials. Roots and authorities are not
    /// used, and the name is not checked.
    ///
    /// This is for experiments. For a self-signed certificate or a private authority, use
    /// [`authorities_pem`](Self::authorities_pem), and for another name
    /// [`Tls::server_name`].
    pub fn dangerous_accept_any_certificate(mut self) -> Self {
        self.any_certificate = true;
        self
    }

    /// Makes the configuration. With `Roots::System` and `Roots::Platform`, this reads files.
    ///
    /// # Errors
    ///
    /// - [`TlsError::NoAuthority`] if no authority is trusted.
    /// - [`TlsError::NoSystemRoots`] or [`TlsError::Platform`] if the operating system has no roots.
    pub fn build(self) -> Result<Tls, TlsError> {
        let (verifier, skipped) = if self.any_certificate {
            (Arc::new(AnyCertificate) as _, Vec::new())
        } else {
            self.roots.verifier(self.authorities)?
        };
        let client = self.client.map(|client| Arc::new(SingleCertAndKey::from(client)) as _);
        Ok(Tls::with_config(Arc::new(config(verifier, client)), skipped))
    }
}

/// Shows which settings there are, and no certificate or key.
impl fmt::Debug for TlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsBuilder")
            .field("roots", &self.roots)
            .field("authorities", &self.authorities.len())
            .field("client_certificate", &self.client.is_some())
            .field("any_certificate", &self.any_certificate)
            .finish()
    }
}
