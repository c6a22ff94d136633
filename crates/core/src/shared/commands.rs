//! The commands of handles: [`Commands`].

use crate::panics::UserPanic;

/// The commands of handles. They are flags, so they are idempotent and need no bound.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Commands {
    pub(crate) close: bool,
    pub(crate) abort: bool,
    pub(crate) reconnect: bool,
    pub(crate) probe: bool,
    /// The last call of pause or resume.
    pub(crate) pausing: Option<Pausing>,
    /// A function of the user panicked outside of the driver. This ends the session.
    pub(crate) panic: Option<Box<UserPanic>>,
}

/// The last of the two commands decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pausing {
    Pause,
    Resume,
}
