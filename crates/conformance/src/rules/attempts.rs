//! Attempts, and why they fail.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use websocket_heartbeat::{Attempt, ErrorKind, Message, Timer, Transport, TransportError};

use super::client::{Broken, Client, Kept, Subject, ensure};

pub(super) async fn each(client: &Client<'_, impl Subject>) -> Kept {
    let number = client.subject.next_number();
    let mut transport = client.subject.transport(&client.url("/echo", number));
    let mut connections = Vec::new();
    for count in 1..=2 {
        let established = transport.connect(Attempt::new(count, 0, None)).await?;
        connections.push(client.tested(established, number));
    }
    for (tested, text) in connections.iter_mut().zip(["one", "two"]) {
        tested.send(Message::text(text)).await?;
    }
    for (tested, text) in connections.iter_mut().zip(["one", "two"]) {
        tested.reads_message(text).await?;
    }
    Ok(())
}

pub(super) async fn lazy(client: &Client<'_, impl Subject>) -> Kept {
    let number = client.subject.next_number();
    let mut transport = client.subject.transport(&client.url("/echo", number));
    let attempt = transport.connect(Attempt::new(1, 0, None));
    let mut observer = client.observe(number).await?;
    client.subject.timer().sleep(Duration::from_millis(20)).await;
    ensure!(!observer.seen().await?, "an attempt that is not polled reaches the server");
    drop(attempt);
    Ok(())
}

pub(super) async fn abandoned(client: &Client<'_, impl Subject>) -> Kept {
    let number = client.subject.next_number();
    // First, because a browser makes one attempt at a time to one server.
    let mut observer = client.observe(number).await?;
    let mut transport = client.subject.transport(&client.url("/hang", number));
    {
        let mut attempt = Box::pin(transport.connect(Attempt::new(1, 0, None)));
        let mut arrived = pin!(observer.arrived());
        poll_fn(|cx| {
            if attempt.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Broken::new("an attempt ends without an answer")));
            }
            arrived.as_mut().poll(cx)
        })
        .await?;
    }
    observer.verdict().await.map(drop)
}

pub(super) async fn fails(client: &Client<'_, impl Subject>) -> Kept {
    for path in [
        "/refuse-401",
        "/refuse-503",
        "/answer-ssh",
        "/answer-101-bare",
        "/answer-101-other-key",
        "/answer-nothing",
        "/answer-half",
    ] {
        client.fails(path).await?;
    }
    Ok(())
}

/// Makes an attempt that fails with this kind of error.
async fn fails_with(
    client: &Client<'_, impl Subject>,
    path: &str,
    kinds: &[ErrorKind],
) -> Result<TransportError, Broken> {
    let error = client.fails(path).await?;
    ensure!(kinds.contains(&error.kind()), "{path}: {}, not {kinds:?}: {error}", error.kind());
    Ok(error)
}

pub(super) async fn closed_port(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/closed-port").await?;
    let url = tested.message().await?;
    let url = url.as_text().unwrap_or_default();
    let Err(error) = client.attempt(url).await else {
        return Err(Broken::new("an attempt at a closed port succeeds"));
    };
    ensure!(error.kind() == ErrorKind::Refused, "{}: {error}", error.kind());
    Ok(())
}

pub(super) async fn refusal(client: &Client<'_, impl Subject>) -> Kept {
    let error = fails_with(client, "/refuse-401", &[ErrorKind::Http]).await?;
    ensure!(error.http_status() == Some(401), "the status is {:?}", error.http_status());
    let error = fails_with(client, "/refuse-503", &[ErrorKind::Http]).await?;
    ensure!(error.http_status() == Some(503), "the status is {:?}", error.http_status());
    let Some(answer) = error.http_answer() else { return Err(Broken::new("no answer is kept")) };
    let reason = answer.headers.get("x-reason");
    ensure!(reason == Some("rest"), "the field X-Reason is {reason:?}");
    ensure!(*answer.body == *b"not now", "the body has {} bytes", answer.body.len());
    Ok(())
}

pub(super) async fn retry_after(client: &Client<'_, impl Subject>) -> Kept {
    waits(
        client,
        &[("/refuse-503", Some(7)), ("/refuse-503-in-words", None), ("/refuse-401", None)],
    )
    .await
}

pub(super) async fn date(client: &Client<'_, impl Subject>) -> Kept {
    let seconds = [("/refuse-503-until-a-date", Some(60)), ("/refuse-503-without-a-date", None)];
    waits(client, &seconds).await
}

async fn waits(client: &Client<'_, impl Subject>, seconds: &[(&str, Option<u64>)]) -> Kept {
    for (path, seconds) in seconds.iter().copied() {
        let error = fails_with(client, path, &[ErrorKind::Http]).await?;
        let wait = error.retry_after();
        ensure!(wait == seconds.map(Duration::from_secs), "{path}: the time is {wait:?}");
    }
    Ok(())
}

pub(super) async fn late_body(client: &Client<'_, impl Subject>) -> Kept {
    // If the machine is suspended for half a second, the wait ends first.
    for _ in 0..10 {
        let error = fails_with(client, "/refuse-503-late-body", &[ErrorKind::Http]).await?;
        if error.http_answer().is_some_and(|answer| *answer.body == *b"not now") {
            let error = fails_with(client, "/refuse-503-no-body", &[ErrorKind::Http]).await?;
            ensure!(error.http_status() == Some(503), "the status is {:?}", error.http_status());
            return Ok(());
        }
    }
    Err(Broken::new("a body that arrives 20 ms after the head is not kept"))
}

pub(super) async fn no_upgrade(client: &Client<'_, impl Subject>) -> Kept {
    for path in ["/answer-ssh", "/answer-101-bare", "/answer-101-other-key"] {
        fails_with(client, path, &[ErrorKind::Protocol]).await?;
    }
    Ok(())
}

pub(super) async fn end(client: &Client<'_, impl Subject>) -> Kept {
    for path in ["/answer-nothing", "/answer-half"] {
        fails_with(client, path, &[ErrorKind::Ended, ErrorKind::Reset]).await?;
    }
    Ok(())
}
