//! The totals that the demo prints at its end.

use std::{collections::BTreeMap, time::Duration};

use websocket_heartbeat_smol::{Event, Fate};

use crate::{duration::show, session::SessionEvent};

/// Totals of the events of the session and of the fates of its messages.
#[derive(Default)]
pub(super) struct Summary {
    connections: u32,
    round_trips: Vec<Duration>,
    losses: BTreeMap<&'static str, u32>,
    longest_outage: Duration,
    written: u32,
    unproven: u64,
    not_written: u32,
    echoed: u32,
}

impl Summary {
    pub(super) fn count(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Heartbeat(heartbeat) => self.round_trips.extend(heartbeat.round_trip),
            SessionEvent::Event(Event::Open(open)) => {
                self.connections += 1;
                self.longest_outage = self.longest_outage.max(open.outage.unwrap_or_default());
            }
            SessionEvent::Event(Event::Message(_)) => self.echoed += 1,
            SessionEvent::Event(Event::Lost(lost)) => {
                *self.losses.entry(lost.cause.name()).or_default() += 1;
                self.unproven += lost.unproven;
            }
            SessionEvent::Event(_) | SessionEvent::Probe(_) => {}
        }
    }

    pub(super) fn count_fate(&mut self, fate: &Fate) {
        match fate.is_written() {
            true => self.written += 1,
            false => self.not_written += 1,
        }
    }

    pub(super) fn echoed(&self) -> u32 {
        self.echoed
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let median = self.median().map_or_else(|| "unknown".to_owned(), show);
        let losses: Vec<_> =
            self.losses.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
        let mut messages = format!("{} written, {} echoed", self.written, self.echoed);
        if self.unproven > 0 {
            messages += &format!(", {} written without proof of delivery", self.unproven);
        }
        if self.not_written > 0 {
            messages += &format!(", {} not written", self.not_written);
        }
        [
            ("connections", self.connections.to_string()),
            ("heartbeats", format!("{} answered", self.round_trips.len())),
            ("median RTT", median),
            ("losses", losses.join(", ")),
            ("longest outage", show(self.longest_outage)),
            ("messages", messages),
        ]
        .map(|(name, value)| format!("  {name:<16}{value}"))
        .into()
    }

    fn median(&self) -> Option<Duration> {
        let mut sorted = self.round_trips.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied()
    }
}
