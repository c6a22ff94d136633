use std::net::Ipv4Addr;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{request::*, *};

type Client = WebSocketStream<TcpStream>;

async fn upstream() -> Upstream {
    Upstream::start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port")
}

async fn dial(upstream: &Upstream, path: &str) -> Client {
    let stream = TcpStream::connect(upstream.address()).await.expect("it accepts");
    client_async(upstream.url(path), stream).await.expect("a feed").0
}

/// The next message, as JSON.
async fn next(client: &mut Client) -> Value {
    loop {
        if let Message::Text(text) = client.next().await.expect("a message").expect("open") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

async fn number(client: &mut Client) -> u64 {
    next(client).await["seq"].as_u64().expect("a number")
}

#[test]
fn the_path_names_a_feed_and_the_query_its_messages() {
    let options = Options { rate: 200, size: 128, big: 9000 };
    let feed = Request { feed: "a".to_owned(), options, begin: Begin::New };
    assert_eq!(Request::parse("/feed/a", Some("rate=200&size=128&big=9000")), Some(feed));
    let begin = |query| Request::parse("/resume/a", query).map(|request| request.begin);
    assert_eq!(begin(None), Some(Begin::Asked));
    assert_eq!(begin(Some("from=7")), Some(Begin::After(7)));
    for (path, query) in [
        ("/", None),
        ("/feed/", None),
        ("/feed/a/b", None),
        ("/feed/a", Some("from=7")),
        ("/feed/a", Some("rate=x")),
        ("/feed/a", Some("speed=1")),
    ] {
        assert_eq!(Request::parse(path, query), None, "{path} {query:?}");
    }
}

#[tokio::test]
async fn two_connections_get_the_same_messages_of_a_feed() {
    let upstream = upstream().await;
    let mut first = dial(&upstream, "/feed/a?rate=1000").await;
    let begun = number(&mut first).await;
    let mut second = dial(&upstream, "/feed/a").await;
    let seen = next(&mut second).await;
    let from = seen["seq"].as_u64().expect("a number");
    let mut expected = begun + 1;
    loop {
        let message = next(&mut first).await;
        assert_eq!(message["seq"], expected);
        if expected == from {
            assert_eq!(message, seen);
            break;
        }
        expected += 1;
    }
    assert_eq!(number(&mut second).await, from + 1);
    assert_eq!(upstream.made("a", from), seen["at"].as_u64());
    assert_eq!((upstream.open(), upstream.dials().len()), (2, 2));
}

#[tokio::test]
async fn a_feed_counts_while_nobody_is_connected() {
    let mut upstream = upstream().await;
    let mut client = dial(&upstream, "/feed/a?rate=1000").await;
    let last = number(&mut client).await;
    upstream.refuse().await;
    upstream.close_all();
    while let Some(Ok(_)) = client.next().await {}
    let refused = TcpStream::connect(upstream.address()).await;
    assert_eq!(refused.expect_err("closed").kind(), io::ErrorKind::ConnectionRefused);
    while upstream.report("a").highest < last + 50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    upstream.accept().expect("the same port");
    let mut client = dial(&upstream, "/feed/a").await;
    assert!(number(&mut client).await > last + 50);
    let connections = upstream.report("a").connections;
    assert_eq!(connections.len(), 2);
    assert!(connections[0].closed.expect("closed") < connections[1].opened);
}

#[tokio::test]
async fn what_was_missed_is_sent_again_on_request() {
    let upstream = upstream().await;
    let mut first = dial(&upstream, "/feed/a?rate=1000").await;
    let missed = number(&mut first).await;
    while number(&mut first).await < missed + 300 {}
    let mut by_url = dial(&upstream, &format!("/resume/a?from={missed}")).await;
    let mut by_text = dial(&upstream, "/resume/a").await;
    let text = format!(r#"{{"after":{missed}}}"#);
    by_text.send(Message::text(text.as_str())).await.expect("open");
    for expected in missed + 1..missed + 400 {
        assert_eq!(number(&mut by_url).await, expected);
        assert_eq!(number(&mut by_text).await, expected);
    }
    assert_eq!(upstream.report("a").commands, BTreeMap::from([(text, 1)]));
}

#[tokio::test]
async fn texts_of_clients_are_counted_and_a_silent_feed_answers_pings() {
    let upstream = upstream().await;
    let mut client = dial(&upstream, "/feed/a?rate=0").await;
    for text in ["x", "y", "x"] {
        client.send(Message::text(text)).await.expect("open");
    }
    client.send(Message::Ping("p".into())).await.expect("open");
    assert_eq!(client.next().await.expect("open").expect("open"), Message::Pong("p".into()));
    let report = upstream.report("a");
    assert_eq!(report.commands, BTreeMap::from([("x".to_owned(), 2), ("y".to_owned(), 1)]));
    assert_eq!(report.highest, 0);
}

#[tokio::test]
async fn messages_have_the_size_that_was_asked_for() {
    let upstream = upstream().await;
    let mut client = dial(&upstream, "/feed/a?rate=1000&size=128&big=3000").await;
    let mut big = 0;
    while big == 0 {
        let message = client.next().await.expect("open").expect("open");
        let text = message.to_text().expect("text").to_owned();
        let number = serde_json::from_str::<Value>(&text).expect("JSON")["seq"].as_u64();
        let is_big = number.expect("a number").is_multiple_of(100);
        let expected = if is_big { 3000 } else { 128 };
        assert_eq!(text.len(), expected);
        big += usize::from(expected == 3000);
    }
}

#[tokio::test]
async fn an_unknown_path_is_refused() {
    let upstream = upstream().await;
    let stream = TcpStream::connect(upstream.address()).await.expect("it accepts");
    let error = client_async(upstream.url("/other"), stream).await.expect_err("no feed");
    assert!(error.to_string().contains("404"), "{error}");
}
