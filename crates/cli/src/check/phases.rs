//! The phases of an attempt, from the steps that the dialer reports.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use websocket_heartbeat_smol::{Step, backend::printable};

use super::findings::{Findings, Phase};
use crate::duration::to_fine_millis;

/// Collects the steps with their times.
#[derive(Clone)]
pub(super) struct Recorder {
    steps: Arc<Mutex<Vec<(Instant, Step)>>>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self { steps: Arc::default() }
    }

    pub(super) fn record(&self, step: Step) {
        self.lock().push((Instant::now(), step));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Step)>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the phases of the attempt that began at `start`, and forgets its steps.
    pub(super) fn report(&self, start: Instant, findings: &mut Findings) {
        let mut last = start;
        for (at, step) in self.lock().drain(..) {
            let name = match &step {
                Step::Resolved { .. } => "resolve",
                // Others may be racing, so a phase begins with the first one.
                Step::Opening(_) => continue,
                Step::Opened(_) => "connect",
                Step::OpenFailed(..) => {
                    findings.failed_addresses.push(step.to_string());
                    continue;
                }
                Step::Tunnel => "proxy",
                #[cfg(feature = "rustls")]
                Step::Tls(info) => {
                    findings.tls = Some(super::certificate::facts(info));
                    "tls"
                }
                Step::Upgraded => "upgrade",
                _ => "other",
            };
            let detail = match &step {
                Step::Opened(target) => target.to_string(),
                Step::Upgraded => "accepted".to_owned(),
                step => printable(&step.to_string()).into_owned(),
            };
            let took_ms = to_fine_millis(at.saturating_duration_since(last));
            findings.phases.push(Phase { name, took_ms, detail });
            last = at;
        }
    }
}
