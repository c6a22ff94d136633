//! The findings for people.

use std::fmt::Write;

use super::findings::{Answer, Findings, Idle, MaxMessage, Tls};
use crate::duration::show;

pub(super) fn findings(findings: &Findings) -> String {
    let mut text = format!("{}\n", findings.server);
    for phase in &findings.phases {
        row(&mut text, phase.name, &format!("{:>9}  {}", fine(phase.took_ms), phase.detail));
    }
    for failed in &findings.failed_addresses {
        row(&mut text, "failed", failed);
    }
    if let Some(tls) = &findings.tls {
        certificate(&mut text, tls);
    }
    if let Some(software) = &findings.software {
        row(&mut text, "software", software);
    }
    if let Some(subprotocol) = &findings.subprotocol {
        row(&mut text, "subprotocol", subprotocol);
    }
    if let Some(ping) = &findings.ping {
        row(&mut text, "ping", &answer(ping));
    }
    if let Some(heartbeat) = &findings.text_heartbeat {
        row(&mut text, "text", &answer(heartbeat));
    }
    if let Some(echo) = findings.echo {
        row(&mut text, "echo", if echo { "the server echoes messages" } else { "no echo" });
    }
    if findings.unasked_messages > 0 {
        let count = findings.unasked_messages;
        row(&mut text, "messages", &format!("{count} before the first question"));
    }
    if findings.pings_of_server > 0 {
        row(&mut text, "pings", &format!("the server sent {}", findings.pings_of_server));
    }
    if let Some(max) = &findings.max_message {
        row(&mut text, "size", &size(max));
    }
    if let Some(idle) = &findings.idle {
        row(&mut text, "idle", &silence(idle));
    }
    if let Some(close) = &findings.close {
        let code = close.code.map_or_else(|| "no code".to_owned(), |code| format!("code {code}"));
        let answer = match close.answered {
            true => format!("answered after {} with {code}", fine(close.took_ms)),
            false => format!("no answer within {}", fine(close.took_ms)),
        };
        row(&mut text, "close", &answer);
    } else if findings.failure.is_none() {
        row(&mut text, "close", "the connection ended before the check closed it");
    }
    match &findings.clock {
        Some(clock) => {
            // The server states whole seconds.
            let seconds = (clock.ahead_ms as f64 / 1e3).round();
            let clock = match seconds {
                0.0 => "equal to this one, to about a second".to_owned(),
                ..0.0 => format!("{} s behind, to about a second", -seconds),
                _ => format!("{seconds} s ahead, to about a second"),
            };
            row(&mut text, "clock", &clock);
        }
        None if findings.failure.is_none() => {
            row(&mut text, "clock", "unknown, since the answer has no Date");
        }
        None => {}
    }
    if !findings.advice.is_empty() {
        text += "\nrecommended\n";
        for advice in &findings.advice {
            if let Some(options) = &advice.options {
                let _ = writeln!(text, "  {options}");
            }
            let indent = if advice.options.is_some() { "    " } else { "  " };
            wrapped(&mut text, indent, &advice.reason);
        }
    }
    text
}

/// The words in rows of the usual width of a terminal.
fn wrapped(text: &mut String, indent: &str, words: &str) {
    const WIDTH: usize = 80;
    let mut length = 0;
    for word in words.split(' ') {
        let count = word.chars().count();
        if length > 0 && length + 1 + count > WIDTH {
            text.push('\n');
            length = 0;
        }
        let before = if length == 0 { indent } else { " " };
        *text += before;
        *text += word;
        length += before.len() + count;
    }
    text.push('\n');
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<12}{value}");
}

fn fine(millis: f64) -> String {
    show(std::time::Duration::from_secs_f64(millis / 1e3))
}

fn answer(answer: &Answer) -> String {
    match (answer.answered, answer.rtt_ms) {
        (Some(true), Some(rtt_ms)) => format!("answered in {}", fine(rtt_ms)),
        (Some(true), None) => "answered".to_owned(),
        (Some(false), _) => "no answer".to_owned(),
        (None, _) => "unknown, since the server sends messages by itself".to_owned(),
    }
}

fn certificate(text: &mut String, tls: &Tls) {
    if !tls.names.is_empty() {
        row(text, "names", &tls.names.join(", "));
    }
    if let Some(issuer) = &tls.issuer {
        row(text, "issuer", issuer);
    }
    if let (Some(until), Some(days)) = (&tls.valid_until, tls.days_left) {
        row(text, "valid until", &format!("{until} ({days} days)"));
    }
}

fn size(max: &MaxMessage) -> String {
    match max.refused {
        Some(refused) => {
            let code = max.code.map_or_else(String::new, |code| format!(" with close code {code}"));
            format!("{} bytes are accepted, {refused} are refused{code}", max.accepted)
        }
        None => format!("{} bytes are accepted, larger messages were not tried", max.accepted),
    }
}

fn silence(idle: &Idle) -> String {
    let time = show(std::time::Duration::from_millis(idle.waited_ms));
    match (&idle.detail, idle.frames) {
        (Some(detail), _) => format!("ended after {time} of silence: {detail}"),
        (None, 0) => format!("open after {time} of silence"),
        (None, frames) => format!("open; the server sent {frames} frames by itself"),
    }
}
