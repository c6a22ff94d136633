//! The functions that JavaScript calls. Each takes and returns only numbers.
#![allow(unsafe_code, reason = "the attribute that exports a function under its own name")]

use std::cell::RefCell;

use websocket_heartbeat::Preset;

use crate::{
    connection::Report,
    entry::Entry,
    imports,
    options::Options,
    session::{self, Sent},
};

thread_local! {
    /// The options of the session that is created next.
    static OPTIONS: RefCell<Options> = const { RefCell::new(Options::new(Preset::Original)) };
}

/// Begins the options of a session: 0 is the original's preset, 1 the resilient one.
#[unsafe(no_mangle)]
extern "C" fn begin(preset: u32) {
    OPTIONS.set(Options::new(if preset == 0 { Preset::Original } else { Preset::Resilient }));
}

/// Sets an option, see [`Options::set`].
#[unsafe(no_mangle)]
extern "C" fn set_option(key: u32, value: f64) {
    OPTIONS.with_borrow_mut(|options| options.set(key, value));
}

/// Makes a session of the options and returns its number, which is above 0. If the core refuses the
/// options, spells the setting and the rule that it breaks, and returns 0.
#[unsafe(no_mangle)]
extern "C" fn create() -> u32 {
    match OPTIONS.with_borrow(session::create) {
        Ok(number) => number,
        Err(error) => {
            for part in [error.setting(), " ", error.rule()] {
                part.bytes().for_each(|byte| imports::spell(byte.into()));
            }
            0
        }
    }
}

/// Polls the session: the first poll begins the first attempt.
#[unsafe(no_mangle)]
extern "C" fn poll(session: u32) {
    session::with(session, |_| ());
}

/// The connection is open.
#[unsafe(no_mangle)]
extern "C" fn opened(session: u32, connection: u32) {
    record(session, connection, Report::Opened);
}

/// A message has arrived.
#[unsafe(no_mangle)]
extern "C" fn received(session: u32, connection: u32) {
    record(session, connection, Report::Received);
}

/// Everything before the flush was passed to the socket.
#[unsafe(no_mangle)]
extern "C" fn written(session: u32, connection: u32) {
    record(session, connection, Report::Written);
}

/// The connection has ended, or the attempt has failed.
#[unsafe(no_mangle)]
extern "C" fn ended(session: u32, connection: u32, code: u32) {
    record(session, connection, Report::Ended(code));
}

fn record(session: u32, connection: u32, report: Report) {
    session::with(session, |found| found.record(connection, report));
}

/// The timer has fired.
#[unsafe(no_mangle)]
extern "C" fn alarm(session: u32) {
    session::with(session, |found| found.alarm());
}

/// Queues an entry and returns 0, or the reason of the refusal, see [`Sent`].
#[unsafe(no_mangle)]
extern "C" fn send(session: u32, entry: u32, size: u32) -> u32 {
    let entry = Entry { number: entry, size };
    session::with(session, |found| found.send(entry)).unwrap_or(Sent::Closed) as u32
}

/// A command of the application. Returns 1, or 0 if there is no such command, session or code.
#[unsafe(no_mangle)]
extern "C" fn command(session: u32, command: u32, code: u32) -> u32 {
    session::with(session, |found| found.command(command, code)).is_some_and(|done| done).into()
}
