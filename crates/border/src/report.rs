//! Events for the application: [`report`].

use std::time::Duration;

use websocket_heartbeat::{CloseReason, Event, Fate, LostCause};

use crate::{connection::Shared, entry::Entry, imports};

/// The kinds of events, in the order of `EVENTS` in `npm/src/session.js`.
#[repr(u32)]
enum Kind {
    Open,
    Message,
    Lost,
    Retry,
    Unsent,
    Closed,
    Silent,
    Unanswered,
}

/// Reports an event to JavaScript. The fates of messages come before the event that brings them.
pub(crate) fn report(session: u32, shared: &Shared, event: &Event) {
    let send = |kind: Kind, a, b, c, d| imports::report(session, kind as u32, a, b, c, d);
    match event {
        Event::Message(_) => {
            send(Kind::Message, shared.reported.borrow().read.into(), 0.0, 0.0, 0.0);
        }
        Event::Open(open) => {
            let outage = open.outage.map_or(-1.0, millis);
            send(Kind::Open, open.connection as f64, open.attempt.into(), outage, 0.0);
        }
        Event::Silent(silent) => {
            send(Kind::Silent, silent.connection as f64, millis(silent.time), 0.0, 0.0);
        }
        Event::Unanswered(missed) => {
            send(Kind::Unanswered, missed.connection as f64, millis(missed.time), 0.0, 0.0);
        }
        Event::Lost(lost) => {
            report_fates(session, shared, &lost.unsent);
            let (number, opened) = (lost.connection as f64, f64::from(u8::from(lost.opened)));
            let code = lost.cause.close_code().unwrap_or(0);
            send(Kind::Lost, number, opened, cause(&lost.cause), code.into());
        }
        Event::Retry(retry) => {
            send(Kind::Retry, retry.attempt.into(), millis(retry.delay), cause(&retry.cause), 0.0);
        }
        Event::Closed(closed) => {
            report_fates(session, shared, &closed.unsent);
            let last = closed.reason.cause().map_or(-1.0, cause);
            send(Kind::Closed, reason(&closed.reason), last, 0.0, 0.0);
        }
        _ => {}
    }
}

fn report_fates(session: u32, shared: &Shared, fates: &[Fate]) {
    for fate in fates {
        let (message, dropped) = match fate {
            Fate::Unknown { message: Some(message), .. } => (message, 0.0),
            Fate::Dropped { message, .. } => (message, 1.0),
            _ => continue,
        };
        if let Some(entry) = Entry::of(message) {
            shared.release(entry.size.into());
            let (kind, number) = (Kind::Unsent as u32, entry.number.into());
            imports::report(session, kind, number, dropped, 0.0, 0.0);
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The place of the cause in `CAUSES` of `npm/src/session.js`.
fn cause(cause: &LostCause) -> f64 {
    match cause {
        LostCause::Connect(_) => 0.0,
        LostCause::ConnectTimeout(_) => 1.0,
        LostCause::HeartbeatTimeout(_) => 2.0,
        LostCause::WriteStalled(_) => 3.0,
        LostCause::ClosedByPeer(_) => 4.0,
        LostCause::Broken(_) => 5.0,
        LostCause::Replaced => 6.0,
        LostCause::MaxAge => 7.0,
        LostCause::Paused => 8.0,
        _ => 9.0,
    }
}

/// The place of the reason in `REASONS` of `npm/src/session.js`.
fn reason(reason: &CloseReason) -> f64 {
    match reason {
        CloseReason::User => 0.0,
        CloseReason::Aborted => 1.0,
        CloseReason::AttemptsExhausted(_) => 2.0,
        CloseReason::BackoffEnded(_) => 3.0,
        CloseReason::Stopped(_) => 4.0,
        CloseReason::FlapLimit(_) => 5.0,
        CloseReason::OutageLimit(_) => 6.0,
        _ => 7.0,
    }
}
