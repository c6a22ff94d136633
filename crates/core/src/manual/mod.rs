//! The manual: each chapter answers one question.
//!
//! | chapter | question |
//! |---|---|
//! | [`getting_started`] | How does a program keep one connection alive? |
//! | [`presets`] | Which preset fits, and which settings does a server need? |
//! | [`losses`] | Which messages are lost when a connection is lost? |
//! | [`answers`] | How does a program learn that the server has a message, or get its answer? |
//! | [`networks`] | How does a connection get through proxies, private authorities and redirects? |
//! | [`observing`] | How does an operator see the state of a session? |
//! | [`tuning`] | Which settings matter for many sessions, large messages or little memory? |
//! | [`testing`] | How is a program tested without a server and without waiting? |
//! | [`transports`] | How does a session run over a connection of your own? |
//! | [`backends`] | How does a session run on another runtime? |
//! | [`comparison`] | How does this library differ from others? |
//! | [`from_npm`] | What changes for a user of the npm packages? |
//! | [`from_tokio_tungstenite`] | What changes for a user of tokio-tungstenite? |
//!
//! The chapters use `websocket_heartbeat_tokio` where they need a backend. The other native backends
//! have the same names, with `Smol` or `AsyncStd` in place of `Tokio`.
//!
//! This module exists only in the documentation.

#[doc = include_str!("getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("presets.md")]
pub mod presets {}

#[doc = include_str!("losses.md")]
pub mod losses {}

#[doc = include_str!("answers.md")]
pub mod answers {}

#[doc = include_str!("networks.md")]
pub mod networks {}

#[doc = include_str!("observing.md")]
pub mod observing {}

#[doc = include_str!("tuning.md")]
pub mod tuning {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("transports.md")]
pub mod transports {}

#[doc = include_str!("backends.md")]
pub mod backends {}

#[doc = include_str!("comparison.md")]
pub mod comparison {}

#[doc = include_str!("from_npm.md")]
pub mod from_npm {}

#[doc = include_str!("from_tokio_tungstenite.md")]
pub mod from_tokio_tungstenite {}
