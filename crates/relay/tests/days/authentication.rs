//! How a worker proves to the servers who it is.

use nkeys::KeyPair;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa,
    KeyPair as TlsKey,
};

use crate::{
    bed::skip::{Skip, skip},
    by_hand::{Accounts, creds},
    place::{LIMIT, Place},
};

const PLANTED: &str = "Zx9-planted-secret";

/// A server with these lines: `right` works, and each of `wrong` is refused at once with these words.
async fn judge(
    server: &str,
    files: &[(&str, &str)],
    right: &str,
    wrong: &[(&str, &str)],
) -> Result<(), Skip> {
    let mut place = Place::new()?;
    for (name, text) in files {
        place.write(name, text);
    }
    place.begin(server).await;
    place.configure("a", right, "");
    place.done("a", &["init"]).await;
    place.done("a", &["status"]).await;
    for (index, (lines, words)) in wrong.iter().enumerate() {
        let name = format!("w{index}");
        place.configure(&name, lines, "");
        // A worker does not wait either: nothing changes by waiting.
        for command in ["status", "run"] {
            let outcome = place.run(&name, &[command]).await;
            outcome.assert_failed(1, &[words]);
            let text = outcome.error + &outcome.out;
            assert!(!text.contains(PLANTED), "a secret is shown: {text}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_to_authenticate_works_and_a_wrong_one_is_refused_at_once() {
    let refused = "the servers of NATS refuse this user";
    let server = format!("authorization {{ user: relay, password: \"{PLANTED}\" }}");
    let right = "user = \"relay\"\npassword = { file = \"secret\" }";
    let wrong = "user = \"relay\"\npassword = { file = \"wrong\" }";
    let files = [("secret", PLANTED), ("wrong", "Zx9-planted-secret-2")];
    let wrong = [
        (wrong, refused),
        ("", refused),
        ("user = \"relay\"\npassword = { file = \"missing\" }", "missing"),
    ];
    let password = judge(&server, &files, right, &wrong);

    let server = format!("authorization {{ token: \"{PLANTED}\" }}");
    let right = "token = { file = \"secret\" }";
    let wrong = [("token = { file = \"wrong\" }", refused)];
    let token = judge(&server, &files, right, &wrong);

    let (key, other) = (KeyPair::new_user(), KeyPair::new_user());
    let seed = |key: &KeyPair| key.seed().expect("a new key has a seed");
    let server = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public_key());
    let (first, second) = (seed(&key), seed(&other));
    let seeds = [("seed", &*first), ("other", &*second), ("none", PLANTED)];
    let right = "nkey = { file = \"seed\" }";
    let wrong = [
        ("nkey = { file = \"other\" }", refused),
        ("nkey = { file = \"none\" }", "the nkey of `nkey` or `credentials`"),
    ];
    let nkey = judge(&server, &seeds, right, &wrong);

    let (accounts, strangers) = (Accounts::new(), Accounts::new());
    let (user, stranger) = (accounts.user(), strangers.user());
    let creds = [("user.creds", &*creds(&user)), ("stranger.creds", &*creds(&stranger))]
        .map(|(name, text)| (name, text.to_owned()));
    let broken = format!("-----BEGIN NATS USER JWT-----\n{PLANTED}\n");
    let files: Vec<(&str, &str)> = creds
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .chain([("broken.creds", &*broken)])
        .collect();
    let server = accounts.server();
    let right = "credentials = \"user.creds\"";
    let wrong = [
        ("credentials = \"stranger.creds\"", refused),
        ("credentials = \"broken.creds\"", "broken.creds: cannot parse"),
        ("credentials = \"missing.creds\"", "missing.creds: No such file"),
    ];
    let credentials = judge(&server, &files, right, &wrong);

    let all = futures::future::try_join4(password, token, nkey, credentials);
    let all = tokio::time::timeout(LIMIT, all).await.expect("in time");
    if let Err(reason) = all {
        skip("each_way_to_authenticate_works_and_a_wrong_one_is_refused_at_once", &reason);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tls_wants_a_certificate_of_its_authority() {
    let authority = authority();
    let (server, server_key) = signed(&authority, ExtendedKeyUsagePurpose::ServerAuth);
    let (client, client_key) = signed(&authority, ExtendedKeyUsagePurpose::ClientAuth);
    let other = self::authority();
    let (stranger, stranger_key) = signed(&other, ExtendedKeyUsagePurpose::ClientAuth);
    let files = [
        ("ca.pem", authority.pem()),
        ("server.pem", server),
        ("server.key", server_key),
        ("client.pem", client),
        ("client.key", client_key),
        ("other.pem", other.pem()),
        ("stranger.pem", stranger),
        ("stranger.key", stranger_key),
    ];
    let test = "a_server_with_tls_wants_a_certificate_of_its_authority";
    let mut place = match Place::new() {
        Ok(place) => place,
        Err(reason) => return skip(test, &reason),
    };
    for (name, text) in &files {
        place.write(name, text);
    }
    let tls = "tls { cert_file: server.pem, key_file: server.key, ca_file: ca.pem, verify: true }";
    place.begin(tls).await;
    let client = "certificate = \"client.pem\", key = \"client.key\"";
    place.configure("a", &format!("tls = {{ ca = \"ca.pem\", {client} }}"), "");
    place.done("a", &["init"]).await;
    place.done("a", &["status"]).await;
    // A worker waits in the first three cases: the server may get other certificates.
    let wrong = [
        ("tls = { ca = \"ca.pem\" }".to_owned(), "ertificate"),
        (format!("tls = {{ ca = \"other.pem\", {client} }}"), "invalid peer certificate"),
        (
            "tls = { ca = \"ca.pem\", certificate = \"stranger.pem\", key = \"stranger.key\" }"
                .to_owned(),
            "NATS",
        ),
        (format!("tls = {{ ca = \"missing.pem\", {client} }}"), "missing.pem: No such file"),
        (
            "tls = { ca = \"ca.pem\", certificate = \"client.pem\", key = \"ca.pem\" }".to_owned(),
            "private key",
        ),
    ];
    for (index, (lines, words)) in wrong.iter().enumerate() {
        let name = format!("w{index}");
        place.configure(&name, lines, "");
        place.run(&name, &["status"]).await.assert_failed(1, &[words]);
    }
    for name in ["w3", "w4"] {
        place.run(name, &["run"]).await.assert_failed(1, &[]);
    }
}

fn authority() -> CertifiedIssuer<'static, TlsKey> {
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, TlsKey::generate().expect("a key")).expect("signed")
}

/// A certificate for 127.0.0.1 and its key.
fn signed(
    authority: &CertifiedIssuer<'static, TlsKey>,
    purpose: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let key = TlsKey::generate().expect("a key");
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
    params.extended_key_usages = vec![purpose];
    let certificate = params.signed_by(&key, authority).expect("signed");
    (certificate.pem(), key.serialize_pem())
}
