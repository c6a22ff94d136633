//! The table `[nats]`: servers, group and authentication.

use std::path::PathBuf;

use websocket_heartbeat_tokio::Request;

use super::{
    Secret,
    document::{Field, Table},
    mistakes::Problem,
};

/// The servers of NATS, and what lies in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nats {
    /// Addresses such as `nats://127.0.0.1:4222`. They contain no secret.
    pub servers: Vec<String>,
    /// The name of the fleet, a part of all subjects and buckets. The default is `default`.
    pub group: String,
    /// On how many servers the stream and the buckets are stored: 1, 3 or 5. The default is 1, which
    /// works with a single server.
    pub replicas: u8,
    /// How the worker proves who it is; `None` if it need not.
    pub authentication: Option<Authentication>,
    /// The files for TLS; `None` for the defaults of the addresses.
    pub tls: Option<Tls>,
}

/// A proof for the servers of NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// A file with credentials, as `nsc` writes it.
    Credentials(PathBuf),
    /// The seed of an nkey.
    Nkey(Secret),
    /// A user and a password.
    User {
        /// The name of the user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
}

/// Files for TLS, in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificates of authorities that are accepted beside the usual ones.
    pub ca: Option<PathBuf>,
    /// The certificate of the worker, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

pub(super) fn read(field: &Field<'_>) -> Option<Nats> {
    let mut table = field.table()?;
    let servers = table.required("servers", "[\"nats://HOST:4222\"]", |field| {
        let servers = field.list(|field| server(&field))?;
        if servers.is_empty() {
            field.mistake(Problem::Empty);
            return None;
        }
        Some(servers)
    });
    let group = table.or("group", "default".to_owned(), |field| field.name(32));
    let replicas = table.or("replicas", 1, |field| match field.integer(1..=5)? {
        copies @ (1 | 3 | 5) => Some(copies),
        _ => {
            field.mistake(Problem::Choice(vec!["1", "3", "5"]));
            None
        }
    });
    let authentication = authentication(&mut table);
    let tls = table.maybe("tls", |field| tls(&field));
    table.finish();
    Some(Nats {
        servers: servers?,
        group: group?,
        replicas: replicas?,
        authentication: authentication?,
        tls: tls?,
    })
}

fn server(field: &Field<'_>) -> Option<String> {
    let address = field.any_text()?;
    let rest = address.strip_prefix("nats://").or_else(|| address.strip_prefix("tls://"));
    if address.contains('@') {
        field.mistake(Problem::ServerSecret);
        return None;
    }
    // Host and port are those of any other URL.
    let valid = rest.is_some_and(|rest| {
        !rest.contains(['/', '?']) && Request::new(&format!("ws://{rest}")).is_ok()
    });
    if !valid {
        field.mistake(Problem::Server);
        return None;
    }
    Some(address.to_owned())
}

fn authentication(table: &mut Table<'_>) -> Option<Option<Authentication>> {
    let credentials = table.maybe("credentials", file);
    let nkey = table.maybe("nkey", |field| field.used_secret());
    let user = table.maybe("user", |field| field.text());
    let password = table.maybe("password", |field| field.used_secret());
    let token = table.maybe("token", |field| field.used_secret());

    let user_key = if table.has("user") { "user" } else { "password" };
    let mut ways = ["credentials", "nkey", user_key, "token"].into_iter();
    let first = ways.find(|way| table.has(way));
    if let (Some(first), Some(second)) = (first, ways.find(|way| table.has(way))) {
        if let Some(field) = table.field(second) {
            field.mistake(Problem::NotBoth { other: first });
        }
        return None;
    }
    for (key, other) in [("user", "password"), ("password", "user")] {
        if let Some(field) = table.field(key)
            && !table.has(other)
        {
            field.mistake(Problem::Needs { other });
        }
    }
    let ways = (credentials?, nkey?, user?, password?, token?);
    Some(match ways {
        (Some(path), ..) => Some(Authentication::Credentials(path)),
        (_, Some(seed), ..) => Some(Authentication::Nkey(seed)),
        (_, _, Some(user), Some(password), _) => Some(Authentication::User { user, password }),
        (.., Some(token)) => Some(Authentication::Token(token)),
        (None, None, None, None, None) => None,
        // One without the other.
        (None, None, _, _, None) => return None,
    })
}

fn tls(field: &Field<'_>) -> Option<Tls> {
    let mut table = field.table()?;
    let ca = table.maybe("ca", file);
    let certificate = table.maybe("certificate", file);
    let key = table.maybe("key", file);
    for (key, other) in [("certificate", "key"), ("key", "certificate")] {
        if let Some(field) = table.field(key)
            && !table.has(other)
        {
            field.mistake(Problem::Needs { other });
        }
    }
    table.finish();
    let certificate = match (certificate?, key?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return None,
    };
    Some(Tls { ca: ca?, certificate })
}

/// The path of a file that the worker reads.
fn file(field: Field<'_>) -> Option<PathBuf> {
    let path = field.text()?;
    field.uses(Secret::File(path.clone()));
    Some(path.into())
}
