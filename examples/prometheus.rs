//! Counters for Prometheus, without a library of metrics: the text format is written from the status
//! of each session, when the server of Prometheus asks for it. The program asks itself once.
//!
//! Programs that already use the crate `metrics` enable the feature `metrics` instead, and install
//! their recorder.

use std::{
    error::Error,
    fmt::{Display, Write},
    io,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_tokio::{Event, Handle, Phase, Status, connect, status::Counters};

/// A value of a status, if there is one.
type Value = fn(&Status) -> Option<f64>;

const GAUGES: [(&str, Value); 3] = [
    ("wsbeat_open", |status| Some(f64::from(u8::from(status.phase == Phase::Open)))),
    ("wsbeat_outbox_messages", |status| Some(status.queued_messages as f64)),
    ("wsbeat_round_trip_seconds", |status| {
        status.round_trip.smoothed.map(|time| time.as_secs_f64())
    }),
];

/// The answer to a scrape: the text format of Prometheus, version 0.0.4.
fn render(sessions: &[Handle]) -> String {
    let statuses: Vec<_> = sessions
        .iter()
        .map(|handle| (session_label(handle.name().unwrap_or_default()), handle.status()))
        .collect();
    let mut text = String::new();
    for (place, (name, _)) in Counters::default().iter().enumerate() {
        // The samples of all sessions follow one heading.
        add(&mut text, format_args!("# TYPE wsbeat_{name}_total counter"));
        for (session, status) in &statuses {
            for (_, count) in status.counters.iter().skip(place).take(1) {
                add(&mut text, format_args!("wsbeat_{name}_total{{{session}}} {count}"));
            }
        }
    }
    add(&mut text, "# TYPE wsbeat_losses_total counter");
    for (session, status) in &statuses {
        for (cause, count) in status.counters.losses.iter() {
            let labels = format!("{session},cause=\"{cause}\"");
            add(&mut text, format_args!("wsbeat_losses_total{{{labels}}} {count}"));
        }
    }
    for (name, value) in GAUGES {
        add(&mut text, format_args!("# TYPE {name} gauge"));
        for (session, status) in &statuses {
            if let Some(value) = value(status) {
                add(&mut text, format_args!("{name}{{{session}}} {value}"));
            }
        }
    }
    text
}

fn add(text: &mut String, line: impl Display) {
    writeln!(text, "{line}").expect("a string has room");
}

/// The label of a session. In its value a backslash, a quotation mark and a line feed are escaped.
fn session_label(name: &str) -> String {
    let name = name.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    format!("session=\"{name}\"")
}

/// Answers each request with the metrics.
async fn serve(listener: TcpListener, sessions: Vec<Handle>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = answer(stream, render(&sessions));
        // A client that is slow or gone must not stop the server.
        tokio::spawn(timeout(Duration::from_secs(5), answer));
    }
}

async fn answer(mut stream: TcpStream, metrics: String) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8_192 {
        head.push(stream.read_u8().await?);
    }
    let (length, kind) = (metrics.len(), "text/plain; version=0.0.4");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{metrics}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::echo()?;
    let (driver, mut inbox) = connect(server.url())?.name("prices").build()?.into_driver(64)?;
    let handle = driver.handle();
    let driver = tokio::spawn(driver);

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    println!("metrics at http://{address}/metrics");
    let scraped = tokio::spawn(serve(listener, vec![handle.clone()]));

    // One message over each of two connections.
    while let Some(event) = inbox.next().await {
        match event {
            Event::Open(_) => handle.try_queue("hello")?,
            Event::Message(_) if handle.status().connection == 1 => server.cut(),
            Event::Message(_) => break,
            _ => {}
        }
    }

    let mut scrape = TcpStream::connect(address).await?;
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = String::new();
    scrape.read_to_string(&mut answer).await?;
    let (_, metrics) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
    println!("{metrics}");
    assert!(metrics.contains("wsbeat_opens_total{session=\"prices\"} 2\n"));
    assert!(metrics.contains("wsbeat_losses_total{session=\"prices\",cause=\"broken\"} 1\n"));

    handle.close();
    while inbox.next().await.is_some() {}
    driver.await?;
    scraped.abort();
    Ok(())
}
