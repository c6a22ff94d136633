//! The methods of a [`Handle`] that read the status, or wait for it.

use std::sync::Arc;

use super::{Handle, StatusChanges};
use crate::{
    event::CloseReason,
    status::{Phase, Status},
};

/// The status.
impl Handle {
    /// Returns the last published status of the session.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Returns a stream of the status: the current one, and then each change. If the stream is not
    /// polled, intermediate values are skipped. It ends after the status with the phase
    /// [`Phase::Closed`](crate::Phase::Closed).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use websocket_heartbeat::Phase;
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # let builder = websocket_heartbeat::Supervisor::builder(transport, clock.timer());
    /// # let builder = builder.preset(websocket_heartbeat::Preset::Resilient);
    /// # let mut supervisor = builder.build()?;
    /// # let handle = supervisor.handle();
    /// # let drive = async move { while futures::StreamExt::next(&mut supervisor).await.is_some() {} };
    /// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    /// # runner.spawn(drive).detach();
    /// # runner.run_until(async {
    /// let mut changes = handle.status_changes();
    /// while let Some(status) = changes.next().await {
    ///     println!("{:?}, {} messages in the outbox", status.phase, status.queued_messages);
    ///     if status.phase == Phase::Open {
    ///         handle.close();
    ///     }
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn status_changes(&self) -> StatusChanges {
        StatusChanges::new(Arc::clone(&self.shared))
    }

    /// Waits until a connection is open, and returns its number. It is ready at once if a connection
    /// is open now, also while the session is paused.
    ///
    /// # Errors
    ///
    /// The reason why the session has ended, if it ends before. By default a session tries again
    /// without limit: see [`Builder::initial_attempts`](crate::Builder::initial_attempts) for an error
    /// if the server cannot be reached at the start.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on the session.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_heartbeat::{Attempts, Supervisor};
    ///
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let timer = clock.timer();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::refuse_http(503, []));
    /// # let mut executor = websocket_heartbeat_mock::Runner::new(&clock);
    /// let builder = Supervisor::builder(transport, timer).initial_attempts(Attempts::Never);
    /// let (driver, inbox) = builder.build()?.into_driver(256)?;
    /// let handle = driver.handle();
    /// executor.spawn(driver).detach(); // for example `tokio::spawn(driver)`
    /// # executor.run_until(async {
    /// match handle.opened().await {
    ///     Ok(connection) => println!("connection {connection} is open"),
    ///     Err(reason) => println!("cannot connect: {reason}"),
    /// }
    /// # assert!(handle.opened().await.is_err());
    /// # });
    /// # drop(inbox);
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// ```
    pub async fn opened(&self) -> Result<u64, CloseReason> {
        let mut changes = self.status_changes();
        loop {
            match changes.next().await {
                // A paused session may have a connection.
                Some(Status {
                    phase: Phase::Open | Phase::Paused,
                    last_life: Some(_),
                    connection,
                    ..
                }) => {
                    return Ok(connection);
                }
                Some(Status { close_reason: Some(reason), .. }) => return Err(reason),
                Some(_) => {}
                None => return Err(CloseReason::Dropped),
            }
        }
    }

    /// Waits until the session has ended, and returns the reason.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on the session.
    pub async fn closed(&self) -> CloseReason {
        let mut changes = self.status_changes();
        loop {
            match changes.next().await {
                Some(Status { close_reason: Some(reason), .. }) => return reason,
                Some(_) => {}
                None => return CloseReason::Dropped,
            }
        }
    }
}
