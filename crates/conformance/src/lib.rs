#![cfg_attr(all(feature = "rules", feature = "server"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "rules", feature = "server")),
    doc = "The contract of transports as tests, here without the rules or without the server."
)]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "rules")]
mod rule;
#[cfg(feature = "rules")]
mod rules;
pub mod script;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "rules")]
mod suite;

#[cfg(all(feature = "rules", feature = "server"))]
mod backend;

#[cfg(feature = "server")]
pub use self::server::Server;
#[cfg(feature = "rules")]
pub use self::{
    rule::{Ability, Rule},
    rules::RULES,
    suite::{Outcome, Report, Suite},
};
