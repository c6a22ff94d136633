//! Recommended settings, with reasons.

use std::time::Duration;

use super::findings::{Advice, Findings};
use crate::duration::{interval_below, show};

/// A certificate that expires sooner is named.
const DAYS: i64 = 21;

/// A larger difference between the clocks is named: tokens and certificates depend on the time.
const CLOCK: Duration = Duration::from_secs(30);

pub(super) fn advice(findings: &Findings) -> Vec<Advice> {
    if findings.failure.is_some() {
        return Vec::new();
    }
    let mut advice = Vec::new();
    advice.extend(heartbeat(findings));
    advice.extend(interval(findings));
    if let Some(max) = &findings.max_message
        && max.refused.is_some()
    {
        let code = max.code.map_or_else(String::new, |code| format!(" with close code {code}"));
        advice.push(note(format!(
            "The server accepts messages of {} bytes and refuses longer ones{code}: send none that are \
             longer.",
            max.accepted
        )));
    }
    if let Some(days) = findings.tls.as_ref().and_then(|tls| tls.days_left)
        && days < DAYS
    {
        advice.push(note(format!("The certificate expires in {days} days: renew it.")));
    }
    if let Some(clock) = &findings.clock
        && Duration::from_millis(clock.ahead_ms.unsigned_abs()) > CLOCK
    {
        advice.push(note(
            "The clocks of the server and of this machine differ: set them, since certificates \
             and tokens depend on the time."
                .to_owned(),
        ));
    }
    if !findings.failed_addresses.is_empty() {
        advice.push(note(
            "Some addresses of the host do not accept connections: each attempt may lose time \
             with them."
                .to_owned(),
        ));
    }
    if findings.close.as_ref().is_some_and(|close| !close.answered) {
        advice.push(note(
            "The server does not answer the close frame: wsbeat waits for it before it ends."
                .to_owned(),
        ));
    }
    advice
}

fn heartbeat(findings: &Findings) -> Option<Advice> {
    let pings = findings.ping.as_ref()?.answered == Some(true);
    let texts = findings.text_heartbeat.as_ref().and_then(|answer| answer.answered);
    Some(match (pings, texts) {
        (true, _) => with_options(
            "--heartbeat ping",
            "The server answers ping frames: they detect a silent loss, and need nothing of the \
             application. This is the default.",
        ),
        (false, Some(true)) => with_options(
            "--heartbeat message --ping-msg heartbeat",
            "The server answers no ping frames, but it answers text messages.",
        ),
        (false, _) => note(
            "The server answered no ping frame and no text heartbeat: find a message that it \
             answers, and set it by --ping-msg TEXT. Without one, a silent loss is not detected."
                .to_owned(),
        ),
    })
}

fn interval(findings: &Findings) -> Option<Advice> {
    let idle = findings.idle.as_ref()?;
    let waited = Duration::from_millis(idle.waited_ms);
    if idle.frames > 0 && !idle.ended {
        return Some(note(format!(
            "The server sends frames by itself ({} while the check waited), so the connection is \
             never idle for long.",
            idle.frames
        )));
    }
    if !idle.ended {
        return Some(note(format!(
            "Nothing ended a connection that was silent for {}.",
            show(waited)
        )));
    }
    let interval = interval_below(waited);
    if waited > Duration::from_secs(25) {
        return Some(note(format!(
            "A silent connection is ended after {}; the default --ping-timeout of 15s prevents it.",
            show(waited)
        )));
    }
    Some(with_options(
        &format!("--ping-timeout {interval}"),
        &format!("A silent connection is ended after {}.", show(waited)),
    ))
}

fn with_options(options: &str, reason: &str) -> Advice {
    Advice { options: Some(options.to_owned()), reason: reason.to_owned() }
}

fn note(reason: String) -> Advice {
    Advice { options: None, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::findings::{Answer, Clock, Idle, MaxMessage};

    fn answer(answered: Option<bool>) -> Option<Answer> {
        Some(Answer { answered, rtt_ms: None })
    }

    fn options(findings: &Findings) -> Vec<Option<String>> {
        advice(findings).into_iter().map(|advice| advice.options).collect()
    }

    #[test]
    fn the_heartbeat_is_one_that_the_server_answers() {
        for (ping, text, wanted) in [
            (true, Some(true), Some("--heartbeat ping")),
            (false, Some(true), Some("--heartbeat message --ping-msg heartbeat")),
            (false, Some(false), None),
            (false, None, None),
        ] {
            let findings = Findings {
                ping: answer(Some(ping)),
                text_heartbeat: answer(text),
                ..Findings::default()
            };
            assert_eq!(options(&findings), [wanted.map(str::to_owned)]);
        }
    }

    #[test]
    fn the_interval_is_shorter_than_the_idle_limit() {
        let idle = |waited_ms, ended, frames| Findings {
            idle: Some(Idle { waited_ms, ended, detail: None, frames }),
            ..Findings::default()
        };
        assert_eq!(options(&idle(5_000, true, 0)), [Some("--ping-timeout 3s".to_owned())]);
        assert_eq!(options(&idle(500, true, 0)), [Some("--ping-timeout 300ms".to_owned())]);
        for no_option in [idle(60_000, true, 0), idle(60_000, false, 0), idle(1_000, false, 9)] {
            assert_eq!(options(&no_option), [None]);
        }
    }

    #[test]
    fn other_findings_have_their_reasons() {
        let findings = Findings {
            clock: Some(Clock { ahead_ms: -40_000 }),
            max_message: Some(MaxMessage { accepted: 99, refused: Some(100), code: Some(1009) }),
            failed_addresses: vec!["x".to_owned()],
            ..Findings::default()
        };
        let reasons: Vec<_> = advice(&findings).into_iter().map(|advice| advice.reason).collect();
        assert_eq!(reasons.len(), 3);
        assert!(
            reasons[0].contains("accepts messages of 99 bytes and refuses longer ones with"),
            "{reasons:?}"
        );
        let failed = Findings { failure: Some("x".to_owned()), ..findings };
        assert_eq!(advice(&failed), []);
    }
}
