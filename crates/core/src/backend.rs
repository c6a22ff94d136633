//! Parts for authors of transports and timers, and others that most programs do not need.
//!
//! - [`DynTransport`] is the object-safe form of a transport, and [`BoxConnection`] its connection.
//! - [`BoxTimer`] is a type-erased timer.
//! - [`DialGrants`] grants the attempts of a [`DialBudget`](crate::DialBudget) whose limit is kept
//!   outside of this process.
//! - [`ConfigValue`] is the value in a [`ConfigError`](crate::ConfigError).
//! - [`Predecessor`] describes the end of the previous attempt or connection, for transports that
//!   choose among servers.
//! - [`SharedTimer`] lets many sleeps share one sleep of a timer whose sleeps are expensive, and
//!   [`SharedSleep`] is its future.
//! - [`printable`] escapes the control characters of a text of the server, for terminals and logs.
//! - [`without_echo`] removes secrets of the request from an answer of the server.
//! - [`RawConnection`], [`BeforeOpen`] and [`Opening`] belong to
//!   [`before_open`](crate::before_open), [`TransportFn`] to [`transport_fn`](crate::transport_fn).
//!   They are public for programs that must name these types.

pub use crate::{
    config::DialGrants,
    error::ConfigValue,
    http::without_echo,
    printable::printable,
    time::{BoxTimer, SharedSleep, SharedTimer},
    transport::{
        BeforeOpen, BoxConnection, DynTransport, Opening, Predecessor, RawConnection, TransportFn,
    },
};
