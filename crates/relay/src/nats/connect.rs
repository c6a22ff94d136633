//! The connection to the servers of NATS, by the configuration.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerError};

use crate::{
    config::{self, Authentication, SecretError},
    record::Names,
};

/// Why no connection can be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// A secret cannot be read.
    Secret(SecretError),
    /// A file for TLS or with credentials cannot be read or used.
    File(PathBuf, io::Error),
    /// The servers refuse, or cannot be reached.
    Nats(async_nats::ConnectError),
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(error) => error.fmt(f),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Nats(error) => match error.kind() {
                ConnectErrorKind::AuthorizationViolation => f.write_str(
                    "the servers of NATS refuse this user: look at `credentials`, `nkey`, `user`, \
                     `password` and `token` in the table [nats]",
                ),
                ConnectErrorKind::Authentication => f.write_str(
                    "the nkey of `nkey` or `credentials` in the table [nats] cannot be used",
                ),
                _ => write!(f, "NATS: {error}"),
            },
        }
    }
}

impl ConnectError {
    /// A later attempt would end in the same way until somebody changes something.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Secret(_) | Self::File(..) => true,
            Self::Nats(error) => matches!(
                error.kind(),
                ConnectErrorKind::AuthorizationViolation
                    | ConnectErrorKind::Authentication
                    | ConnectErrorKind::Tls
            ),
        }
    }
}

impl std::error::Error for ConnectError {}

/// The longest wait between two attempts to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How the connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It fails if no server can be reached. Complaints of the servers go to standard error.
    None,
    /// It tries until a server can be reached, and says so in the log.
    Endless,
}

/// Connects. After that, the client connects again by itself, for ever.
///
/// # Errors
///
/// If a secret cannot be read, or the servers refuse. With [`Patience::None`] also if none can be
/// reached.
pub async fn connect(
    settings: &config::Nats,
    name: &str,
    patience: Patience,
) -> Result<Client, ConnectError> {
    let mut waits = LONGEST_WAIT / 8;
    loop {
        let options = options(settings, name, patience).await?;
        match options.connect(&settings.servers[..]).await.map_err(ConnectError::Nats) {
            Ok(client) => return Ok(client),
            Err(error) if patience == Patience::None || error.is_lasting() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, servers = ?settings.servers, "waiting for NATS");
                tokio::time::sleep(waits).await;
                waits = (2 * waits).min(LONGEST_WAIT);
            }
        }
    }
}

async fn options(
    settings: &config::Nats,
    name: &str,
    patience: Patience,
) -> Result<ConnectOptions, ConnectError> {
    let mut options = ConnectOptions::new()
        .name(name)
        // Its permissions need not include the answers to other clients.
        .custom_inbox_prefix(Names::new(&settings.group).inboxes())
        // The fleet notices the silence of a worker after 2 s.
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(2))
        .reconnect_delay_callback(|attempts| {
            LONGEST_WAIT
                .min(Duration::from_millis(20) * 2_u32.saturating_pow(attempts.min(10) as u32))
        })
        .event_callback(move |event| async move { report(&event, patience) });
    options = match &settings.authentication {
        None => options,
        Some(Authentication::Credentials(path)) => {
            let failed = |error| ConnectError::File(path.clone(), error);
            readable(path)?;
            options.credentials_file(path).await.map_err(failed)?
        }
        Some(Authentication::Nkey(seed)) => {
            options.nkey(seed.read().map_err(ConnectError::Secret)?)
        }
        Some(Authentication::User { user, password }) => {
            let password = password.read().map_err(ConnectError::Secret)?;
            options.user_and_password(user.clone(), password)
        }
        Some(Authentication::Token(token)) => {
            options.token(token.read().map_err(ConnectError::Secret)?)
        }
    };
    if let Some(tls) = &settings.tls {
        options = options.require_tls(true);
        // The errors of the library do not name the file.
        let pair = tls.certificate.iter().flat_map(|(certificate, key)| [certificate, key]);
        tls.ca.iter().chain(pair).try_for_each(|path| readable(path))?;
        if let Some(ca) = &tls.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &tls.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
    }
    Ok(options)
}

fn readable(path: &Path) -> Result<(), ConnectError> {
    fs::File::open(path).map(drop).map_err(|error| ConnectError::File(path.into(), error))
}

/// Reports an event of the connection.
fn report(event: &Event, patience: Patience) {
    let permission = match event {
        Event::ServerError(ServerError::Other(text)) if is_permission(text) => Some(text),
        _ => None,
    };
    match (event, permission, patience) {
        // The server says which subject. Without its answer the request only times out.
        (_, Some(refusal), Patience::None) => eprintln!("NATS: {refusal}"),
        (_, Some(refusal), Patience::Endless) => tracing::error!(
            refusal,
            "the user of NATS has too few permissions: `wsbeat relay init --permissions` prints \
             those of a worker"
        ),
        (Event::Connected, _, Patience::Endless) => tracing::info!("connected to NATS"),
        (Event::Disconnected, _, Patience::Endless) => tracing::warn!("disconnected from NATS"),
        (other, _, Patience::Endless) => tracing::warn!(event = %other, "NATS"),
        (_, None, Patience::None) => {}
    }
}

/// As the server words it.
fn is_permission(text: &str) -> bool {
    text.to_lowercase().contains("permissions violation")
}
