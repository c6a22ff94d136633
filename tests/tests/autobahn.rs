//! The Autobahn test suite: a server that breaks the rules of RFC 6455, and judges how each session
//! behaves and ends. `AUTOBAHN.md` beside this folder has the table of its verdicts.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;

use futures::executor::block_on;
use websocket_heartbeat_tests::{
    Backend, Namespace, Peer, Site, Software, over_every_backend, run_unlimited, skip, title,
    with_time_limit,
};

over_every_backend! { run_unlimited; every_case_has_the_expected_verdict }

/// All cases of the pinned version, except those of compression, which this library does not offer.
const CASES: u64 = 301;

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
    with_time_limit(&name, move || block_on(judge(&namespace, B::NAME)));
}

/// Runs a session for each case. The first unexpected verdict is a failure.
async fn judge(namespace: &Namespace, backend: &str) {
    let site = Site::namespace(namespace.name(), "127.0.0.1");
    let mut suite = Peer::start_at(Software::AutobahnSuite, site);
    assert_eq!(suite.reported("cases").await.number("count"), CASES);
    // It ends after its last case, or when the server has ended.
    let mut client = namespace.command(env!("CARGO_BIN_EXE_autobahn"));
    client.args([backend, &suite.address(), &CASES.to_string()]);
    let mut client = client.spawn().expect("ip was started before");
    let mut names = BTreeSet::new();
    for _ in 0..CASES {
        let report = suite.reported("case").await;
        let name = report.text("id");
        let verdict = (report.text("behavior"), report.text("behavior_close"));
        assert_eq!(verdict, expected(name), "{name}: {}", report.text("explanation"));
        assert!(names.insert(name.to_owned()), "{name} ended twice");
    }
    assert!(EXCEPTIONS.iter().all(|(name, ..)| names.contains(*name)), "{names:?}");
    assert!(client.wait().expect("wait for a child").success());
}

fn expected(name: &str) -> (&'static str, &'static str) {
    let exception = EXCEPTIONS.iter().find(|(exception, ..)| *exception == name);
    exception.map_or(("OK", "OK"), |&(_, behaviour, close)| (behaviour, close))
}
