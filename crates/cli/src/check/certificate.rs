//! The facts of a certificate (X.509, RFC 5280).

use websocket_heartbeat_smol::{backend::printable, tls::TlsInfo};
use x509_cert::{
    Certificate,
    der::Decode,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use super::findings::Tls;
use crate::utc::Utc;

/// A certificate that cannot be read has no facts: the handshake has verified it.
pub(super) fn facts(info: &TlsInfo) -> Tls {
    let certificate = info.certificates.first().and_then(|bytes| Certificate::from_der(bytes).ok());
    let body = certificate.as_ref().map(Certificate::tbs_certificate);
    let until = body.map(|body| body.validity().not_after.to_unix_duration().as_secs());
    let now = Utc::now().millis() / 1_000;
    let days_left = until.map(|until| (until as i64 - now as i64).div_euclid(86_400));
    let alternatives = body
        .and_then(|body| body.get_extension::<SubjectAltName>().ok().flatten())
        .map(|(_, names)| names.0)
        .unwrap_or_default();
    let shown = |text: String| printable(&text).into_owned();
    Tls {
        version: info.version.to_owned(),
        cipher_suite: info.cipher_suite.to_owned(),
        protocol: info.protocol.clone().map(shown),
        names: alternatives.iter().filter_map(name).map(shown).collect(),
        issuer: body.map(|body| shown(body.issuer().to_string())),
        valid_until: body.map(|body| body.validity().not_after.to_date_time().to_string()),
        days_left,
    }
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => match *bytes.as_bytes() {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            ref bytes => {
                let bytes: [u8; 16] = bytes.try_into().ok()?;
                Some(std::net::Ipv6Addr::from(bytes).to_string())
            }
        },
        _ => None,
    }
}
