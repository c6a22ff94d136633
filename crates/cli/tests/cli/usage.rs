//! Error messages of wrong arguments, help texts, and the version.

use crate::program::Program;

#[test]
fn wrong_arguments_give_one_line_of_error() {
    for (args, message) in [
        (&[][..], "no command is given; run wsbeat demo, wsbeat connect URL or wsbeat --help"),
        (&["connect"], "no URL is given; write one, for example ws://127.0.0.1:8080"),
        (
            &["connect", "ws://localhost", "--ping-timeout", "15"],
            r#"--ping-timeout: "15" has no unit; write 15s or 15ms"#,
        ),
        (&["demo", "fast"], "there are too many arguments; see wsbeat demo --help"),
    ] {
        let mut program = Program::start(args);
        assert_eq!(program.end(), 2, "{args:?}");
        assert_eq!(program.seen_err, [format!("wsbeat: {message}")]);
        assert_eq!(program.seen, [""; 0]);
    }
}

#[test]
fn help_names_every_option_and_every_event() {
    let mut program = Program::start(&["connect", "--help"]);
    assert_eq!(program.end(), 0);
    let help = program.seen.join("\n");
    for word in [
        "--ping-timeout",
        "--pong-timeout",
        "--ping-msg",
        "--heartbeat",
        "--reconnect-timeout",
        "--backoff",
        "--repeat-limit",
        "--connect-timeout",
        "--stop-on",
        "--max-dials-per-minute",
        "--header",
        "--subprotocol",
        "--header-file",
        "--header-cmd",
        "--basic-auth-file",
        "--proxy",
        "--proxy-auth-file",
        "--no-proxy",
        "--unix",
        "--resolve",
        "--ipv4",
        "--ipv6",
        "--redirects",
        "--keep-offline",
        "--outbox-bytes",
        "--max-age",
        "--resend",
        "--preset",
        "--json",
        "--duration",
        "--close-on-eof",
        "--no-footer",
        "--in",
        "--binary",
        "--out",
        "--timestamps",
        "--record",
        "--quiet",
        "--verbose",
        "--subscribe",
        "--max-message",
        "--on-open",
        "--on-lost",
        "--on-message",
        "--close-code",
        "--close-reason",
        "--wait",
        "--messages",
        "--write-timeout",
        "connecting",
        "open",
        "message",
        "heartbeat",
        "write_blocked",
        "lost",
        "retry",
        "unsent",
        "unsent_summary",
        "status",
        "closed",
    ] {
        assert!(help.contains(word), "{word}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn the_version_is_that_of_the_package() {
    let mut program = Program::start(&["--version"]);
    assert_eq!(program.end(), 0);
    assert_eq!(program.seen, [format!("wsbeat {}", env!("CARGO_PKG_VERSION"))]);
}
