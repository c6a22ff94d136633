//! Wrong arguments, and the texts.

use crate::program::Program;

#[test]
fn wrong_arguments_are_one_clear_line() {
    for (args, line) in [
        (&[][..], "what to do? Try wsbeat demo, or wsbeat connect URL, or wsbeat --help"),
        (&["connect"], "where to? Give a URL, as in wsbeat connect ws://127.0.0.1:8080"),
        (
            &["connect", "ws://localhost", "--ping-timeout", "15"],
            r#"--ping-timeout: "15" has no unit; write 15s or 15ms"#,
        ),
        (&["demo", "fast"], "wsbeat demo takes no arguments"),
    ] {
        let mut program = Program::start(args);
        assert_eq!(program.end(), 2, "{args:?}");
        assert_eq!(program.seen_err, [format!("wsbeat: {line}")]);
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
        "--keep-offline",
        "--outbox-bytes",
        "--max-age",
        "--resend",
        "--preset",
        "--json",
        "--duration",
        "--close-on-eof",
        "connecting",
        "open",
        "message",
        "heartbeat",
        "lost",
        "retry",
        "unsent",
        "status",
        "closed",
    ] {
        assert!(help.contains(word), "{word}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn the_version_is_the_packages() {
    let mut program = Program::start(&["--version"]);
    assert_eq!(program.end(), 0);
    assert_eq!(program.seen, [format!("wsbeat {}", env!("CARGO_PKG_VERSION"))]);
}
