//! The connection to the servers of NATS, by the configuration.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};

use crate::config::{self, Authentication, SecretError};

/// Why no connection can be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// A secret cannot be read.
    Secret(SecretError),
    /// The file with credentials cannot be read or used.
    Credentials(std::io::Error),
    /// The servers refuse, or cannot be reached.
    Nats(async_nats::ConnectError),
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(error) => error.fmt(f),
            Self::Credentials(error) => write!(f, "the file with credentials: {error}"),
            Self::Nats(error) => write!(f, "NATS: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// The longest wait between two attempts to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How the connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It fails if no server can be reached.
    None,
    /// It tries for ever, and says so in the log.
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
        let options = options(settings, name).await?;
        match options.connect(&settings.servers[..]).await {
            Ok(client) => return Ok(client),
            Err(error) if patience == Patience::None => return Err(ConnectError::Nats(error)),
            Err(error) => {
                tracing::warn!(%error, servers = ?settings.servers, "waiting for NATS");
                tokio::time::sleep(waits).await;
                waits = (2 * waits).min(LONGEST_WAIT);
            }
        }
    }
}

async fn options(settings: &config::Nats, name: &str) -> Result<ConnectOptions, ConnectError> {
    let mut options = ConnectOptions::new()
        .name(name)
        // The fleet notices the silence of a worker after 2 s.
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(2))
        .reconnect_delay_callback(|attempts| {
            LONGEST_WAIT
                .min(Duration::from_millis(20) * 2_u32.saturating_pow(attempts.min(10) as u32))
        })
        .event_callback(|event| async move {
            match event {
                Event::Connected => tracing::info!("connected to NATS"),
                Event::Disconnected => tracing::warn!("disconnected from NATS"),
                other => tracing::warn!(event = %other, "NATS"),
            }
        });
    options = match &settings.authentication {
        None => options,
        Some(Authentication::Credentials(path)) => {
            options.credentials_file(path).await.map_err(ConnectError::Credentials)?
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
        if let Some(ca) = &tls.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &tls.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
    }
    Ok(options)
}
