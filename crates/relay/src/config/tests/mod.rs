//! Tests of whole files.

mod json;
mod mutated;

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::id::{Pointer, Rule};

const FULL: &str = include_str!("full.toml");

/// The smallest file.
const SMALL: &str = "[nats]\nservers = [\"nats://127.0.0.1:4222\"]\n";

/// The subscriptions of a file with these tables.
fn subscriptions(tables: &str) -> Vec<Subscription> {
    Config::parse(&format!("{SMALL}{tables}")).unwrap().subscriptions
}

/// The mistakes in this text after the lines of [`SMALL`].
fn mistakes(text: &str) -> String {
    Config::parse(&format!("{SMALL}{text}")).unwrap_err().to_string()
}

fn plain(text: &str) -> Source {
    Source::Plain(text.to_owned())
}

#[test]
fn all_keys_are_read() {
    let config = Config::parse(FULL).unwrap();
    assert_eq!(config.nats.servers, ["nats://127.0.0.1:4222", "tls://nats.example.org"]);
    assert_eq!((&*config.nats.group, config.nats.replicas), ("prices", 3));
    let password = Secret::Env("NATS_PASSWORD".into());
    let user = Authentication::User { user: "relay".into(), password };
    assert_eq!(config.nats.authentication, Some(user));
    let certificate = Some(("client.pem".into(), "client.key".into()));
    assert_eq!(config.nats.tls, Some(Tls { ca: Some("ca.pem".into()), certificate }));
    assert_eq!(
        config.stream,
        Stream {
            max_age: Duration::from_secs(86_400),
            max_bytes: 10 << 30,
            max_message: 1 << 20,
            discard: Discard::New,
            dedupe_window: Duration::from_secs(120),
        }
    );
    let drain_timeout = Duration::from_secs(30);
    let id = Some("a".to_owned());
    assert_eq!(config.worker, Worker { id, weight: 2, metrics: None, drain_timeout });
    assert_eq!(config.fleet, Fleet { blocks: 64 });
    assert_eq!(config.dial.rate("other"), Rate { per_second: 20.0, burst: 40 });
    assert_eq!(config.dial.rate("feed.example.org"), Rate { per_second: 0.2, burst: 1 });

    let [btc, gateway, eth, sol] = &config.subscriptions[..] else { panic!("four subscriptions") };
    assert_eq!(btc.url, plain("wss://feed.example.org/ws"));
    let token = Source::Secret(Secret::Env("FEED_TOKEN".into()));
    let headers = [("Authorization".to_owned(), token), ("X-Client".to_owned(), plain("relay"))];
    assert_eq!(btc.headers, BTreeMap::from(headers));
    assert_eq!(btc.subprotocols, ["feed.v2"]);
    let login = Source::Secret(Secret::File("/run/secrets/login.json".into()));
    assert_eq!(btc.open, [plain(r#"{"op":"subscribe","channel":"btc"}"#), login]);
    assert_eq!(btc.kind, Kind::Overlap { owners: 2 });
    assert_eq!(btc.id, Rule::Pointer(Pointer::parse("/seq").unwrap()));
    assert_eq!(btc.heartbeat.text.as_deref(), Some("ping"));
    assert_eq!((btc.without_id, btc.ready), (WithoutId::Drop, Ready::Open));
    assert_eq!((btc.on_full, btc.oversize), (OnFull::DropOldest, Oversize::Stop));
    assert_eq!((btc.commands, btc.resend), (true, 1));
    assert_eq!(btc.dial_key.as_deref(), Some("feed.example.org"));

    let Kind::Resume(resume) = &gateway.kind else { panic!("a resume") };
    assert_eq!(resume.values["session"].to_string(), "/d/session_id");
    assert_eq!(resume.url, Some(plain("{{url}}/?v=10")));
    let message = Some((Pointer::parse("/op").unwrap(), "9".to_owned()));
    assert_eq!(resume.reset, Reset { message, codes: vec![4007, 4009] });
    assert_eq!(gateway.id, Rule::None);

    assert_eq!((&*eth.name, &*sol.name), ("eth", "sol"));
    assert_eq!(sol.url, plain("ws://127.0.0.1:9000/sol"));
    assert_eq!(sol.open, [plain("subscribe sol")]);
    assert_eq!(sol.headers["X-Key"], Source::Secret(Secret::File("/run/keys/sol".into())));
    assert_eq!(sol.dial_key.as_deref(), Some("feed-sol"));
    assert_eq!((&sol.kind, &sol.id), (&Kind::Exclusive, &Rule::Bytes { from: 0, to: 8 }));
}

#[test]
fn absent_tables_and_keys_have_defaults() {
    let config = Config::parse(SMALL).unwrap();
    assert_eq!((&*config.nats.group, config.nats.replicas), ("default", 1));
    assert_eq!((config.nats.authentication, config.nats.tls), (None, None));
    assert_eq!((config.stream, config.worker), (Stream::default(), Worker::default()));
    assert_eq!((config.fleet, config.dial), (Fleet::default(), Dial::default()));
    let table = "[[subscription]]\nname = 'a'\nurl = 'wss://example.org'\nid = 'hash'";
    let [a] = &subscriptions(table)[..] else { panic!("one subscription") };
    assert_eq!((&a.kind, &a.heartbeat), (&Kind::Overlap { owners: 1 }, &Heartbeat::default()));
    assert_eq!((a.without_id, a.on_full), (WithoutId::Publish, OnFull::Block));
    assert_eq!((a.ready, a.oversize, a.commands), (Ready::Message, Oversize::Skip, false));
}

#[test]
fn each_way_of_authentication_is_read() {
    let read = |keys: &str| Config::parse(&format!("{SMALL}{keys}")).unwrap().nats.authentication;
    let creds = read("credentials = '/etc/relay.creds'");
    assert_eq!(creds, Some(Authentication::Credentials("/etc/relay.creds".into())));
    let seed = Secret::File("seed.nk".into());
    assert_eq!(read("nkey = { file = 'seed.nk' }"), Some(Authentication::Nkey(seed)));
    let token = Secret::Env("TOKEN".into());
    assert_eq!(read("token = { env = 'TOKEN' }"), Some(Authentication::Token(token)));
    assert_eq!(
        mistakes("password = { env = 'A' }\nuser = 'a'\nnkey = { env = 'B' }"),
        "4:8: nats.user cannot be set together with `nkey`: remove one of them"
    );
    assert_eq!(mistakes("password = { env = 'A' }"), "3:12: nats.password needs `user`: add it");
}

#[test]
fn all_mistakes_of_a_file_are_explained_by_line() {
    let report = check(include_str!("mistakes.toml"), |_| Ok(()));
    let expected = include_str!("mistakes.txt");
    let lines = report.lines("relay.toml").to_string();
    assert_eq!(lines, expected, "{lines}");
    assert!(report.config.is_none());
    // No secret is shown, not even in `Debug`.
    assert!(!format!("{lines} {report:?}").contains("s3cret"));
}

#[test]
fn warnings_name_what_is_missing_or_hardly_meant() {
    let text = format!(
        "{SMALL}credentials = '/nowhere.creds'
[stream]
dedupe_window = '5s'
[[subscription]]
name = 'a'
url = 'ws://example.org'
headers = {{ Authorization = {{ env = 'TOKEN' }} }}
id = 'none'
[[subscription]]
names = ['b', 'c']
url = {{ file = '/run/{{{{name}}}}' }}
kind = 'resume'
resume = {{ values = {{ seq = '/s', x = '/x' }}, open = ['{{{{seq}}}}'] }}
"
    );
    let report = check(&text, |secret| match secret {
        Secret::Env(name) => Err(SecretError::Unset(name.clone())),
        Secret::File(path) => {
            Err(SecretError::File { path: path.clone(), kind: std::io::ErrorKind::NotFound })
        }
    });
    let lines = report.lines("f").to_string();
    assert_eq!(
        lines,
        "\
f:3:15: warning: nats.credentials is not available here: the file `/nowhere.creds` cannot be read \
(entity not found); the worker needs it
f:5:17: warning: stream.dedupe_window is short: after an election of NATS, which can take 10 s, \
messages are sent again, and the window must still have their ids; use at least 20s
f:8:7: warning: subscription.url is sent without encryption: use a URL that begins with wss://
f:9:29: warning: subscription.headers.Authorization is not available here: the variable `TOKEN` is \
not set; the worker needs it
f:10:6: warning: subscription.id is \"none\" with kind \"overlap\": while a subscription moves, its \
messages are stored twice
f:13:7: warning: subscription.url is not available here: the file `/run/b` cannot be read (entity \
not found); the worker needs it
f:13:7: warning: subscription.url is not available here: the file `/run/c` cannot be read (entity \
not found); the worker needs it
f:15:39: warning: subscription.resume.values.x is in no template of `resume`: the resume waits for it
"
    );
    assert!(report.config.is_some());
}

#[test]
fn errors_of_the_syntax_are_reported_with_other_mistakes() {
    let text = "[nats\nservers = 7\n[worker]\nid = \nweight = -1\nmetric = 'off'\n";
    let lines = check(text, |_| Ok(())).lines("f").to_string();
    assert_eq!(
        lines,
        "\
f:1:6: the syntax is wrong: unclosed table, expected `]`
f:4:6: the syntax is wrong: string values must be quoted, expected literal string
f:5:10: worker.weight must be at least 1 and at most 1000
f:6:1: worker.metric is no known key: did you mean `metrics`?
"
    );
}

#[test]
fn a_missing_table_is_explained() {
    let explained = Config::parse("").unwrap_err().to_string();
    assert_eq!(
        explained,
        "1:1: nats is missing: write [nats], and below it servers = [\"nats://HOST:4222\"]"
    );
    let single = mistakes("[subscription]\nname = 'a'\n");
    assert_eq!(
        single,
        "3:1: subscription must be a list of tables: write [[subscription]], in double brackets, \
         and is one table"
    );
    let empty = mistakes("[[subscription]]\n");
    assert_eq!(
        empty,
        "\
3:1: subscription.name is missing: write name = \"NAME\"
3:1: subscription.url is missing: write url = \"wss://HOST/PATH\"
3:1: subscription.id is missing: two owners publish while a subscription moves, and equal ids make \
one message of two; write for example { pointer = \"/seq\" }, or \"hash\""
    );
}

#[test]
fn a_url_is_checked_with_each_name() {
    let table =
        "[[subscription]]\nnames = ['a', 'b-', '-']\nid = 'hash'\nurl = 'wss://{{name}}:80/'";
    assert_eq!(subscriptions(table)[1].url, plain("wss://b-:80/"));
    let table = table.replace("{{name}}:80/", "host:{{name}}");
    assert_eq!(
        mistakes(&table),
        "6:7: subscription.url is not valid: the URL's port is not between 1 and 65535"
    );
}

#[test]
fn the_host_names_a_worker_without_an_id() {
    let worker = Worker::default();
    assert_eq!(worker.name("relay-1.example.org"), "relay-1-example-org");
    assert_eq!(worker.name(""), "worker");
    assert_eq!(worker.name(&"x".repeat(300)).len(), 64);
    let worker = Worker { id: Some("a".into()), ..worker };
    assert_eq!(worker.name("host"), "a");
}

#[test]
fn debug_shows_no_url_header_or_message() {
    let table = "[[subscription]]\nname = 'a'\nurl = 'wss://example.org/?key=s3cret'\nid = 'hash'\n\
                 headers = { X-Key = 's3cret' }\nopen = ['s3cret']\nheartbeat = { text = 's3cret' }";
    let shown = format!("{:?}", subscriptions(table));
    assert!(!shown.contains("s3cret"), "{shown}");
}
