//! Tests of the arguments.

use super::*;

fn parsed(args: &[&str]) -> Result<Parsed, UsageError> {
    parse(args.iter().map(OsString::from))
}

fn connect(more: &[&str]) -> Result<connect::Args, UsageError> {
    match parsed(&[&["connect", "ws://localhost:1/"], more].concat())? {
        Parsed::Command(command) => match command {
            Command::Connect(args) => args.check().map(|()| *args),
            _ => panic!("this is another command"),
        },
        Parsed::Text(text) => panic!("{text}"),
    }
}

fn refusal(args: &[&str]) -> String {
    parsed(args).err().unwrap().0
}

fn refused_option(more: &[&str]) -> String {
    connect(more).err().unwrap().0
}

fn shown(args: &[&str]) -> String {
    match parsed(args) {
        Ok(Parsed::Text(text)) => text,
        _ => panic!("{args:?} prints no text"),
    }
}

#[test]
fn the_definition_is_consistent() {
    definition().debug_assert();
}

#[test]
fn each_command_has_its_help() {
    for command in ["connect", "check", "report", "serve", "demo", "completions", "man"] {
        assert_eq!(shown(&["help", command]), shown(&[command, "--help"]));
        assert!(shown(&["--help"]).contains(command));
    }
    // `wsbeat relay --help` is that of the other program.
    assert!(shown(&["help", "relay"]).contains("cargo install wsbeat-relay"));
    assert!(shown(&["--help"]).contains("relay"));
    assert_eq!(shown(&["--version"]), concat!("wsbeat ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_near_miss_is_named() {
    for (args, message) in [
        (&["conect", "ws://x/"][..], "the command is unknown; did you mean wsbeat connect?"),
        (
            &["connect", "ws://x/", "--ping-timout", "1s"],
            "the option --ping-timout is unknown; did you mean --ping-timeout?",
        ),
        (
            &["connect", "ws://x/", "--preset", "resilent"],
            "--preset must be original or resilient; did you mean resilient?",
        ),
        (
            &["--json", "connect", "ws://x/"],
            "--json is an option of wsbeat connect; write wsbeat connect --json, \
             or see wsbeat connect --help",
        ),
        (&["ws://hush/"], "a URL needs a command before it; write wsbeat connect URL"),
    ] {
        assert_eq!(refusal(args), message, "{args:?}");
    }
}

#[test]
fn the_last_of_a_repeated_option_counts() {
    assert!(
        connect(&["--heartbeat", "off", "--heartbeat", "ping", "--ping-timeout", "1s"]).is_ok()
    );
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
            "--pong-timeout: the time must be longer than zero; write for example 10s",
        ),
        (
            &["--duration", "soon"],
            r#"--duration: "soon" is not a time; write a time such as 15s, 1.5s, 300ms, 1m30s or 2h"#,
        ),
        (
            &["--backoff", "1s"],
            r#"--backoff: "1s" is not a range; write MIN..MAX, such as 1s..30s"#,
        ),
        (
            &["--backoff", "0s..1s"],
            "--backoff: the range must begin above zero; write for example 1s..30s",
        ),
        (
            &["--repeat-limit", "-1"],
            "--repeat-limit: the value must be a whole number from 0 to 4294967295",
        ),
        (
            &["--keep-offline", "many"],
            "--keep-offline: the value must be a whole number from 0 to 4294967295",
        ),
        (
            &["--outbox-bytes", "0"],
            "--outbox-bytes: the value must be a whole number from 1 to 4294967295",
        ),
        (
            &["--max-dials-per-minute", "0"],
            "--max-dials-per-minute: the value must be a whole number from 1 to 4294967295",
        ),
        (&["--heartbeat", "pong"], "--heartbeat must be message, ping or off; did you mean ping?"),
        (&["--preset", "best"], "--preset must be original or resilient"),
        (
            &["--stop-on", "401,4xx"],
            "--stop-on: the value must be a list of HTTP statuses from 200 to 599; write for example 401,403",
        ),
        (&["--json=yes"], "--json takes no value; write --json alone"),
        (&["--bright"], "the option --bright is unknown; see wsbeat connect --help"),
        (&["-x"], "the option -x is unknown; see wsbeat connect --help"),
        (&["ws://localhost:2/"], "there are too many arguments; see wsbeat connect --help"),
        (&["-H", "hush"], "--header: there is no colon; write -H 'Name: value'"),
        (
            &["-H", "hush hush: x"],
            "--header: the name before the colon is missing or not valid; write -H 'Name: value'",
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
            &["--no-proxy", "*", "-k"],
            "--insecure has no effect with ws://; write wss:// in the URL, or leave it out",
        ),
        (
            &["--no-proxy", "*", "--cacert", "missing.pem"],
            "--cacert has no effect with ws://; write wss:// in the URL, or leave it out",
        ),
        (
            &["--preset", "original", "--resend", "1"],
            "--resend has no effect if nothing is kept offline; add --keep-offline COUNT",
        ),
    ] {
        assert_eq!(refused_option(more), message, "{more:?}");
    }
    assert!(connect(&["--preset", "resilient", "--resend", "1"]).is_ok());
}

fn refused_url(url: &str) -> String {
    let Ok(Parsed::Command(Command::Connect(args))) = parsed(&["connect", url]) else {
        panic!("{url}")
    };
    args.check().unwrap_err().0
}

#[test]
fn error_messages_do_not_contain_the_url() {
    let remedy = "write it as ws://host:port/path or wss://host/path";
    for (url, message) in [
        ("http://hush", format!("the URL does not begin with ws:// or wss://; {remedy}")),
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
        assert_eq!(refused_url(url), message);
    }
    assert!(!refusal(&["ws://hush"]).contains("hush"));
}

#[test]
#[cfg(feature = "tui")]
fn options_without_effect_on_the_whole_terminal_are_refused() {
    const EFFECTIVE: [&str; 4] = ["tui", "close_code", "close_reason", "help"];
    let definition = definition();
    let connect = definition.find_subcommand("connect").unwrap();
    let tui = connect.get_arguments().find(|arg| arg.get_id() == "tui").unwrap();
    let refused: Vec<_> =
        connect.get_arg_conflicts_with(tui).into_iter().map(clap::Arg::get_id).collect();
    for arg in connect.get_arguments() {
        let group = arg.get_help_heading();
        if group.is_some_and(|group| ["Input", "Output", "Commands", "End"].contains(&group))
            && !EFFECTIVE.contains(&arg.get_id().as_str())
        {
            assert!(refused.contains(&arg.get_id()), "{}", arg.get_id());
        }
    }
}
