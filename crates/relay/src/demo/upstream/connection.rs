//! One connection of a client.

use std::{sync::Arc, time::Duration};

use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request as Head, Response},
        http::StatusCode,
    },
};

use super::{
    Shared,
    feed::{Feed, Visit},
    request::{Begin, Request},
};

type Socket = WebSocketStream<TcpStream>;

/// Serves a connection until it ends, or until `ends` changes.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, mut ends: watch::Receiver<u64>) {
    tokio::select! {
        () = run(stream, &shared) => {}
        _ = ends.changed() => {}
    }
}

async fn run(stream: TcpStream, shared: &Shared) {
    // Without it, a small message could wait for the acknowledgement of the one before it.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut visit = None;
    #[allow(clippy::result_large_err, reason = "the server library wants this type")]
    let answer = |head: &Head, response: Response| {
        let uri = head.uri();
        let Some(request) = Request::parse(uri.path(), uri.query()) else {
            let mut refusal = ErrorResponse::new(Some("no such feed".to_owned()));
            *refusal.status_mut() = StatusCode::NOT_FOUND;
            return Err(refusal);
        };
        let feed = shared.feed(&request.feed, request.options);
        // Before the client sees the connection open: it gets all messages after that moment.
        visit = Some((feed.visit(), feed.next(), request.begin, feed));
        Ok(response)
    };
    let Ok(Ok(socket)) = timeout(HANDSHAKE, accept_hdr_async(stream, answer)).await else { return };
    let Some((visit, new, begin, feed)) = visit else { return };
    let _visit: Visit = visit;
    let (sink, mut stream) = socket.split();
    let next = match begin {
        Begin::New => Some(new),
        Begin::After(number) => Some(number.saturating_add(1)),
        Begin::Asked => asked(&mut stream, &feed).await,
    };
    let Some(next) = next else { return };
    // Whether it can be resumed, or a slow reader loses the connection.
    let tolerant = begin != Begin::New;
    tokio::select! {
        () = read(stream, &feed) => {}
        _ = write(sink, &feed, next, tolerant) => {}
    }
}

/// A client that does not finish its handshake keeps a descriptor this long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The number that the client asks for by its first text. `None` at the end.
async fn asked(stream: &mut SplitStream<Socket>, feed: &Feed) -> Option<u64> {
    loop {
        if let Message::Text(text) = stream.next().await?.ok()? {
            feed.command(&text);
            let text: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let after = text.get("after").and_then(serde_json::Value::as_u64);
            return Some(after.map_or_else(|| feed.next(), |after| after.saturating_add(1)));
        }
    }
}

/// Counts what the client sends. The library answers its pings.
async fn read(mut stream: SplitStream<Socket>, feed: &Feed) {
    while let Some(Ok(message)) = stream.next().await {
        if let Message::Text(text) = message {
            feed.command(&text);
        }
    }
}

/// Sends the messages from the number `next` on. Ends if the connection does, or if it is too slow.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    feed: &Feed,
    mut next: u64,
    tolerant: bool,
) -> Option<()> {
    let mut changes = feed.changes();
    loop {
        changes.borrow_and_update();
        let messages = match feed.from(next) {
            Ok(messages) => messages,
            Err(oldest) if tolerant => {
                next = oldest;
                continue;
            }
            Err(_) => return None,
        };
        if messages.is_empty() {
            changes.changed().await.ok()?;
            continue;
        }
        for message in messages {
            sink.feed(Message::Text(message)).await.ok()?;
            next += 1;
        }
        sink.flush().await.ok()?;
    }
}
