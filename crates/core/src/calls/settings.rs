//! The settings of calls: [`CallSettings`], and an answer: [`Answer`].

use std::{fmt, time::Duration};

use crate::{
    error::{ConfigError, ensure, not_zero},
    message::Message,
};

/// The longest timeout of a call, so that each call ends.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// An answer of the server to one call. `Debug` shows only the id.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<A> {
    /// The id of the request.
    pub id: u64,
    /// The result, which the future of the call returns.
    pub result: A,
}

impl<A> Answer<A> {
    /// An answer to the request with this id.
    pub fn new(id: u64, result: A) -> Self {
        Self { id, result }
    }
}

impl<A> fmt::Debug for Answer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The settings of [`Calls`](super::Calls): the protocol, as two functions, and limits.
///
/// [`Calls::new`](super::Calls::new) checks the values.
///
/// # Ids
///
/// The layer chooses the id of each request: a number from 1 to [`max_id`](Self::max_id), which no
/// other waiting call has. The function that makes messages writes it in the form of the protocol,
/// as a number, a string or bytes, and the function that finds answers reads it back.
///
/// ```
/// use websocket_heartbeat::{Bytes, calls::{Answer, CallSettings}};
///
/// // A binary protocol: two bytes of id, then the request or the result.
/// let settings = CallSettings::new(
///     |id, request: &Vec<u8>| [&(id as u16).to_be_bytes(), &**request].concat().into(),
///     |message| {
///         let (id, result) = message.as_bytes().split_first_chunk::<2>()?;
///         Some(Answer::new(u16::from_be_bytes(*id).into(), Bytes::copy_from_slice(result)))
///     },
/// )
/// .max_id(u16::MAX.into());
/// ```
pub struct CallSettings<R, A> {
    pub(super) make_request: MakeRequest<R>,
    pub(super) find_answer: FindAnswer<A>,
    pub(super) limit: usize,
    pub(super) max_id: u64,
    pub(super) timeout: Duration,
}

pub(super) type MakeRequest<R> = Box<dyn FnMut(u64, &R) -> Message + Send>;
pub(super) type FindAnswer<A> = Box<dyn FnMut(&Message) -> Option<Answer<A>> + Send>;

impl<R, A> CallSettings<R, A> {
    /// The default settings, with two functions.
    ///
    /// `make_request` makes the message of a request with this id. It is called when a connection is
    /// open, in the task that polls the layer, and again if the request is sent on another connection.
    ///
    /// `find_answer` is called for each message of the server. It returns the answer in it, or
    /// `None` for other messages.
    pub fn new(
        make_request: impl FnMut(u64, &R) -> Message + Send + 'static,
        find_answer: impl FnMut(&Message) -> Option<Answer<A>> + Send + 'static,
    ) -> Self {
        Self {
            make_request: Box::new(make_request),
            find_answer: Box::new(find_answer),
            limit: 256,
            max_id: (1 << 53) - 1,
            timeout: Duration::from_secs(30),
        }
    }

    /// How many calls may wait for an answer, including those that wait for a connection. Further
    /// calls fail with [`CallFailure::Full`](super::CallFailure::Full).
    ///
    /// The default is 256: a supervisor hands the same number of messages to a connection between
    /// two flushes.
    #[must_use]
    pub fn limit(mut self, calls: usize) -> Self {
        self.limit = calls;
        self
    }

    /// The largest id. After it, ids begin again at 1. An id is skipped while its
    /// call waits or has an outcome that was not read. A late answer can then reach a later call with
    /// the same id, so use the whole range of the protocol.
    ///
    /// The default is 2^53 - 1, the largest number that every JSON parser reads exactly (RFC 8259
    /// section 6).
    #[must_use]
    pub fn max_id(mut self, id: u64) -> Self {
        self.max_id = id;
        self
    }

    /// How long a call waits for its answer, unless it has its own [timeout](super::Call::timeout).
    ///
    /// The time begins when the layer is first polled after the call. It includes the time without
    /// a connection. A day is the maximum: longer times are shortened to it.
    ///
    /// The default is 30 s. The default heartbeat detects a dead connection within 25 s, so the call
    /// then fails because of the loss, or is sent again, before its time is over.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        ensure(self.limit > 0, "call limit", self.limit, "must be at least 1")?;
        ensure(self.max_id > 0, "call max id", self.max_id, "must be at least 1")?;
        not_zero("call timeout", self.timeout)
    }
}

impl<R, A> fmt::Debug for CallSettings<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallSettings")
            .field("limit", &self.limit)
            .field("max_id", &self.max_id)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
