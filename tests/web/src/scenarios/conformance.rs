//! The contract of transports and timers, as far as a browser can keep it.

use websocket_heartbeat_conformance::{Ability, Outcome, Rule, Suite};
use websocket_heartbeat_web::{WebTimer, WebTransport};

/// The abilities that a browser does not have, with the reasons.
const MISSING: &[(Ability, &str)] = &[
    (Ability::ReportPings, "a browser answers pings and does not report them"),
    (Ability::ReportViolations, "a browser reports every end without a close frame as code 1006"),
    (Ability::ReportCloseAtOnce, "a browser reports a close frame when the stream has ended"),
    (Ability::ReadWhileClosing, "a browser discards messages after `close`"),
    (Ability::ReportFailedWrites, "a browser reports no failed write"),
    (Ability::EndStream, "a browser waits until the server ends the stream"),
    (Ability::Abort, "a browser sends a close frame and what it holds"),
    (Ability::ReportRefusals, "a browser hides why an attempt failed"),
];

/// Checks a rule. Returns the reason if the rule does not apply.
pub(crate) async fn conformance(rule: &str, server: &str) -> Result<Option<String>, String> {
    let rule = Rule::find(rule).ok_or("no rule has this name")?;
    let suite = Suite::new(|url: &str| WebTransport::new(url), WebTimer::new());
    let suite =
        MISSING.iter().fold(suite, |suite, (ability, reason)| suite.without(*ability, *reason));
    match suite.check(server, rule).await {
        Outcome::Kept => Ok(None),
        Outcome::Skipped(reason) => Ok(Some(reason)),
        Outcome::Broken(what) => Err(what),
        other => Err(format!("{other:?}")),
    }
}
