use std::{
    fs,
    net::TcpListener,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use tungstenite::{
    accept_hdr,
    handshake::server::{Request as Upgrade, Response},
    protocol::{CloseFrame, frame::coding::CloseCode},
};
use websocket_heartbeat_tokio::{Event, LostCause, Message, TransportError};

use super::*;

/// The subscription with these members beside its name and kind.
fn subscription(kind: &str, members: &str) -> Subscription {
    let json = format!(r#"{{"name":"a","id":"hash","kind":"{kind}",{members}}}"#);
    Subscription::from_json(json.as_bytes()).unwrap()
}

/// What the upstream does on a connection after it has received this number of messages.
struct Turn {
    messages: usize,
    send: Vec<&'static str>,
    close: Option<u16>,
}

/// Path, the header `X-Key`, and the messages of each connection.
type Seen = (String, String, Vec<String>);

/// An upstream on a free port, with one connection for each turn.
fn upstream(turns: Vec<Turn>) -> (u16, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    thread::spawn(move || turns.into_iter().for_each(|turn| serve(&listener, turn, &sender)));
    (port, receiver)
}

fn serve(listener: &TcpListener, turn: Turn, seen: &Sender<Seen>) {
    let (stream, _) = listener.accept().unwrap();
    let (mut path, mut key) = (String::new(), String::new());
    #[allow(clippy::result_large_err, reason = "the type of tungstenite's callback")]
    let look = |upgrade: &Upgrade, response: Response| {
        path = upgrade.uri().to_string();
        let value = upgrade.headers().get("x-key").map(|value| value.to_str().unwrap().to_owned());
        key = value.unwrap_or_default();
        Ok(response)
    };
    let mut socket = accept_hdr(stream, look).unwrap();
    let mut messages = Vec::new();
    while messages.len() < turn.messages {
        messages.push(socket.read().unwrap().into_text().unwrap().to_string());
    }
    for message in turn.send {
        socket.send(message.into()).unwrap();
    }
    if let Some(code) = turn.close {
        let code = CloseCode::from(code);
        socket.close(Some(CloseFrame { code, reason: "".into() })).unwrap();
    }
    // Until the client has answered, or has left. It should send nothing more.
    while let Ok(message) = socket.read() {
        messages.extend(message.is_text().then(|| message.to_string()));
    }
    seen.send((path, key, messages)).unwrap();
}

/// Runs the session until this many connections are lost, and learns from all messages. Returns the
/// causes.
async fn run(subscription: Subscription, checkpoint: &Checkpoint, losses: usize) -> Vec<LostCause> {
    let timer = TokioTimer::new();
    let session = session(subscription.into(), checkpoint.clone(), timer, Dialer::new(), None);
    let mut session = session.expect("it is valid");
    let mut causes = Vec::new();
    while causes.len() < losses {
        match session.next().await.expect("the session never ends") {
            Event::Message(message) => checkpoint.learn(session.connection(), &message),
            Event::Lost(lost) => causes.push(lost.cause),
            _ => {}
        }
    }
    causes
}

#[tokio::test]
async fn each_attempt_reads_the_secrets_again() {
    let (port, seen) = upstream(vec![
        Turn { messages: 3, send: vec![], close: Some(1000) },
        Turn { messages: 3, send: vec![], close: Some(1000) },
    ]);
    let name = format!("wsbeat-upstream-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, "first {{name}}\n").unwrap();
    let file = path.to_str().unwrap();
    let subscription = subscription(
        "overlap",
        &format!(
            r#""url":"ws://127.0.0.1:{port}/feed","headers":{{"X-Key":{{"file":"{file}"}}}},
               "open":["one",{{"file":"{file}"}},"three"]"#
        ),
    );
    let checkpoint = Checkpoint::new(&subscription);
    let session = tokio::spawn(async move { run(subscription, &checkpoint, 2).await });
    let first = tokio::task::spawn_blocking(move || {
        let first = seen.recv().unwrap();
        (first, seen)
    });
    let (first, seen) = first.await.unwrap();
    let messages = |token: &str| vec!["one".to_owned(), token.to_owned(), "three".to_owned()];
    assert_eq!(first, ("/feed".into(), "first a".into(), messages("first a")));
    fs::write(&path, "second").unwrap();
    session.await.unwrap();
    // The second attempt may have begun before the file was written.
    let (_, key, sent) = seen.recv().unwrap();
    assert!(key == "second" || key == "first a", "{key}");
    assert_eq!(sent, messages(&key));
    fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_session_is_resumed_until_the_upstream_refuses() {
    let hello = r#"{"s":1,"d":{"id":"x\"y","url":"RESUME"}}"#;
    let (port, seen) = upstream(vec![
        Turn {
            messages: 2,
            send: vec![r#"{"s":41,"d":{"id":"x\"y"}}"#, r#"{"s":42}"#],
            close: Some(1000),
        },
        Turn { messages: 1, send: vec![r#"{"s":43}"#], close: Some(1000) },
        Turn { messages: 1, send: vec![], close: Some(4009) },
        Turn { messages: 2, send: vec![hello], close: Some(1000) },
        // The session is replaced by a fresh connection after this message.
        Turn { messages: 1, send: vec![r#"{"op":9,"s":44}"#], close: None },
        Turn { messages: 2, send: vec![], close: Some(1000) },
    ]);
    let subscription = subscription(
        "resume",
        &format!(
            r#""url":"ws://127.0.0.1:{port}/first","open":["login","subscribe"],"resume":{{
               "values":{{"seq":"/s","id":"/d/id"}},"open":["{{\"seq\":{{{{seq}}}},\"id\":\"{{{{id}}}}\"}}"],
               "url":"ws://127.0.0.1:{port}/resume?s={{{{id}}}}",
               "reset":{{"pointer":"/op","equals":9,"codes":[4009]}}}}"#
        ),
    );
    let checkpoint = Checkpoint::new(&subscription);
    let causes = run(subscription, &checkpoint, 6).await;
    assert_eq!(causes[4], LostCause::Replaced);
    let seen: Vec<_> = seen.iter().map(|(path, _, messages)| (path, messages)).collect();
    let first = ("/first".to_owned(), vec!["login".to_owned(), "subscribe".to_owned()]);
    let resumed = |seq: u32| {
        let open = format!(r#"{{"seq":{seq},"id":"x\"y"}}"#);
        ("/resume?s=x%22y".to_owned(), vec![open])
    };
    let (second, third, fifth) = (resumed(42), resumed(43), resumed(1));
    assert_eq!(seen, [first.clone(), second, third, first.clone(), fifth, first]);
    assert_eq!(checkpoint.take_changed().unwrap(), b"{}");
}

#[tokio::test]
async fn a_missing_secret_fails_the_attempt_and_not_the_session() {
    let members = r#""url":{"env":"WSBEAT_NO_SUCH_VARIABLE"}"#;
    let subscription = subscription("exclusive", members);
    let causes = run(subscription.clone(), &Checkpoint::new(&subscription), 2).await;
    for cause in causes {
        let LostCause::Connect(error) = cause else { panic!("{cause}") };
        assert_eq!(error.kind(), ErrorKind::Provider);
        assert_eq!(error.to_string(), "the variable `WSBEAT_NO_SUCH_VARIABLE` is not set");
    }
    assert!(matches!(dial_key(&subscription), Err(UpstreamError::Secret(_))));
}

#[test]
fn a_resume_with_a_url_that_cannot_be_used_is_given_up() {
    let members = r#""url":"wss://example.org","open":["login"],
        "resume":{"values":{"url":"/url"},"open":["resume"],"url":"{{url}}"}"#;
    let subscription = subscription("resume", members);
    for (url, resumed) in [
        ("wss://resume.example.org", true),
        ("ws://resume.example.org", false),
        ("https://resume.example.org", false),
        ("", false),
    ] {
        let checkpoint = Checkpoint::new(&subscription);
        checkpoint.restore(format!(r#"{{"url":"{url}","old":"x"}}"#).as_bytes()).unwrap();
        let plan = plan::Plan::new(&subscription, &checkpoint).unwrap();
        let expected =
            if resumed { ("resume.example.org", "resume") } else { ("example.org", "login") };
        let open = plan.open[0].as_text().unwrap();
        assert_eq!((plan.request.host(), open), expected, "{url}");
        assert_eq!(checkpoint.complete().is_some(), resumed, "{url}");
    }
}

#[test]
fn a_checkpoint_keeps_the_latest_values_and_changes_are_taken_once() {
    let members = r#""url":"ws://a","resume":{"values":{"seq":"/s","id":"/id"},"open":["x"]}"#;
    let checkpoint = Checkpoint::new(&subscription("resume", members));
    let learn = |connection, text: &str| {
        checkpoint.learn(connection, &Message::from(text));
        checkpoint.take_changed().map(|json| String::from_utf8(json).unwrap())
    };
    assert_eq!(learn(1, r#"{"s":7}"#).as_deref(), Some(r#"{"seq":"7"}"#));
    assert!(checkpoint.complete().is_none());
    assert_eq!(learn(1, r#"{"s":7,"id":null}"#), None);
    assert_eq!(learn(1, "pong"), None);
    let long = "x".repeat(Checkpoint::LONGEST + 1);
    assert_eq!(learn(1, &format!(r#"{{"id":"{long}"}}"#)), None);
    assert_eq!(learn(1, r#"{"s":8,"id":"a"}"#).as_deref(), Some(r#"{"id":"a","seq":"8"}"#));
    assert!(checkpoint.complete().is_some());

    checkpoint.begin(2);
    checkpoint.forget();
    assert_eq!(checkpoint.take_changed().as_deref(), Some(&b"{}"[..]));
    // Messages of the forgotten session may still come out of the inbox.
    assert_eq!(learn(2, r#"{"s":9}"#), None);
    assert_eq!(learn(3, r#"{"s":1}"#).as_deref(), Some(r#"{"seq":"1"}"#));

    assert_eq!(checkpoint.restore(b"[]"), Err(CheckpointError));
    let shown = format!("{checkpoint:?}");
    assert!(shown.contains("seq") && !shown.contains("\"1\""), "{shown}");
    let others = Checkpoint::new(&subscription("exclusive", r#""url":"ws://a""#));
    others.restore(br#"{"seq":"1"}"#).unwrap();
    others.learn(1, &Message::from(r#"{"s":9}"#));
    assert!(others.complete().is_none() && others.take_changed().is_none());
}

#[test]
fn the_dial_key_is_the_host_with_an_unusual_port() {
    let key = |members: &str| dial_key(&subscription("exclusive", members)).unwrap();
    assert_eq!(key(r#""url":"wss://u.example.org:443/x?y""#), "u.example.org");
    assert_eq!(key(r#""url":"ws://U.example.org:443""#), "u.example.org:443");
    assert_eq!(key(r#""url":"ws://[::1]:9000/""#), "[::1]:9000");
    assert_eq!(key(r#""url":"ws://[::1]/""#), "[::1]");
    assert_eq!(key(r#""url":"ws://a","dial_key":"shard-{{name}}""#), "shard-a");
}

#[test]
fn pings_follow_silence_and_texts_have_a_period() {
    let shown = |members: &str| format!("{:?}", heartbeat(&subscription("exclusive", members)));
    let ping = shown(r#""url":"ws://a","heartbeat":{"interval":"20s","timeout":"5s"}"#);
    let expected = Heartbeat::idle(Duration::from_secs(20)).ping().timeout(Duration::from_secs(5));
    assert_eq!(ping, format!("{expected:?}"));
    let text = shown(r#""url":"ws://a","heartbeat":{"text":"ping"}"#);
    let expected = Heartbeat::every(Duration::from_secs(15)).message("ping");
    assert_eq!(text, format!("{:?}", expected.timeout(Duration::from_secs(10))));
}

#[test]
fn only_a_missing_runtime_ends_a_session() {
    let after = |kind| {
        let cause = LostCause::Connect(TransportError::new(kind, "x"));
        verdict(&Failure::new(false, 0, &cause))
    };
    for kind in [ErrorKind::Url, ErrorKind::Certificate] {
        assert_eq!(after(kind), Verdict::RetryAfter(LONG_WAIT));
    }
    assert_eq!(after(ErrorKind::Refused), Verdict::Retry);
    assert_eq!(after(ErrorKind::Provider), Verdict::Retry);
    assert_eq!(after(ErrorKind::Runtime), Verdict::Stop);
}
