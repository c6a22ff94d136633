//! The options of TLS.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use blocking::unblock;
use clap::Args;
use websocket_heartbeat_smol::{
    Dialer, ErrorKind, TransportError,
    tls::{Roots, Tls, TlsError},
};

use crate::usage::{UsageError, file_problem};

#[derive(Args, Clone)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsOptions {
    /// Trust only the certificates in this PEM file; may be repeated
    ///
    /// They are those of authorities, or the self-signed certificate of the server. [default: the
    /// authorities of the operating system, or those of Mozilla if it has none; the environment variables
    /// SSL_CERT_FILE and SSL_CERT_DIR name other files]
    #[arg(long = "cacert", value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// The certificate of this client, a PEM file with its chain
    ///
    /// Some servers demand one. The files of --cert, --key and --cacert are read again at each attempt.
    #[arg(long = "cert", value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The private key of --cert, a PEM file [default: the file of --cert]
    ///
    /// A key with a password is not supported.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Expect a certificate for this name, and not for the host of the URL
    #[arg(long, value_name = "NAME")]
    tls_name: Option<String>,
    /// DANGEROUS: accept every certificate, also that of an attacker
    ///
    /// For tests only.
    #[arg(short = 'k', long, conflicts_with = "authorities")]
    insecure: bool,
}

/// The configuration, which is made again if its files have changed: certificates of clients are
/// often valid for a day, and sessions last longer.
#[derive(Clone)]
pub(super) struct FreshTls {
    options: TlsOptions,
    last: Arc<Mutex<(Contents, Tls)>>,
}

/// The contents of the files of the options, in their order.
type Contents = Vec<Vec<u8>>;

impl FreshTls {
    /// Sets the configuration by the files as they are now.
    pub(super) async fn dialer(&self, dialer: Dialer) -> Result<Dialer, TransportError> {
        let this = self.clone();
        let tls = unblock(move || {
            let contents = this.options.contents()?;
            let mut last = this.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.0 != contents {
                let tls = this.options.build(&contents, &mut Vec::new())?;
                *last = (contents, tls);
            }
            Ok(last.1.clone())
        });
        // A failed attempt, which is tried again: the files may be valid later.
        let failed = |error: UsageError| TransportError::new(ErrorKind::Provider, error.0);
        Ok(dialer.tls(tls.await.map_err(failed)?))
    }
}

impl TlsOptions {
    /// The configuration. Adds notes for people.
    pub(super) fn tls(&self, notes: &mut Vec<String>) -> Result<FreshTls, UsageError> {
        let contents = self.contents()?;
        let tls = self.build(&contents, notes)?;
        Ok(FreshTls { options: self.clone(), last: Arc::new(Mutex::new((contents, tls))) })
    }

    /// The first option that is given. `--key` is never alone.
    pub(super) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--cacert", !self.authorities.is_empty()),
            ("--cert", self.certificate.is_some()),
            ("--tls-name", self.tls_name.is_some()),
            ("--insecure", self.insecure),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }

    fn contents(&self) -> Result<Contents, UsageError> {
        let authorities = self.authorities.iter().map(|path| read("--cacert", path));
        let certificate = self.certificate.iter().map(|path| read("--cert", path));
        let key = self.key.iter().map(|path| read("--key", path));
        authorities.chain(certificate).chain(key).collect()
    }

    fn build(&self, contents: &Contents, notes: &mut Vec<String>) -> Result<Tls, UsageError> {
        let mut contents = contents.iter();
        let mut builder = Tls::builder();
        for (path, pem) in self.authorities.iter().zip(&mut contents) {
            let added = builder.authorities_pem(pem);
            builder = added.map_err(|error| wrong("--cacert", path, &error))?;
        }
        if let (Some(path), Some(chain)) = (&self.certificate, contents.next()) {
            let key = contents.next().unwrap_or(chain);
            let set = builder.client_certificate_pem(chain, key);
            builder = set.map_err(|error| match (&error, &self.key) {
                (TlsError::NoKey, None) => UsageError(format!(
                    "--cert {} contains no private key; add --key FILE",
                    path.display()
                )),
                (
                    TlsError::NoKey | TlsError::EncryptedKey | TlsError::UnsupportedKey,
                    Some(key),
                ) => wrong("--key", key, &error),
                _ => wrong("--cert", path, &error),
            })?;
        }
        if self.insecure {
            builder = builder.dangerous_accept_any_certificate();
            notes.push(
                "-k accepts every certificate, so that anyone on the way can read and change all \
                 messages; use --cacert FILE instead"
                    .to_owned(),
            );
        }
        let tls = if !self.authorities.is_empty() {
            builder.roots(Roots::None).build()
        } else if self.insecure {
            builder.build()
        } else {
            match builder.clone().roots(Roots::System).build() {
                Err(TlsError::NoSystemRoots(_)) if !is_set_by_environment() => {
                    notes.push(
                        "the operating system has no root certificates; those of Mozilla are used, \
                         as compiled into wsbeat"
                            .to_owned(),
                    );
                    builder.roots(Roots::Mozilla).build()
                }
                tls => tls,
            }
        };
        let tls = tls.map_err(|error| match error {
            TlsError::NoSystemRoots(_) => UsageError::new(
                "SSL_CERT_FILE or SSL_CERT_DIR names no readable certificate; correct it, or unset it",
            ),
            error => UsageError(format!("{error}; see wsbeat connect --help")),
        })?;
        match &self.tls_name {
            Some(name) => tls.server_name(name).map_err(|_| {
                UsageError::new(
                    "--tls-name is neither a domain name nor an address; write for example \
                     example.org",
                )
            }),
            None => Ok(tls),
        }
    }
}

/// Whether the user has named files of root certificates. Others must not be trusted instead.
fn is_set_by_environment() -> bool {
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some())
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, UsageError> {
    fs::read(path).map_err(|error| {
        UsageError(format!(
            "{option} {}: the file cannot be read ({}); check the path",
            path.display(),
            file_problem(&error)
        ))
    })
}

fn wrong(option: &str, path: &Path, error: &TlsError) -> UsageError {
    UsageError(format!("{option} {}: {error}", path.display()))
}
