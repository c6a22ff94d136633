//! Tests of the arguments.

use super::*;

fn parsed(line: &[&str]) -> Result<Command, UsageError> {
    parse(line.iter().map(OsString::from))
}

fn options(more: &[&str]) -> Options {
    let line = [&["connect", "ws://localhost:1/"], more].concat();
    match parsed(&line) {
        Ok(Command::Connect(options)) => *options,
        other => panic!("{other:?}"),
    }
}

fn refusal(line: &[&str]) -> String {
    parsed(line).unwrap_err().0
}

fn refused_option(more: &[&str]) -> String {
    refusal(&[&["connect", "ws://localhost:1/"], more].concat())
}

#[test]
fn commands_are_told_apart() {
    assert!(matches!(parsed(&["demo"]), Ok(Command::Demo)));
    assert!(matches!(parsed(&["--version"]), Ok(Command::Version)));
    assert!(matches!(parsed(&["-h"]), Ok(Command::Help(Topic::All))));
    assert!(matches!(parsed(&["demo", "--help"]), Ok(Command::Help(Topic::Demo))));
    assert!(matches!(parsed(&["connect", "-h"]), Ok(Command::Help(Topic::Connect))));
}

#[test]
fn every_option_is_read() {
    let options = options(&[
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
    assert_eq!(options.heartbeat, Some(Kind::Message));
    assert_eq!(options.preset, Preset::Resilient);
    assert_eq!(options.backoff, Some((secs(1), secs(30))));
    assert_eq!(options.connect_timeout, Some(secs(5)));
    assert!(options.json && options.close_on_eof);
    assert_eq!(options.duration, Some(secs(7200)));
    assert_eq!((options.keep_offline, options.outbox_bytes), (Some(7), Some(1000)));
    assert_eq!((options.max_age, options.resend), (Some(secs(9)), Some(2)));
    assert_eq!(options.stop_on, [401, 403, 410]);
    assert_eq!(options.max_dials_per_minute, Some(6));
    let request = format!("{:?}", options.request);
    assert!(request.contains("X-A") && request.contains("subprotocols: 1"), "{request}");
    assert!(options.supervisor(websocket_heartbeat_smol::SmolTimer::new()).is_ok());
}

#[test]
fn what_is_missing_is_said() {
    let line = "what to do? Try wsbeat demo, or wsbeat connect URL, or wsbeat --help";
    assert_eq!(refusal(&[]), line);
    let line = "where to? Give a URL, as in wsbeat connect ws://127.0.0.1:8080";
    assert_eq!(refusal(&["connect"]), line);
    let line = "--ping-timeout needs a value; see wsbeat connect --help";
    assert_eq!(refused_option(&["--ping-timeout"]), line);
}

#[test]
fn bad_values_are_refused_each_with_its_line() {
    for (more, line) in [
        (&["--ping-timeout", "15"][..], r#"--ping-timeout: "15" has no unit; write 15s or 15ms"#),
        (&["--pong-timeout", "0s"], "--pong-timeout must be longer than zero"),
        (
            &["--duration", "soon"],
            r#"--duration: "soon" is not a time; write a time such as 15s, 300ms, 1m30s or 2h"#,
        ),
        (
            &["--backoff", "1s"],
            r#"--backoff: "1s" is not a range; write MIN..MAX, such as 1s..30s"#,
        ),
        (&["--backoff", "0s..1s"], "--backoff must begin above zero, as in 1s..30s"),
        (&["--repeat-limit", "-1"], "--repeat-limit is a whole number from 0 to 4294967295"),
        (&["--keep-offline", "many"], "--keep-offline is a whole number from 0 to 4294967295"),
        (&["--outbox-bytes", "0"], "--outbox-bytes is a whole number from 1 to 4294967295"),
        (
            &["--max-dials-per-minute", "0"],
            "--max-dials-per-minute is a whole number from 1 to 4294967295",
        ),
        (&["--heartbeat", "pong"], "--heartbeat is message, ping or off"),
        (&["--preset", "best"], "--preset is original or resilient"),
        (
            &["--stop-on", "401,4xx"],
            "--stop-on is a list of HTTP statuses from 200 to 599, as in 401,403",
        ),
        (&["--json=yes"], "--json takes no value"),
        (&["--loud"], "there is no option --loud; see wsbeat connect --help"),
        (&["-x"], "there is no option -x; see wsbeat --help"),
        (&["ws://localhost:2/"], "wsbeat connect takes one URL, not several"),
        (&["-H", "hush"], "-H has no colon; write -H 'Name: value'"),
        (
            &["-H", "hush hush: x"],
            "-H has no valid field name before the colon; write -H 'Name: value'",
        ),
        (
            &["-H", "Upgrade: x"],
            "the header upgrade belongs to the WebSocket handshake: leave it out",
        ),
        (&["--subprotocol", "a b"], "a subprotocol is not a token (RFC 9110)"),
    ] {
        assert_eq!(refused_option(more), line, "{more:?}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (more, line) in [
        (
            &["--ping-msg", "x", "--heartbeat", "ping"][..],
            "--ping-msg is for --heartbeat message: leave one of them out",
        ),
        (
            &["--heartbeat", "off", "--pong-timeout", "1s"],
            "--pong-timeout has no effect with --heartbeat off: leave it out",
        ),
        (
            &["--reconnect-timeout", "1s", "--backoff", "1s..2s"],
            "--reconnect-timeout is a constant delay, --backoff a growing one: leave one out",
        ),
        (
            &["--resend", "1"],
            "--resend needs an outbox that keeps messages: add --keep-offline COUNT",
        ),
    ] {
        assert_eq!(refused_option(more), line, "{more:?}");
    }
    assert_eq!(options(&["--preset", "resilient", "--resend", "1"]).resend, Some(1));
}

#[test]
fn urls_are_refused_without_being_repeated() {
    let how = "write it as ws://host:port/path or wss://host/path";
    for (url, line) in [
        ("http://hush", format!("the URL's scheme is neither ws nor wss; {how}")),
        ("ws://hush\thush", format!("the URL is malformed; {how}")),
        (
            "ws://hush hush",
            "the URL's host has a character that no domain name can have at that place".to_owned(),
        ),
        ("ws://x/#hush", "a WebSocket URL has no fragment (the part after #)".to_owned()),
    ] {
        assert_eq!(refusal(&["connect", url]), line);
    }
    assert!(!refusal(&["ws://hush"]).contains("hush"));
}
