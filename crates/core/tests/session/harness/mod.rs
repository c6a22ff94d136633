//! The harness that all tests share: sessions over the mock, in virtual time.

mod connection;
mod event_log;
mod fixture;
mod session;
mod time;
mod wake_counter;

pub(crate) use self::{
    connection::{Behaviour, Flush, Method, Read, WrappedConnection, wrap_connections},
    event_log::{EventLog, in_words, texts, words},
    fixture::{Fixture, MockBuilder, MockSupervisor},
    session::Session,
    time::{in_millis, ms, secs, sleep},
    wake_counter::WakeCounter,
};
