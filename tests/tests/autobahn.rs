//! The Autobahn test suite: a server that breaks the rules of RFC 6455, and judges how each session
//! behaves and ends. `AUTOBAHN.md` beside this folder has the table of its verdicts.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};

use futures::executor::block_on;
use websocket_heartbeat_tests::{
    Backend, Namespace, Peer, Report, Site, Software, over_every_backend, run_unlimited, skip,
    title, with_time_limit,
};

over_every_backend! { run_unlimited; every_case_has_the_expected_verdict }

/// All cases of the pinned version, except those of compression, which this library does not offer.
const CASES: usize = 301;

/// The cases whose verdict is not OK, with the verdicts on the behaviour and on the close.
const EXCEPTIONS: [(&str, &str, &str); 5] = [
    // Invalid UTF-8 is found when the frame is complete, and not at the invalid byte.
    ("6.4.3", "NON-STRICT", "OK"),
    ("6.4.4", "NON-STRICT", "OK"),
    // The suite does not judge these: data after a close frame, and close codes without a meaning.
    ("7.1.6", "INFORMATIONAL", "INFORMATIONAL"),
    ("7.13.1", "INFORMATIONAL", "INFORMATIONAL"),
    ("7.13.2", "INFORMATIONAL", "INFORMATIONAL"),
];

fn every_case_has_the_expected_verdict<B: Backend>() {
    let name = title::<B>("Autobahn");
    if let Err(reason) = Software::AutobahnSuite.install() {
        return skip(&name, &reason);
    }
    // It has only a loopback interface.
    let namespace = match Namespace::new("autobahn") {
        Ok(namespace) => namespace,
        Err(reason) => return skip(&name, &reason),
    };
    let verdicts = with_time_limit(&name, move || block_on(verdicts(&namespace, B::NAME)));
    assert_eq!(verdicts.len(), CASES);
    let not_ok = verdicts.values().filter(|report| verdict(report) != ("OK", "OK"));
    let unexpected: Vec<_> = not_ok
        .clone()
        .filter(|report| !EXCEPTIONS.contains(&row(report)))
        .map(|report| format!("{:?} {}", row(report), report.text("explanation")))
        .collect();
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    assert_eq!(not_ok.map(row).collect::<BTreeSet<_>>(), EXCEPTIONS.into());
}

/// Runs a session for each case, and returns the reports of the server by the names of the cases.
async fn verdicts(namespace: &Namespace, backend: &str) -> BTreeMap<String, Report> {
    let site = Site::namespace(namespace.name(), "127.0.0.1");
    let mut suite = Peer::start_at(Software::AutobahnSuite, site);
    let cases = suite.reported("cases").await.number("count");
    let mut client = namespace.command(env!("CARGO_BIN_EXE_echo"));
    let client = client.args([backend, &suite.address(), &cases.to_string()]).status();
    assert!(client.expect("ip was started before").success());
    let mut verdicts = BTreeMap::new();
    for _ in 0..cases {
        let report = suite.reported("case").await;
        verdicts.insert(report.text("id").to_owned(), report);
    }
    verdicts
}

fn row(report: &Report) -> (&str, &str, &str) {
    let (behaviour, close) = verdict(report);
    (report.text("id"), behaviour, close)
}

fn verdict(report: &Report) -> (&str, &str) {
    (report.text("behavior"), report.text("behavior_close"))
}
