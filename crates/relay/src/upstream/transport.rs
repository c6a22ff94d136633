//! [`Upstream`]: the transport of a session.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use tokio::task::spawn_blocking;
use websocket_heartbeat_tokio::{
    Attempt, Dialer, ErrorKind, Established, Handle, TokioConnection, Transport, TransportError,
    dial,
};

use super::{Checkpoint, UpstreamError, plan::Plan};
use crate::config::Subscription;

/// The transport of a session with an upstream. Each attempt reads the secrets again and looks at the
/// checkpoint.
#[derive(Debug)]
pub struct Upstream {
    subscription: Arc<Subscription>,
    checkpoint: Checkpoint,
    dialer: Dialer,
    session: Arc<OnceLock<Handle>>,
}

impl Upstream {
    pub(super) fn new(
        subscription: Arc<Subscription>,
        checkpoint: Checkpoint,
        dialer: Dialer,
    ) -> Self {
        Self { subscription, checkpoint, dialer, session: Arc::default() }
    }

    /// The session whose first messages this transport sets.
    pub(super) fn connect_to(&self, session: Handle) {
        self.checkpoint.connect_to(session.clone());
        let _ = self.session.set(session);
    }
}

impl Transport for Upstream {
    type Connection = TokioConnection;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<TokioConnection>, TransportError>> + Send>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        self.checkpoint.begin(attempt.connection);
        let (subscription, checkpoint) = (Arc::clone(&self.subscription), self.checkpoint.clone());
        let (dialer, session) = (self.dialer.clone(), Arc::clone(&self.session));
        Box::pin(async move {
            let plan = plan(subscription, checkpoint).await?;
            if let Some(session) = session.get() {
                set_first_messages(session, &plan)?;
            }
            dial(&plan.request, &dialer).await
        })
    }
}

async fn plan(
    subscription: Arc<Subscription>,
    checkpoint: Checkpoint,
) -> Result<Plan, TransportError> {
    let plan = if subscription.secrets().next().is_none() {
        Plan::new(&subscription, &checkpoint)
    } else {
        // A file may be on a slow disk.
        let plan = spawn_blocking(move || Plan::new(&subscription, &checkpoint)).await;
        plan.map_err(|error| TransportError::from_source(ErrorKind::Provider, error))?
    };
    plan.map_err(|error| {
        let kind = match error {
            UpstreamError::Secret(_) => ErrorKind::Provider,
            UpstreamError::Request(_) | UpstreamError::WithoutTls => ErrorKind::Url,
        };
        TransportError::from_source(kind, error)
    })
}

/// No connection is open here, so the messages are sent on the next one, in the order of their keys.
fn set_first_messages(session: &Handle, plan: &Plan) -> Result<(), TransportError> {
    let failed = |error| TransportError::from_source(ErrorKind::Provider, error);
    for (n, message) in plan.open.iter().enumerate() {
        session.replay(&n.to_string(), message.clone()).map_err(failed)?;
    }
    // An earlier attempt may have had more.
    let mut n = plan.open.len();
    while session.forget_replay(&n.to_string()).is_some() {
        n += 1;
    }
    Ok(())
}
