//! The five callbacks of the original, over any stream of [`Event`]s.
//!
//! Implement [`Hooks`] for a type of your own and give it to [`run`]. The callbacks stay valid
//! across reconnects. Each event makes at most one call, in the order of events:
//!
//! | event | call | with | in the original |
//! |---|---|---|---|
//! | [`Event::Connecting`] | none | | none |
//! | [`Event::Open`], the first and after each reconnect | `on_open` | [`Open`] | `onOpen` |
//! | [`Event::Message`] | `on_message` | [`Message`] | `onMessage` |
//! | [`Event::WriteBlocked`] | none | | none |
//! | [`Event::Silent`] | `on_silent` | [`Silent`] | none |
//! | [`Event::Unanswered`] | `on_unanswered` | [`Unanswered`] | none |
//! | [`Event::Lost`], an attempt that failed | `on_error` | [`Lost`] | `onError`, and then `onClose` |
//! | [`Event::Lost`], a connection that was open, for any cause | `on_close` | [`Ending::Connection`] | `onClose`, sometimes after an `onError` |
//! | [`Event::Retry`], when the attempt is scheduled | `on_reconnect` | [`Retry`] | `onReconnect`, without arguments, and before `onClose` if an error came first |
//! | [`Event::Closed`], always the last call | `on_close` | [`Ending::Session`] | `onClose` after `close()`; nothing when the attempts run out |
//! | [`Event::Lagged`] | none | | none |
//!
//! Between two calls of `on_open` there is exactly one call of `on_close`, since events obey the
//! grammar of [`Event`]. This also holds for an inbox that was not read for a long time.
//! [`Lost::cause`] is the reason why a connection or an attempt ended.
//!
//! # Example
//!
//! ```
//! use websocket_heartbeat::{
//!     Handle, Lost, Message, Open, Preset, Retry, Supervisor,
//!     hooks::{self, Ending, Hooks},
//! };
//!
//! struct Chat {
//!     handle: Handle,
//! }
//!
//! impl Hooks for Chat {
//!     fn on_open(&mut self, open: &Open) {
//!         println!("connection {} is open", open.connection);
//!         let _ = self.handle.try_queue("hello");
//!     }
//!
//!     fn on_message(&mut self, message: Message) {
//!         println!("{:?}", message.as_text());
//! #       self.handle.close();
//!     }
//!
//!     fn on_close(&mut self, ending: Ending<'_>) {
//!         match ending {
//!             Ending::Connection(lost) => println!("lost: {}", lost.cause),
//!             Ending::Session(closed) => println!("the end: {}", closed.reason),
//!             _ => {}
//!         }
//!     }
//!
//!     fn on_error(&mut self, lost: &Lost) {
//!         println!("the attempt failed: {}", lost.cause);
//!     }
//!
//!     fn on_reconnect(&mut self, retry: &Retry) {
//!         if retry.attempt > 5 {
//!             self.handle.close();
//!         }
//!     }
//! }
//!
//! # let clock = websocket_heartbeat_mock::Clock::new();
//! # let timer = clock.timer();
//! # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
//! # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
//! # websocket_heartbeat_mock::run(&clock, async {
//! let supervisor = Supervisor::builder(transport, timer).preset(Preset::Original).build()?;
//! let chat = Chat { handle: supervisor.handle() };
//! let outcome = hooks::run(supervisor, chat).await;
//! println!("{} callbacks panicked", outcome.panics);
//! # assert!(outcome.closed.is_some() && outcome.panics == 0);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
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
    event::{Closed, Event, Lost, Open, Retry, Silent, Unanswered},
    message::Message,
    panics::{self, words_of},
    printable::printable,
};

/// The callbacks, see the [module](self). Each does nothing by default.
///
/// [`run`] calls them in the task that polls it, one at a time. They may use a
/// [`Handle`](crate::Handle) freely. For example, after a [`close`](crate::Handle::close) in
/// `on_reconnect` no attempt follows.
///
/// A slow callback delays heartbeats, because it runs in the task of the supervisor. Over an
/// [`Inbox`](crate::Inbox) it does not delay them.
pub trait Hooks {
    /// A connection is open, the first of the session or a later one.
    fn on_open(&mut self, open: &Open) {
        let _ = open;
    }

    /// The server sent a message.
    fn on_message(&mut self, message: Message) {
        let _ = message;
    }

    /// An open connection was lost, or the session has ended.
    fn on_close(&mut self, ending: Ending<'_>) {
        let _ = ending;
    }

    /// An attempt failed.
    fn on_error(&mut self, lost: &Lost) {
        let _ = lost;
    }

    /// The next attempt is scheduled. It begins after [`Retry::delay`].
    fn on_reconnect(&mut self, retry: &Retry) {
        let _ = retry;
    }

    /// Nothing was heard for a while on a connection that cannot be probed.
    fn on_silent(&mut self, silent: &Silent) {
        let _ = silent;
    }

    /// The server did not answer a heartbeat, and it is not known to answer heartbeats.
    fn on_unanswered(&mut self, unanswered: &Unanswered) {
        let _ = unanswered;
    }

    /// One of the other callbacks panicked. The session goes on.
    fn on_panic(&mut self, panic: Panic) {
        let _ = panic;
    }
}

/// Calls the callbacks of a value that stays with the caller, for example to read its fields
/// afterwards.
impl<H: Hooks + ?Sized> Hooks for &mut H {
    fn on_open(&mut self, open: &Open) {
        (**self).on_open(open);
    }

    fn on_message(&mut self, message: Message) {
        (**self).on_message(message);
    }

    fn on_close(&mut self, ending: Ending<'_>) {
        (**self).on_close(ending);
    }

    fn on_error(&mut self, lost: &Lost) {
        (**self).on_error(lost);
    }

    fn on_reconnect(&mut self, retry: &Retry) {
        (**self).on_reconnect(retry);
    }

    fn on_silent(&mut self, silent: &Silent) {
        (**self).on_silent(silent);
    }

    fn on_unanswered(&mut self, unanswered: &Unanswered) {
        (**self).on_unanswered(unanswered);
    }

    fn on_panic(&mut self, panic: Panic) {
        (**self).on_panic(panic);
    }
}

/// Makes the calls for a stream of events, until the stream ends. The stream is a
/// [`Supervisor`](crate::Supervisor), an [`Inbox`](crate::Inbox) or a stream made from one of
/// these.
///
/// # Panics of callbacks
///
/// A panic of a callback harms nothing: heartbeats, reconnects and all callbacks go on, including
/// the one that panicked. The panic is given to [`on_panic`](Hooks::on_panic) and counted in
/// [`Outcome::panics`]. A panic of `on_panic` itself is only counted. None of this holds where
/// panics abort the process.
///
/// # Cancel safety
///
/// Dropping the future drops the stream with it. If the stream is a `&mut` reference, no event is
/// lost: each event that was taken has already made its call.
pub async fn run(stream: impl Stream<Item = Event>, mut hooks: impl Hooks) -> Outcome {
    let mut stream = pin!(stream);
    let mut outcome = Outcome { closed: None, panics: 0 };
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        if let Err(panic) = call(&mut hooks, event, &mut outcome.closed) {
            outcome.panics += 1;
            if panics::contain(|| hooks.on_panic(panic)).is_err() {
                outcome.panics += 1;
            }
        }
    }
    outcome
}

fn call(
    hooks: &mut impl Hooks,
    event: Event,
    closed: &mut Option<Box<Closed>>,
) -> Result<(), Panic> {
    match event {
        Event::Open(open) => contain("on_open", || hooks.on_open(&open)),
        Event::Message(message) => contain("on_message", || hooks.on_message(message)),
        Event::Silent(silent) => contain("on_silent", || hooks.on_silent(&silent)),
        Event::Unanswered(event) => contain("on_unanswered", || hooks.on_unanswered(&event)),
        Event::Lost(lost) if lost.opened => {
            contain("on_close", || hooks.on_close(Ending::Connection(&lost)))
        }
        Event::Lost(lost) => contain("on_error", || hooks.on_error(&lost)),
        Event::Retry(retry) => contain("on_reconnect", || hooks.on_reconnect(&retry)),
        Event::Closed(end) => {
            let end = closed.insert(end);
            contain("on_close", || hooks.on_close(Ending::Session(end)))
        }
        Event::Connecting(_) | Event::WriteBlocked(_) | Event::Lagged(_) => Ok(()),
    }
}

fn contain(callback: &'static str, call: impl FnOnce()) -> Result<(), Panic> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panic { callback, payload })
}

/// The end that [`on_close`](Hooks::on_close) reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending<'a> {
    /// An open connection has ended. The session goes on, unless the next call is
    /// [`Session`](Self::Session).
    Connection(&'a Lost),
    /// The session has ended. There is no further call.
    Session(&'a Closed),
}

impl Ending<'_> {
    /// The server's close code, if the server closed the connection with one.
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

    /// The message of the panic, if its payload is a string.
    pub fn message(&self) -> Option<&str> {
        words_of(&*self.payload)
    }

    /// The payload of the panic.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message().unwrap_or("without a message");
        write!(f, "{} panicked: {}", self.callback, printable(message))
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("callback", &self.callback)
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

/// The result of [`run`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The last event. `None` if the stream ended without this event, for example an
    /// [`Inbox`](crate::Inbox) whose driver was dropped.
    pub closed: Option<Box<Closed>>,
    /// How often a callback panicked.
    pub panics: u64,
}
