//! [`Accounts`]: decentralised authentication of NATS, with tokens made by hand (ADR-14).

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::bed::time;

/// An operator with an account that may use JetStream, and one for the system.
pub(crate) struct Accounts {
    operator: KeyPair,
    account: KeyPair,
    system: KeyPair,
}

/// A user: its token, and its key.
pub(crate) struct User {
    token: String,
    key: KeyPair,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        let (account, system) = (KeyPair::new_account(), KeyPair::new_account());
        Self { operator: KeyPair::new_operator(), account, system }
    }

    /// The configuration of a server.
    pub(crate) fn server(&self) -> String {
        let operator = json!({ "type": "operator", "version": 2 });
        let operator = token(&self.operator, &self.operator, operator);
        let unlimited = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
            "wildcards": true, "conn": -1, "leaf": -1,
        });
        let mut with_storage = unlimited.clone();
        for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
            with_storage[limit] = json!(-1);
        }
        let account = |key: &KeyPair, limits: &Value| {
            let claims = json!({ "type": "account", "version": 2, "limits": limits });
            token(&self.operator, key, claims)
        };
        format!(
            "operator: \"{operator}\"\nsystem_account: {system}\nresolver: MEMORY\n\
             resolver_preload: {{\n  {system}: \"{}\"\n  {}: \"{}\"\n}}",
            account(&self.system, &unlimited),
            self.account.public_key(),
            account(&self.account, &with_storage),
            system = self.system.public_key(),
        )
    }

    pub(crate) fn user(&self) -> User {
        let key = KeyPair::new_user();
        let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        User { token: token(&self.account, &key, claims), key }
    }
}

/// The file for a user, as `nsc` writes it.
pub(crate) fn creds(user: &User) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.token,
        user.key.seed().expect("a new key has a seed")
    )
}

fn token(issuer: &KeyPair, subject: &KeyPair, claims: Value) -> String {
    let now = time::now() / 1_000_000_000;
    let body = json!({
        "jti": format!("{}{now}", subject.public_key()),
        "iat": now,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": "days",
        "nats": claims,
    });
    let head = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let signed = format!("{}.{}", part(&head), part(&body));
    let signature = issuer.sign(signed.as_bytes()).expect("a new key has a seed");
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}
