//! Tests of the arguments.

use websocket_heartbeat_smol::SmolTimer;

use super::*;

fn parsed(args: &[&str]) -> Result<Command, UsageError> {
    parse(args.iter().map(OsString::from))
}

fn connect(more: &[&str]) -> (Request, Options) {
    match parsed(&[&["connect", "ws://localhost:1/"], more].concat()) {
        Ok(Command::Connect { request, options }) => (*request, *options),
        other => panic!("{other:?}"),
    }
}

fn options(more: &[&str]) -> Options {
    connect(more).1
}

fn refusal(args: &[&str]) -> String {
    parsed(args).unwrap_err().0
}

fn refused_option(more: &[&str]) -> String {
    refusal(&[&["connect", "ws://localhost:1/"], more].concat())
}

#[test]
fn each_command_is_recognised() {
    assert!(matches!(parsed(&["demo"]), Ok(Command::Demo)));
    assert!(matches!(parsed(&["--version"]), Ok(Command::Version)));
    assert!(matches!(parsed(&["-h"]), Ok(Command::Help(Topic::All))));
    assert!(matches!(parsed(&["demo", "--help"]), Ok(Command::Help(Topic::Demo))));
    assert!(matches!(parsed(&["connect", "-h"]), Ok(Command::Help(Topic::Connect))));
}

#[test]
fn every_option_is_parsed() {
    let (request, options) = connect(&[
        "--ping-timeout=1m30s",
        "--pong-timeout",
        "300ms",
        "--ping-msg",
        "hello",
        "--repeat-limit",
        "4",
        "--heartbeat",
        "message",
        "--preset",
        "resilient",
        "--backoff",
        "1s..30s",
        "--connect-timeout",
        "5s",
        "-H",
        "X-A: b:c",
        "--subprotocol",
        "v1",
        "--json",
        "--duration",
        "2h",
        "--close-on-eof",
        "--keep-offline",
        "7",
        "--outbox-bytes",
        "1000",
        "--max-age",
        "9s",
        "--resend",
        "2",
        "--stop-on",
        "401, 403",
        "--stop-on",
        "410",
        "--max-dials-per-minute",
        "6",
    ]);
    let secs = Duration::from_secs;
    assert_eq!(options.ping_timeout, Some(secs(90)));
    assert_eq!(options.pong_timeout, Some(secs(3) / 10));
    assert_eq!(options.ping_msg.as_deref(), Some("hello"));
    assert_eq!(options.repeat_limit, Some(4));
    assert_eq!(options.heartbeat, Some(HeartbeatKind::Message));
    assert_eq!(options.preset, Preset::Resilient);
    assert_eq!(options.backoff, Some((secs(1), secs(30))));
    assert_eq!(options.connect_timeout, Some(secs(5)));
    assert!(options.json && options.close_on_eof);
    assert_eq!(options.duration, Some(secs(7200)));
    assert_eq!((options.keep_offline, options.outbox_bytes), (Some(7), Some(1000)));
    assert_eq!((options.max_age, options.resend), (Some(secs(9)), Some(2)));
    assert_eq!(options.stop_on, [401, 403, 410]);
    assert_eq!(options.max_dials_per_minute, Some(6));
    let shown = format!("{request:?}");
    assert!(shown.contains("X-A") && shown.contains("subprotocols: 1"), "{shown}");
    assert!(options.supervisor(request, SmolTimer::new()).is_ok());
}

#[test]
fn a_missing_argument_is_named() {
    let message = "no command is given; run wsbeat demo, wsbeat connect URL or wsbeat --help";
    assert_eq!(refusal(&[]), message);
    let message = "no URL is given; write one, for example ws://127.0.0.1:8080";
    assert_eq!(refusal(&["connect"]), message);
    let message = "--ping-timeout needs a value; see wsbeat connect --help";
    assert_eq!(refused_option(&["--ping-timeout"]), message);
}

#[test]
fn each_bad_value_is_refused_with_a_remedy() {
    for (more, message) in [
        (&["--ping-timeout", "15"][..], r#"--ping-timeout: "15" has no unit; write 15s or 15ms"#),
        (
            &["--pong-timeout", "0s"],
            "--pong-timeout must be longer than zero; write for example 10s",
        ),
        (
            &["--duration", "soon"],
            r#"--duration: "soon" is not a time; write a time such as 15s, 300ms, 1m30s or 2h"#,
        ),
        (
            &["--backoff", "1s"],
            r#"--backoff: "1s" is not a range; write MIN..MAX, such as 1s..30s"#,
        ),
        (&["--backoff", "0s..1s"], "--backoff must begin above zero; write for example 1s..30s"),
        (&["--repeat-limit", "-1"], "--repeat-limit must be a whole number from 0 to 4294967295"),
        (&["--keep-offline", "many"], "--keep-offline must be a whole number from 0 to 4294967295"),
        (&["--outbox-bytes", "0"], "--outbox-bytes must be a whole number from 1 to 4294967295"),
        (
            &["--max-dials-per-minute", "0"],
            "--max-dials-per-minute must be a whole number from 1 to 4294967295",
        ),
        (&["--heartbeat", "pong"], "--heartbeat must be message, ping or off"),
        (&["--preset", "best"], "--preset must be original or resilient"),
        (
            &["--stop-on", "401,4xx"],
            "--stop-on must be a list of HTTP statuses from 200 to 599; write for example 401,403",
        ),
        (&["--json=yes"], "--json takes no value; write --json alone"),
        (&["--loud"], "the option --loud is unknown; see wsbeat connect --help"),
        (&["-x"], "the option -x is unknown; see wsbeat --help"),
        (&["ws://localhost:2/"], "there is more than one URL; write one URL"),
        (&["-H", "hush"], "-H has no colon; write -H 'Name: value'"),
        (
            &["-H", "hush hush: x"],
            "-H has no valid field name before the colon; write -H 'Name: value'",
        ),
        (
            &["-H", "Upgrade: x"],
            "the header field upgrade is reserved for the WebSocket handshake; leave it out",
        ),
        (
            &["--subprotocol", "a b"],
            "a subprotocol is not a token (RFC 9110); use letters, digits, and for example - or .",
        ),
    ] {
        assert_eq!(refused_option(more), message, "{more:?}");
    }
}

#[test]
fn contradictions_and_options_without_effect_are_refused() {
    for (more, message) in [
        (
            &["--ping-msg", "x", "--heartbeat", "ping"][..],
            "--ping-msg has no effect with --heartbeat ping; leave one out",
        ),
        (
            &["--heartbeat", "off", "--pong-timeout", "1s"],
            "--pong-timeout has no effect with --heartbeat off; leave one out",
        ),
        (
            &["--heartbeat", "off", "--ping-msg", "x"],
            "--ping-msg has no effect with --heartbeat off; leave one out",
        ),
        (
            &["--repeat-limit", "0", "--backoff", "1s..2s"],
            "--backoff has no effect with --repeat-limit 0; leave one out",
        ),
        (
            &["--reconnect-timeout", "1s", "--backoff", "1s..2s"],
            "--reconnect-timeout sets a constant delay and --backoff a growing one; leave one out",
        ),
        (
            &["--preset", "original", "--resend", "1"],
            "--resend has no effect if nothing is kept offline; add --keep-offline COUNT",
        ),
    ] {
        assert_eq!(refused_option(more), message, "{more:?}");
    }
    assert_eq!(options(&["--preset", "resilient", "--resend", "1"]).resend, Some(1));
}

#[test]
fn a_heartbeat_text_means_message_heartbeats_with_every_preset() {
    for preset in ["original", "resilient"] {
        let options = options(&["--preset", preset, "--ping-msg", "hello"]);
        assert_eq!(options.heartbeat_kind(), HeartbeatKind::Message);
    }
    assert_eq!(options(&["--ping-msg", "hello"]).heartbeat_kind(), HeartbeatKind::Message);
}

#[test]
fn error_messages_do_not_contain_the_url() {
    let remedy = "write it as ws://host:port/path or wss://host/path";
    for (url, message) in [
        (
            "http://hush",
            format!(
                "the URL must begin with ws:// (not http://) or wss:// (not https://); {remedy}"
            ),
        ),
        ("ws://hush\thush", format!("the URL is malformed; {remedy}")),
        (
            "ws://hush hush",
            "the URL's host has a character that a domain name cannot have at that position; \
             correct the host"
                .to_owned(),
        ),
        (
            "ws://x/#hush",
            "a WebSocket URL has no fragment (the part after #); leave it out".to_owned(),
        ),
    ] {
        assert_eq!(refusal(&["connect", url]), message);
    }
    assert!(!refusal(&["ws://hush"]).contains("hush"));
}
