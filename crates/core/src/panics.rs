//! Panics of functions that the application provides: they are caught and become values.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::printable::printable;

/// Whether panics are caught. Where they abort, the code that handles a caught one is left out.
pub(crate) const ARE_CAUGHT: bool = cfg!(panic = "unwind");

/// A function that the application provides panicked.
///
/// The panic is caught, so `poll` does not panic. If panics abort the process
/// (`panic = "abort"`, and WebAssembly), nothing is caught and the process ends.
///
/// `Display` and `Debug` show the message of the panic, on one line. It is a text of the application:
/// do not panic with a secret, such as a received message. The panic hook prints it, too.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UserPanic {
    /// The function that panicked.
    pub function: UserFunction,
    /// The message of the panic; "a panic without words" if it had none.
    pub words: Box<str>,
}

/// The functions of the application that a session calls, and its timer. Panics of the transport are not reported
/// with this type: they are errors of the kind [`ErrorKind::Panicked`](crate::ErrorKind::Panicked).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserFunction {
    /// [`Builder::verdict`](crate::Builder::verdict).
    Verdict,
    /// [`Builder::backoff`](crate::Builder::backoff): the function, or an iterator that it returned.
    Backoff,
    /// [`Heartbeat::message_with`](crate::Heartbeat::message_with).
    Heartbeat,
    /// [`Heartbeat::reply`](crate::Heartbeat::reply).
    Reply,
    /// [`ProofOfLife::Matching`](crate::ProofOfLife::Matching).
    ProofOfLife,
    /// [`Timer::sleep_until`](crate::Timer::sleep_until), or the sleep that it returned. For example,
    /// a timer of a runtime panics outside of that runtime.
    Timer,
    /// The function passed to [`AckSettings::new`](crate::acks::AckSettings::new).
    Acknowledgement,
    /// The first function passed to [`CallSettings::new`](crate::calls::CallSettings::new).
    Request,
    /// The second function passed to [`CallSettings::new`](crate::calls::CallSettings::new).
    Answer,
}

impl UserFunction {
    /// Returns the name of the function in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Backoff => "backoff",
            Self::Heartbeat => "heartbeat",
            Self::Reply => "reply",
            Self::ProofOfLife => "life",
            Self::Timer => "timer",
            Self::Acknowledgement => "acknowledgement",
            Self::Request => "request",
            Self::Answer => "answer",
        }
    }
}

impl fmt::Display for UserPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, words) = (self.function.name(), printable(&self.words));
        write!(f, "the {name} function panicked: {words}")
    }
}

/// Calls a function of the application. Returns the message of its panic if it panics.
#[inline]
pub(crate) fn contain<R>(call: impl FnOnce() -> R) -> Result<R, Box<str>> {
    if !ARE_CAUGHT {
        return Ok(call());
    }
    catch_unwind(AssertUnwindSafe(call)).map_err(message_of)
}

/// Like [`contain`], for one of the named functions.
pub(crate) fn contain_in<R>(
    function: UserFunction,
    call: impl FnOnce() -> R,
) -> Result<R, UserPanic> {
    contain(call).map_err(|words| UserPanic { function, words })
}

/// Drops a value of the application. A panic of its `Drop` is ignored.
pub(crate) fn drop_contained<D>(value: D) {
    contain_all(|| drop(value));
}

/// Calls code of the application whose panic can be ignored: the call of a waker, a drop.
pub(crate) fn contain_all(work: impl FnOnce()) {
    let _: Result<(), Box<str>> = contain(work);
}

#[cold]
fn message_of(payload: Box<dyn Any + Send>) -> Box<str> {
    let words = words_of(&*payload).unwrap_or("a panic without words").into();
    // The drop of the panic's payload may panic, too.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    words
}

/// The message of a panic, if its payload is a string.
pub(crate) fn words_of(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics when it is dropped, with another bomb as the payload.
    struct Bomb(u32);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 {
                panic_any(Self(self.0 - 1));
            }
        }
    }

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(contain(|| 7), Ok(7));
        assert_eq!(contain(|| panic!("plain")), Err::<(), _>("plain".into()));
        assert_eq!(contain(|| panic!("number {}", 7)), Err::<(), _>("number 7".into()));
        let wordless = Err::<(), _>("a panic without words".into());
        assert_eq!(contain(|| panic_any(7)), wordless);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_contained() {
        let wordless = Err::<(), _>("a panic without words".into());
        assert_eq!(contain(|| panic_any(Bomb(2))), wordless);
        drop_contained(Bomb(2));
    }
}
