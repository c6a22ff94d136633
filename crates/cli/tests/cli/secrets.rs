//! Secrets are not printed.

use crate::{
    program::Program,
    scratch::Scratch,
    server::{NOBODY, Server},
};

#[test]
fn header_values_credentials_and_queries_are_not_printed() {
    let server = Server::echo();
    let refusing = Server::refusing("HTTP/1.1 401 No\r\nSet-Cookie: hush\r\n\r\n");
    for port in [server.port, refusing.port, 1] {
        let url = format!("ws://me:hush@127.0.0.1:{port}/hush?token=hush");
        for json in [&["--json"][..], &[]] {
            let more = ["-H", "Cookie: hush", "--repeat-limit", "0", "--duration", "300ms"];
            let mut program = Program::start(&[&["connect", &url], &more[..], json].concat());
            program.end();
            let all = [program.seen.concat(), program.seen_err.concat()].concat();
            assert!(!all.is_empty() && !all.contains("hush"), "{all}");
        }
    }
    for wrong in [
        &["connect", "hush://x"][..],
        &["connect", "ws://hush hush"],
        &["connect", NOBODY, "-H", "hush"],
        &["connect", NOBODY, "-H", "X-A: hush\nhush"],
        &["connect", NOBODY, "-H", "hush hush: x"],
        &["connect", NOBODY, "--subprotocol", "hush hush"],
        &["connect", NOBODY, "--subprotocol", "hush", "--subprotocol", "hush"],
        &["connect", NOBODY, "ws://hush"],
        &["connect", NOBODY, "--json=hush"],
        &["ws://hush"],
    ] {
        let mut program = Program::start(wrong);
        assert_eq!(program.end(), 2);
        let all = program.seen_err.concat();
        assert!(!all.is_empty() && !all.contains("hush"), "{all}");
    }
}

/// A URL, a header field and a subprotocol with secrets.
fn secrets(port: u16) -> Vec<String> {
    let url = format!("ws://me:hush@127.0.0.1:{port}/hush?token=hush");
    let more = ["-H", "Cookie: hush", "--subprotocol", "hush"].map(str::to_owned);
    [url].into_iter().chain(more).collect()
}

/// The output of a command with these arguments.
fn output(command: &str, more: &[&str], secrets: &[String]) -> String {
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    let mut program = Program::start(&[&[command], more, &secrets].concat());
    program.end();
    [program.seen.concat(), program.seen_err.concat()].concat()
}

#[test]
fn checks_records_reports_and_details_print_no_secrets() {
    let server = Server::echo();
    let scratch = Scratch::new();
    let record = scratch.file("record.jsonl", "");
    for port in [server.port, 1] {
        let secrets = secrets(port);
        let ending = ["--duration", "200ms", "--repeat-limit", "0"];
        for (command, more) in [
            ("check", &[][..]),
            ("check", &["--json"]),
            ("connect", &[&ending[..], &["-v", "--record", &record]].concat()),
        ] {
            let output = output(command, more, &secrets);
            assert!(!output.is_empty() && !output.contains("hush"), "{output}");
        }
    }
    let recorded = std::fs::read_to_string(&record).unwrap();
    assert!(recorded.contains("\"closed\"") && !recorded.contains("hush"), "{recorded}");
    let report = output("report", &[&record], &[]);
    assert!(report.contains("<svg") && !report.contains("hush"), "{report}");
}

/// The content of a message is in the record, and not in its report.
#[test]
fn a_report_shows_no_content_of_messages() {
    let server = Server::echo();
    let scratch = Scratch::new();
    let record = scratch.file("record.jsonl", "");
    let mut program = Program::start(&["connect", &server.url(), "--record", &record, "-1"]);
    program.say("hush\n");
    assert_eq!(program.end(), 0);
    assert!(std::fs::read_to_string(&record).unwrap().contains("hush"));
    let report = output("report", &[&record], &[]);
    assert!(report.contains("<svg") && !report.contains("hush"), "{report}");
}
