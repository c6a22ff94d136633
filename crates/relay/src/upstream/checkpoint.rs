//! [`Checkpoint`]: the values with which a new connection continues a session.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use websocket_heartbeat_tokio::{Handle, Message};

use crate::config::{Kind, Resume, Subscription};

/// The latest values of a subscription of the kind `resume`. Those of other kinds have none. Clones
/// share the values.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    resume: Option<Resume>,
    state: Mutex<State>,
    /// The session that uses the values.
    session: OnceLock<Handle>,
}

#[derive(Default)]
struct State {
    values: BTreeMap<String, String>,
    /// Whether they changed after [`Checkpoint::take_changed`].
    changed: bool,
    /// The number of the last connection.
    connection: u64,
    /// The values with which the last connection resumes.
    resumed: Option<BTreeMap<String, String>>,
    /// Messages of earlier connections are of a session that the upstream has forgotten. They may
    /// still come out of the inbox.
    valid_from: u64,
}

/// The value of the bucket is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointError;

impl Checkpoint {
    /// The longest value that is kept, in bytes. A longer one is no number and no token, and the
    /// checkpoint must fit into one message of the store.
    pub const LONGEST: usize = 4_096;

    /// A checkpoint without values.
    #[must_use]
    pub fn new(subscription: &Subscription) -> Self {
        let resume = match &subscription.kind {
            Kind::Resume(resume) => Some(resume.clone()),
            Kind::Overlap { .. } | Kind::Exclusive => None,
        };
        let shared = Shared { resume, state: Mutex::default(), session: OnceLock::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Takes over the values that an earlier owner stored. Those that the subscription does not name
    /// are ignored.
    ///
    /// # Errors
    ///
    /// If it is no JSON object of strings. The values stay as they are.
    pub fn restore(&self, json: &[u8]) -> Result<(), CheckpointError> {
        let mut values: BTreeMap<String, String> =
            serde_json::from_slice(json).map_err(|_| CheckpointError)?;
        let resume = self.shared.resume.as_ref();
        values.retain(|name, _| resume.is_some_and(|resume| resume.values.contains_key(name)));
        self.state().values = values;
        Ok(())
    }

    /// Learns the values in a message of the connection with this number. Called in the order of the
    /// messages, when the message needs no second delivery: when it is stored.
    ///
    /// If the message says that the upstream has forgotten the session, the values are forgotten, and
    /// the connection is replaced by a fresh one.
    pub fn learn(&self, connection: u64, message: &Message) {
        let (Some(resume), Some(text)) = (&self.shared.resume, message.as_text()) else { return };
        let mut state = self.state();
        if connection < state.valid_from {
            return;
        }
        if let Some((pointer, equals)) = &resume.reset.message
            && pointer.find(text).is_some_and(|value| value == *equals)
        {
            state.forget(connection);
            let current = state.connection == connection;
            drop(state);
            if let Some(session) = self.shared.session.get().filter(|_| current) {
                session.reconnect_now();
            }
            return;
        }
        for (name, pointer) in &resume.values {
            let value = pointer.find(text).filter(|value| value.len() <= Self::LONGEST);
            let Some(value) = value else { continue };
            match state.values.get_mut(name) {
                Some(kept) if *kept == value => continue,
                Some(kept) => {
                    kept.clear();
                    kept.push_str(&value);
                }
                None => {
                    state.values.insert(name.clone(), value.into_owned());
                }
            }
            state.changed = true;
        }
    }

    /// The value for the bucket, if it has changed since the last call.
    #[must_use]
    pub fn take_changed(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        if !std::mem::take(&mut state.changed) {
            return None;
        }
        serde_json::to_vec(&state.values).ok()
    }

    /// The rule and the values, if all values are known.
    pub(super) fn complete(&self) -> Option<(&Resume, BTreeMap<String, String>)> {
        let resume = self.shared.resume.as_ref()?;
        let state = self.state();
        let is_complete = state.values.len() == resume.values.len();
        is_complete.then(|| (resume, state.values.clone()))
    }

    /// The session connects again with this number.
    pub(super) fn begin(&self, connection: u64) {
        let mut state = self.state();
        state.connection = connection;
        state.resumed = None;
    }

    /// The last connection resumes with these values.
    pub(super) fn resume(&self, values: BTreeMap<String, String>) {
        self.state().resumed = Some(values);
    }

    /// The numbers among the values with which the connection with this number resumes. Empty if it
    /// does not resume, or is not the last one.
    #[must_use]
    pub fn resumed_after(&self, connection: u64) -> Vec<u64> {
        let state = self.state();
        let values = state.resumed.iter().filter(|_| state.connection == connection);
        values.flat_map(|values| values.values()).filter_map(|value| value.parse().ok()).collect()
    }

    /// The last connection was closed with this code.
    pub(super) fn closed_with(&self, code: u16) {
        if self.shared.resume.as_ref().is_some_and(|resume| resume.reset.codes.contains(&code)) {
            self.forget();
        }
    }

    /// Forgets all values, so that the next connection begins a new session with the upstream.
    pub fn forget(&self) {
        let mut state = self.state();
        let connection = state.connection;
        state.forget(connection);
    }

    pub(super) fn connect_to(&self, session: Handle) {
        // A second session of one checkpoint would be a bug of the caller, and keeps the first.
        let _ = self.shared.session.set(session);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete before something can panic.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets the values of this connection and of earlier ones.
    fn forget(&mut self, connection: u64) {
        self.changed |= !self.values.is_empty();
        self.values.clear();
        self.valid_from = connection + 1;
    }
}

/// Shows the names of the values. The values can be secret.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the checkpoint is no JSON object of strings")
    }
}

impl Error for CheckpointError {}
