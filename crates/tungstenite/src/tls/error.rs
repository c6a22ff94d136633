//! [`TlsError`]: settings of TLS that cannot work.

use std::{error::Error, fmt, io, path::PathBuf};

/// Why settings of [`Tls`](super::Tls) cannot work.
///
/// It contains no part of a certificate or of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// An item of the input is not correct PEM.
    #[non_exhaustive]
    Pem {
        /// The input.
        input: PemInput,
        /// The number of the item in the input. The first is 1.
        item: usize,
        /// The fault.
        problem: PemProblem,
    },
    /// The input contains no certificate in PEM.
    NoCertificate(PemInput),
    /// An item of the input is correct PEM, but not a certificate.
    #[non_exhaustive]
    Certificate {
        /// The input.
        input: PemInput,
        /// The number of the item in the input. The first is 1.
        item: usize,
    },
    /// The input contains no private key in PEM.
    NoKey,
    /// The private key is encrypted with a password.
    EncryptedKey,
    /// The private key is of a kind that ring does not support, or it is damaged.
    UnsupportedKey,
    /// The private key does not belong to the first certificate of the chain.
    KeyMismatch,
    /// No server can be trusted: [`Roots::None`](super::Roots::None) without an authority.
    NoAuthority,
    /// No root certificate of the operating system could be read, with the reasons.
    NoSystemRoots(Vec<SkippedRoot>),
    /// The verifier of the operating system cannot be used, with its message.
    Platform(Box<str>),
    /// The name is neither a domain name in ASCII nor an IP address.
    ServerName,
}

/// An input in PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PemInput {
    /// The certificates of authorities.
    Authorities,
    /// The certificate of the client, with its chain.
    ClientCertificate,
    /// The private key of the client.
    ClientKey,
}

/// The fault of an item in PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PemProblem {
    /// The line `-----BEGIN ...-----` is malformed, or there are spaces before it.
    Begin,
    /// The line `-----END ...-----` is missing, or it has another name than the first line.
    End,
    /// The text between these lines is not Base64.
    Base64,
    /// The item is larger than 256 MB.
    TooLarge,
}

/// A root certificate of the operating system, or a file of them, that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkippedRoot {
    /// A file or folder could not be read.
    #[non_exhaustive]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        kind: io::ErrorKind,
    },
    /// A file is not correct PEM.
    Pem,
    /// A certificate is damaged, or rustls cannot read it.
    Certificate,
    /// The store of the operating system could not be read, with its message.
    Store(Box<str>),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem { input, item, problem } => {
                write!(f, "item {item} of {input} is not correct PEM: {problem}")
            }
            Self::NoCertificate(input) => write!(
                f,
                "{input} contain no certificate in PEM, which begins with \
                 \"-----BEGIN CERTIFICATE-----\": convert DER with \"openssl x509 -inform der\""
            ),
            Self::Certificate { input, item } => {
                write!(f, "item {item} of {input} is not a valid X.509 certificate")
            }
            Self::NoKey => write!(
                f,
                "{} contains no private key in PEM, which begins with \"-----BEGIN PRIVATE \
                 KEY-----\" (PKCS #8), \"RSA PRIVATE KEY\" (PKCS #1) or \"EC PRIVATE KEY\" (SEC 1)",
                PemInput::ClientKey
            ),
            Self::EncryptedKey => f.write_str(
                "the private key of the client is encrypted: decrypt it with \"openssl pkey\"",
            ),
            Self::UnsupportedKey => f.write_str(
                "the private key of the client is damaged or not supported: use RSA of 2,048 to \
                 8,192 bits, ECDSA on P-256 or P-384, or Ed25519",
            ),
            Self::KeyMismatch => f.write_str(
                "the private key of the client does not belong to its certificate: the first \
                 certificate of the chain must be that of the key",
            ),
            Self::NoAuthority => f.write_str(
                "no server can be trusted: add an authority, or use the roots of Mozilla or of the \
                 operating system",
            ),
            Self::NoSystemRoots(skipped) => {
                f.write_str(
                    "this system has no root certificates that can be read: install them (the \
                     package ca-certificates), set SSL_CERT_FILE or SSL_CERT_DIR, or use \
                     those of Mozilla",
                )?;
                skipped.iter().try_for_each(|root| write!(f, "; {root}"))
            }
            Self::Platform(message) => write!(
                f,
                "the verifier of the operating system cannot be used ({message}): install root \
                 certificates (the package ca-certificates), or use those of Mozilla"
            ),
            Self::ServerName => f.write_str(
                "the server name must be a domain name in ASCII or an IP address, without a port",
            ),
        }
    }
}

impl Error for TlsError {}

impl fmt::Display for PemInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorities => "the certificates of authorities",
            Self::ClientCertificate => "the certificates of the client",
            Self::ClientKey => "the private key of the client",
        })
    }
}

impl fmt::Display for PemProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => {
                "its first line must be \"-----BEGIN\", a name and \"-----\", without spaces before it"
            }
            Self::End => "its last line, \"-----END\" with the same name, is missing",
            Self::Base64 => "its text is not Base64",
            Self::TooLarge => "it is larger than 256 MB",
        })
    }
}

impl fmt::Display for SkippedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, kind } => write!(f, "{}: {kind}", path.display()),
            Self::Pem => f.write_str("a file is not correct PEM"),
            Self::Certificate => f.write_str("a certificate cannot be read"),
            Self::Store(message) => write!(f, "the store of certificates: {message}"),
        }
    }
}
