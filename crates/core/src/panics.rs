//! Panics of functions that the user gave: contained, and put into words.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A function of yours panicked.
///
/// The panic is contained: nothing passes through `poll`. Where panics abort the process
/// (`panic = "abort"`, and WebAssembly) nothing is caught, and the process ends.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UserPanic {
    /// Which function.
    pub function: UserFunction,
    /// The words of the panic; "a panic without words" where it had none.
    pub words: Box<str>,
}

/// The functions of yours that a session calls, the transport excepted: its panics are errors of
/// the kind [`ErrorKind::Panicked`](crate::ErrorKind::Panicked).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserFunction {
    /// [`Builder::verdict`](crate::Builder::verdict).
    Verdict,
    /// [`Builder::backoff`](crate::Builder::backoff): the factory, or an iterator that it gave.
    Backoff,
    /// [`Heartbeat::message_with`](crate::Heartbeat::message_with).
    Heartbeat,
    /// [`Heartbeat::reply`](crate::Heartbeat::reply).
    Reply,
    /// [`ProofOfLife::Matching`](crate::ProofOfLife::Matching).
    ProofOfLife,
    /// The function given to [`AckSettings::new`](crate::AckSettings::new).
    Acknowledgement,
}

impl UserFunction {
    /// The function in one lower-case word, as logs and `wsbeat --json` print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Backoff => "backoff",
            Self::Heartbeat => "heartbeat",
            Self::Reply => "reply",
            Self::ProofOfLife => "life",
            Self::Acknowledgement => "acknowledgement",
        }
    }
}

impl fmt::Display for UserPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} function panicked: {}", self.function.name(), self.words)
    }
}

/// Calls a function of the user's. A panic of it becomes its words.
#[inline]
pub(crate) fn contain<R>(call: impl FnOnce() -> R) -> Result<R, Box<str>> {
    catch_unwind(AssertUnwindSafe(call)).map_err(into_words)
}

/// The same for one of the functions that have a name.
pub(crate) fn contain_in<R>(
    function: UserFunction,
    call: impl FnOnce() -> R,
) -> Result<R, UserPanic> {
    contain(call).map_err(|words| UserPanic { function, words })
}

/// Drops what is the user's. A panic of its `Drop` leaves nothing to decide.
pub(crate) fn drop_contained<D>(value: D) {
    contain_all(|| drop(value));
}

/// Does what is the user's and whose panic leaves nothing to decide: a call of a waker, a drop.
pub(crate) fn contain_all(work: impl FnOnce()) {
    let _: Result<(), Box<str>> = contain(work);
}

#[cold]
fn into_words(payload: Box<dyn Any + Send>) -> Box<str> {
    let words = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
        .into();
    // Dropping what it panicked with may panic in turn.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    words
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics when it is dropped, with another of its kind.
    struct Bomb(u32);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 {
                panic_any(Self(self.0 - 1));
            }
        }
    }

    #[test]
    fn a_panic_becomes_its_words() {
        assert_eq!(contain(|| 7), Ok(7));
        assert_eq!(contain(|| panic!("plain")), Err::<(), _>("plain".into()));
        assert_eq!(contain(|| panic!("number {}", 7)), Err::<(), _>("number 7".into()));
        let wordless = Err::<(), _>("a panic without words".into());
        assert_eq!(contain(|| panic_any(7)), wordless);
    }

    #[test]
    fn what_a_panic_carries_may_panic_when_it_is_dropped() {
        let wordless = Err::<(), _>("a panic without words".into());
        assert_eq!(contain(|| panic_any(Bomb(2))), wordless);
        drop_contained(Bomb(2));
    }
}
