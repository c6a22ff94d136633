//! Reports to the crate `tracing`: [`Spans`].

use std::time::Duration;

use tracing::{Span, debug, error, error_span, info, trace, warn};

use super::Observer;
use crate::{
    event::{CloseReason, Event, Lost, LostCause},
    panics::{contain, drop_contained},
};

/// The target of all spans and events, for filters. It does not follow the module path, which may
/// change.
const TARGET: &str = "websocket_heartbeat";

/// The span of the current attempt and of its connection. It is in a box, since there may be
/// thousands of sessions.
#[derive(Default)]
pub(super) struct Spans {
    connection: Option<Box<Span>>,
}

impl Spans {
    /// Does this work within the span. A panic of the subscriber does not prevent the work.
    pub(super) fn in_scope<R>(&self, work: impl FnOnce() -> R) -> R {
        let Some(span) = &self.connection else { return work() };
        let entered = contain(|| span.enter());
        let result = work();
        drop_contained(entered);
        result
    }

    /// Ends the span after this work, even if the subscriber panics.
    fn end(&mut self, work: impl FnOnce()) {
        Self { connection: self.connection.take() }.in_scope(work);
    }
}

impl Observer for Spans {
    fn event(&mut self, session: Option<&str>, event: &Event) {
        if let Event::Connecting(connecting) = event {
            // The level of an error: a filter that lets an event pass lets its span pass, too.
            self.connection = Some(Box::new(error_span!(
                target: TARGET,
                "connection",
                session,
                connection = connecting.connection,
                attempt = connecting.attempt,
            )));
        }
        if matches!(event, Event::Lost(_) | Event::Closed(_)) {
            self.end(|| log(session, event));
        } else {
            self.in_scope(|| log(session, event));
        }
    }

    fn probed(&mut self) {
        self.in_scope(|| trace!(target: TARGET, "probe sent"));
    }

    fn answered(&mut self, round_trip: Option<Duration>) {
        let round_trip_us = round_trip.map(|time| whole(time.as_micros()));
        self.in_scope(|| trace!(target: TARGET, round_trip_us, "probe answered"));
    }

    fn dropped(&mut self, session: Option<&str>) {
        let reason = CloseReason::Dropped.name();
        self.end(|| info!(target: TARGET, session, reason, "closed"));
    }
}

/// Logs an event, at a level that says whether somebody should look at it.
fn log(session: Option<&str>, event: &Event) {
    match event {
        Event::Connecting(_) => debug!(target: TARGET, "connecting"),
        Event::Open(open) => {
            info!(target: TARGET, outage_ms = open.outage.map(millis), "open");
        }
        Event::WriteBlocked(blocked) => {
            let (time_ms, heard) = (millis(blocked.time), blocked.heard);
            warn!(target: TARGET, time_ms, heard, "write blocked");
        }
        Event::Silent(silent) => info!(target: TARGET, time_ms = millis(silent.time), "silent"),
        Event::Unanswered(missed) => {
            warn!(target: TARGET, time_ms = millis(missed.time), "unanswered");
        }
        Event::Lost(lost) => log_loss(lost),
        Event::Retry(retry) => {
            let (attempt, delay_ms) = (retry.attempt, millis(retry.delay));
            info!(target: TARGET, session, attempt, delay_ms, cause = retry.cause.name(), "retry");
        }
        Event::Closed(closed) => {
            // If the session has given up, nothing reconnects any more.
            macro_rules! at {
                ($level:ident) => {
                    $level!(
                        target: TARGET,
                        session,
                        reason = closed.reason.name(),
                        detail = %closed.reason,
                        unsent = closed.unsent.len(),
                        unproven = closed.unproven,
                        unknown = closed.unknown,
                        "closed"
                    )
                };
            }
            if closed.reason.by_user() { at!(info) } else { at!(error) }
        }
        // The path of messages has no reports.
        Event::Message(_) | Event::Lagged(_) => {}
    }
}

fn log_loss(lost: &Lost) {
    macro_rules! at {
        ($level:ident) => {
            $level!(
                target: TARGET,
                cause = lost.cause.name(),
                detail = %lost.cause,
                opened = lost.opened,
                unsent = lost.unsent.len(),
                unproven = lost.unproven,
                unknown = lost.unknown,
                "lost"
            )
        };
    }
    match lost.cause {
        // Commands and settings of the application.
        LostCause::Replaced | LostCause::MaxAge | LostCause::Paused => at!(info),
        _ => at!(warn),
    }
}

fn millis(time: Duration) -> u64 {
    whole(time.as_millis())
}

fn whole(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
