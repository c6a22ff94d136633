//! Certificate authorities that a test makes and forgets.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub(crate) pem: String,
    /// The certificates between those that it issues and the root.
    chain: String,
}

/// A certificate with its chain, and its key. All are PEM.
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    /// An authority that is its own root, with a name of its own.
    pub(crate) fn root() -> Self {
        static ROOTS: AtomicUsize = AtomicUsize::new(0);
        Self::named(&format!("root {}", ROOTS.fetch_add(1, Ordering::Relaxed)))
    }

    /// An authority that is its own root.
    pub(crate) fn named(name: &str) -> Self {
        let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem, chain: String::new() }
    }

    /// An authority whose certificate this one has issued.
    pub(crate) fn intermediate(&self) -> Self {
        let (params, key) = (authority_params("intermediate"), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let chain = format!("{pem}{}", self.chain);
        Self { issuer: Issuer::new(params, key), pem, chain }
    }

    /// A certificate for a host, or for a client of that name.
    pub(crate) fn issue(&self, name: &str) -> Identity {
        self.issue_within(name, 1_975, 4_096)
    }

    /// A certificate that is valid from the beginning of one year to that of another.
    pub(crate) fn issue_within(&self, name: &str, from: i32, until: i32) -> Identity {
        let (mut params, key) = (leaf_params(name), KeyPair::generate().unwrap());
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { chain: format!("{pem}{}", self.chain), key: key.serialize_pem() }
    }
}

impl Identity {
    /// A certificate that no authority has issued.
    pub(crate) fn self_signed(name: &str) -> Self {
        Self::signed_by_itself(&leaf_params(name))
    }

    /// The same, marked as that of an authority.
    pub(crate) fn self_signed_authority(name: &str) -> Self {
        let mut params = leaf_params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::signed_by_itself(&params)
    }

    fn signed_by_itself(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// A file with a text for another program. It is removed when this is dropped.
pub(crate) struct TextFile {
    path: PathBuf,
}

impl std::ops::Deref for TextFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<OsStr> for TextFile {
    fn as_ref(&self) -> &OsStr {
        self.path.as_ref()
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        fs::remove_file(&self.path).expect("the file exists");
    }
}

/// Writes a text to a new file.
pub(crate) fn file(text: &str) -> TextFile {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("tls-{}-{number}.pem", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    TextFile { path }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name = common_name(name);
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
