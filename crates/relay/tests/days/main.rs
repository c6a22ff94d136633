//! Hostile users and unlucky operators: wrong configurations, servers that refuse, other settings, secrets.

#![allow(missing_docs, reason = "a test program")]

#[path = "../acceptance/bed/mod.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod bed;

mod authentication;
mod by_hand;
mod messages;
mod permissions;
mod place;
mod resume;
mod script;
mod secrets;
mod start;
mod wishes;
