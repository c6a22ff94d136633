//! Reports of a session to the crates `tracing` and `metrics`: [`Telemetry`].
//!
//! The engine calls it outside of the lock, since subscribers and recorders are code of the
//! application. Without the two features, the calls are empty.

#[cfg(feature = "metrics")]
mod meter;
#[cfg(feature = "tracing")]
mod spans;

use std::time::Duration;

use crate::{
    event::Event,
    status::{Counters, Phase, Status},
};

/// The observers of a session. A panic of one is contained, and then its report is missing: a fault
/// of a log must not end a session.
#[derive(Default)]
pub(super) struct Telemetry {
    #[cfg(feature = "tracing")]
    spans: spans::Spans,
    #[cfg(feature = "metrics")]
    meter: meter::Meter,
}

/// The numbers of a published status.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics have the numbers"))]
pub(super) struct Numbers {
    phase: Phase,
    counters: Counters,
    queued_messages: usize,
    queued_bytes: usize,
}

/// The methods get the name of the session, if it has one.
#[cfg_attr(
    not(any(feature = "tracing", feature = "metrics")),
    allow(dead_code, reason = "there are no observers")
)]
trait Observer {
    /// An event was made for the application.
    fn event(&mut self, session: Option<&str>, event: &Event);

    /// A probe is written.
    fn probed(&mut self) {}

    /// The probe was answered. The round trip is not known if the answer came before the flush.
    fn answered(&mut self, round_trip: Option<Duration>);

    /// A status was published.
    fn published(&mut self, _session: Option<&str>, _numbers: &Numbers) {}

    /// The supervisor is dropped. There is no event.
    fn dropped(&mut self, _session: Option<&str>) {}
}

impl Numbers {
    #[inline]
    pub(super) fn of(status: &Status) -> Self {
        let Status { phase, counters, queued_messages, queued_bytes, .. } = *status;
        Self { phase, counters, queued_messages, queued_bytes }
    }
}

impl Telemetry {
    #[inline]
    pub(super) fn event(&mut self, session: Option<&str>, event: &Event) {
        self.each(|observer| observer.event(session, event));
    }

    #[inline]
    pub(super) fn probed(&mut self) {
        self.each(|observer| observer.probed());
    }

    #[inline]
    pub(super) fn answered(&mut self, round_trip: Option<Duration>) {
        self.each(|observer| observer.answered(round_trip));
    }

    #[inline]
    pub(super) fn published(&mut self, session: Option<&str>, numbers: &Numbers) {
        self.each(|observer| observer.published(session, numbers));
    }

    #[inline]
    pub(super) fn dropped(&mut self, session: Option<&str>) {
        self.each(|observer| observer.dropped(session));
    }

    /// Polls an attempt in its span, so that the reports of a transport have the number of the
    /// connection.
    #[inline]
    pub(super) fn in_span<R>(&self, poll: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        return self.spans.in_scope(poll);
        #[cfg(not(feature = "tracing"))]
        poll()
    }

    #[inline]
    #[cfg_attr(
        not(any(feature = "tracing", feature = "metrics")),
        allow(
            unused_mut,
            unused_variables,
            clippy::needless_pass_by_ref_mut,
            reason = "there are no observers"
        )
    )]
    fn each(&mut self, mut call: impl FnMut(&mut dyn Observer)) {
        #[cfg(feature = "tracing")]
        crate::panics::contain_all(|| call(&mut self.spans));
        #[cfg(feature = "metrics")]
        crate::panics::contain_all(|| call(&mut self.meter));
    }
}
