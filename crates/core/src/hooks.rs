//! The five callbacks of the original, over any stream of [`Event`]s.
//!
//! They stay valid across reconnects. Each event makes one call, in the order in which it happened:
//!
//! | event | call | with | the original |
//! |---|---|---|---|
//! | [`Event::Connecting`] | none | | none |
//! | [`Event::Open`], the first and after each reconnect | `on_open` | [`Open`] | `onOpen` |
//! | [`Event::Message`] | `on_message` | [`Message`] | `onMessage` |
//! | [`Event::WriteBlocked`] | none | | none |
//! | [`Event::Lost`], an attempt that failed | `on_error` | [`Lost`] | `onError`, and then `onClose` as well |
//! | [`Event::Lost`], a connection that was open, whatever the cause | `on_close` | [`Ending::Connection`] | `onClose`, now and then after an `onError` |
//! | [`Event::Retry`], when the attempt is scheduled | `on_reconnect` | [`Retry`] | `onReconnect`, without arguments, and before `onClose` if an error came first |
//! | [`Event::Closed`], always the last call | `on_close` | [`Ending::Session`] | `onClose` after `close()`; nothing when the attempts run out |
//! | [`Event::Lagged`] | none | | none |
//!
//! So between two calls of `on_open` there is exactly one of `on_close`, by the grammar of
//! [`Event`], over an inbox that was not read for long as well; and what broke stands in
//! [`Lost::cause`].
//!
//! # Example
//!
//! ```
//! use websocket_heartbeat::{hooks::Hooks, Event};
//! # async fn example(supervisor: impl futures_core::Stream<Item = Event>, handle: websocket_heartbeat::Handle) {
//! let outcome = Hooks::new()
//!     .on_open(|open| println!("connection {} is open", open.connection))
//!     .on_message(|message| println!("{:?}", message.as_text()))
//!     .on_reconnect(|retry| {
//!         if retry.attempt > 5 {
//!             handle.close();
//!         }
//!     })
//!     .on_panic(|panic| eprintln!("{panic}"))
//!     .run(supervisor)
//!     .await;
//! println!("closed: {:?}", outcome.closed.map(|closed| closed.reason));
//! # }
//! ```

use std::{
    any::Any,
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

use futures_core::Stream;

use crate::{
    event::{Closed, Event, Lost, Open, Retry},
    message::Message,
};

/// The callbacks, see the [module](self). Those that are not set do nothing.
///
/// They are called by whoever polls [`run`](Self::run), one at a time. They may use a
/// [`Handle`](crate::Handle) freely: a [`close`](crate::Handle::close) in `on_reconnect` means that
/// no attempt follows.
///
/// The future of `run` is `Send` exactly when the callbacks and the stream are.
#[must_use = "callbacks are called only while `run` is polled"]
pub struct Hooks<
    O = fn(&Open),
    M = fn(Message),
    C = fn(Ending<'_>),
    E = fn(&Lost),
    R = fn(&Retry),
    P = fn(Panic),
> {
    open: O,
    message: M,
    close: C,
    error: E,
    reconnect: R,
    panic: P,
}

/// What `on_close` tells the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending<'a> {
    /// A connection that was open; the session goes on, unless told otherwise next.
    Connection(&'a Lost),
    /// The session. There is no further call.
    Session(&'a Closed),
}

impl Ending<'_> {
    /// Whether the session has ended, not only a connection.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Session(_))
    }

    /// The server's close code, if a connection ended by one.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::Connection(lost) => lost.cause.close_code(),
            Self::Session(closed) => closed.reason.cause().and_then(|cause| cause.close_code()),
        }
    }
}

/// A panic of a callback.
pub struct Panic {
    callback: &'static str,
    payload: Box<dyn Any + Send>,
}

impl Panic {
    /// The name of the callback, such as `on_message`.
    pub fn callback(&self) -> &'static str {
        self.callback
    }

    /// The words of the panic, if it has some.
    pub fn words(&self) -> Option<&str> {
        let payload = &*self.payload;
        payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }

    /// What the callback panicked with.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} panicked: {}", self.callback, self.words().unwrap_or("without words"))
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("callback", &self.callback)
            .field("words", &self.words())
            .finish_non_exhaustive()
    }
}

/// How a [`run`](Hooks::run) went.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// How the session ended; `None` if the stream did so without a word, as an
    /// [`Inbox`](crate::Inbox) does whose driver was dropped.
    pub closed: Option<Box<Closed>>,
    /// How often a callback panicked.
    pub panics: u64,
}

impl Hooks {
    /// No callbacks.
    pub fn new() -> Self {
        Self {
            open: |_| {},
            message: |_| {},
            close: |_| {},
            error: |_| {},
            reconnect: |_| {},
            panic: |_| {},
        }
    }
}

impl Default for Hooks {
    fn default() -> Self {
        Self::new()
    }
}

/// Setters, each of which replaces the callback of before.
impl<O, M, C, E, R, P> Hooks<O, M, C, E, R, P> {
    /// A connection is open, the first of the session or a later one.
    pub fn on_open<F: FnMut(&Open)>(self, callback: F) -> Hooks<F, M, C, E, R, P> {
        let Self { message, close, error, reconnect, panic, .. } = self;
        Hooks { open: callback, message, close, error, reconnect, panic }
    }

    /// The server sent a message.
    pub fn on_message<F: FnMut(Message)>(self, callback: F) -> Hooks<O, F, C, E, R, P> {
        let Self { open, close, error, reconnect, panic, .. } = self;
        Hooks { open, message: callback, close, error, reconnect, panic }
    }

    /// An open connection was lost, or the session has ended.
    pub fn on_close<F: FnMut(Ending<'_>)>(self, callback: F) -> Hooks<O, M, F, E, R, P> {
        let Self { open, message, error, reconnect, panic, .. } = self;
        Hooks { open, message, close: callback, error, reconnect, panic }
    }

    /// An attempt failed.
    pub fn on_error<F: FnMut(&Lost)>(self, callback: F) -> Hooks<O, M, C, F, R, P> {
        let Self { open, message, close, reconnect, panic, .. } = self;
        Hooks { open, message, close, error: callback, reconnect, panic }
    }

    /// The next attempt is scheduled; it begins after [`Retry::delay`].
    pub fn on_reconnect<F: FnMut(&Retry)>(self, callback: F) -> Hooks<O, M, C, E, F, P> {
        let Self { open, message, close, error, panic, .. } = self;
        Hooks { open, message, close, error, reconnect: callback, panic }
    }

    /// Another callback panicked.
    pub fn on_panic<F: FnMut(Panic)>(self, callback: F) -> Hooks<O, M, C, E, R, F> {
        let Self { open, message, close, error, reconnect, .. } = self;
        Hooks { open, message, close, error, reconnect, panic: callback }
    }
}

impl<O, M, C, E, R, P> Hooks<O, M, C, E, R, P>
where
    O: FnMut(&Open),
    M: FnMut(Message),
    C: FnMut(Ending<'_>),
    E: FnMut(&Lost),
    R: FnMut(&Retry),
    P: FnMut(Panic),
{
    /// Calls back for each event of a [`Supervisor`](crate::Supervisor), an
    /// [`Inbox`](crate::Inbox) or whatever was made of them, until the stream ends.
    ///
    /// A callback that takes long keeps the supervisor from beating, like anything in its task;
    /// behind an [`Inbox`](crate::Inbox) it does not.
    ///
    /// # Panics of callbacks
    ///
    /// A callback that panics harms nothing: heartbeat, reconnection and all callbacks, itself
    /// included, go on. The panic is given to `on_panic` and counted in [`Outcome::panics`]; one of
    /// `on_panic` itself is counted only. None of this holds where panics abort the process.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the stream with it. Over a `&mut` of the stream nothing is lost: every
    /// event taken from it has had its call.
    pub async fn run(mut self, stream: impl Stream<Item = Event>) -> Outcome {
        let mut stream = pin!(stream);
        let mut outcome = Outcome { closed: None, panics: 0 };
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            if let Err(panic) = self.call(event, &mut outcome.closed) {
                outcome.panics += 1;
                let report = AssertUnwindSafe(|| (self.panic)(panic));
                if let Err(payload) = catch_unwind(report) {
                    outcome.panics += 1;
                    // Dropping what it panicked with could panic in turn.
                    std::mem::forget(payload);
                }
            }
        }
        outcome
    }

    fn call(&mut self, event: Event, closed: &mut Option<Box<Closed>>) -> Result<(), Panic> {
        match event {
            Event::Open(open) => contain("on_open", || (self.open)(&open)),
            Event::Message(message) => contain("on_message", || (self.message)(message)),
            Event::Lost(lost) if lost.opened => {
                contain("on_close", || (self.close)(Ending::Connection(&lost)))
            }
            Event::Lost(lost) => contain("on_error", || (self.error)(&lost)),
            Event::Retry(retry) => contain("on_reconnect", || (self.reconnect)(&retry)),
            Event::Closed(end) => {
                let end = closed.insert(end);
                contain("on_close", || (self.close)(Ending::Session(end)))
            }
            Event::Connecting(_) | Event::WriteBlocked(_) | Event::Lagged(_) => Ok(()),
        }
    }
}

fn contain(callback: &'static str, call: impl FnOnce()) -> Result<(), Panic> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panic { callback, payload })
}

impl<O, M, C, E, R, P> fmt::Debug for Hooks<O, M, C, E, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
