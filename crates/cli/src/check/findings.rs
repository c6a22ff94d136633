//! The findings of a check. Their JSON form is documented in JSON.md.

use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    pub(super) server: String,
    /// The steps of the first connection, in order.
    pub(super) phases: Vec<Phase>,
    /// Addresses that did not accept a connection.
    pub(super) failed_addresses: Vec<String>,
    pub(super) tls: Option<Tls>,
    /// The `Server` field of the answer.
    pub(super) software: Option<String>,
    pub(super) subprotocol: Option<String>,
    /// Why no connection opened.
    pub(super) failure: Option<String>,
    pub(super) ping: Option<Answer>,
    pub(super) text_heartbeat: Option<Answer>,
    pub(super) echo: Option<bool>,
    /// Messages that the server sent before it was asked.
    pub(super) unasked_messages: u64,
    pub(super) pings_of_server: u64,
    pub(super) max_message: Option<MaxMessage>,
    pub(super) idle: Option<Idle>,
    pub(super) close: Option<Close>,
    pub(super) clock: Option<Clock>,
    pub(super) advice: Vec<Advice>,
}

#[derive(Debug, Serialize)]
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) took_ms: f64,
    pub(super) detail: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Tls {
    pub(super) version: String,
    pub(super) cipher_suite: String,
    pub(super) protocol: Option<String>,
    /// The names of the certificate, its issuer, and its last day.
    pub(super) names: Vec<String>,
    pub(super) issuer: Option<String>,
    pub(super) valid_until: Option<String>,
    pub(super) days_left: Option<i64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// `None` if it cannot be known.
    pub(super) answered: Option<bool>,
    pub(super) rtt_ms: Option<f64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct MaxMessage {
    /// The size of the largest message that was accepted, in bytes.
    pub(super) accepted: usize,
    /// The size of the smallest message that was refused.
    pub(super) refused: Option<usize>,
    pub(super) code: Option<u16>,
}

#[derive(Debug, Serialize)]
pub(super) struct Idle {
    /// The time without a message in either direction.
    pub(super) waited_ms: u64,
    /// The connection ended.
    pub(super) ended: bool,
    pub(super) detail: Option<String>,
    /// The server sent frames in that time, so that the connection was not idle.
    pub(super) frames: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Close {
    /// The close code in the answer of the server.
    pub(super) code: Option<u16>,
    pub(super) answered: bool,
    pub(super) took_ms: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Clock {
    /// The clock of the server minus the clock of this machine. The server states whole seconds.
    pub(super) ahead_ms: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Advice {
    /// Options of `wsbeat connect`, if the advice is one.
    pub(super) options: Option<String>,
    pub(super) reason: String,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The names of all fields, also of objects in fields.
    fn names(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    found.push(name.clone());
                    names(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }

    #[test]
    fn the_documentation_has_each_field() {
        let findings = Findings {
            phases: vec![Phase { name: "resolve", took_ms: 1.0, detail: String::new() }],
            tls: Some(Tls {
                version: String::new(),
                cipher_suite: String::new(),
                protocol: None,
                names: Vec::new(),
                issuer: None,
                valid_until: None,
                days_left: None,
            }),
            ping: Some(Answer { answered: None, rtt_ms: None }),
            max_message: Some(MaxMessage { accepted: 0, refused: None, code: None }),
            idle: Some(Idle { waited_ms: 0, ended: false, detail: None, frames: 0 }),
            close: Some(Close { code: None, answered: false, took_ms: 0.0 }),
            clock: Some(Clock { ahead_ms: 0 }),
            advice: vec![Advice { options: None, reason: String::new() }],
            ..Findings::default()
        };
        let (_, section) =
            include_str!("../../JSON.md").split_once("\n# The output of `wsbeat check").unwrap();
        let example = section.lines().find(|line| line.starts_with('{')).unwrap();
        let (mut real, mut documented) = (Vec::new(), Vec::new());
        names(&serde_json::to_value(findings).unwrap(), &mut real);
        names(&serde_json::from_str(example).unwrap(), &mut documented);
        real.sort();
        documented.sort();
        real.dedup();
        documented.dedup();
        assert_eq!(documented, real);
        for name in real {
            assert!(section.contains(&format!("`{name}`")), "{name}");
        }
    }
}
