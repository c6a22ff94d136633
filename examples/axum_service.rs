//! A web service with a session in the background. `POST /orders` sends an order over the session,
//! and answers with its fate. `GET /health` answers with the status of the session.

use std::{error::Error, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_tokio::{Event, Fate, Handle, Inbox, Phase, connect};

/// Each request has a clone of the handle.
async fn order(State(session): State<Handle>, order: String) -> (StatusCode, String) {
    // The driver polls the session in its own task, so a handler may await its handle. An order that
    // was not sent within a second is taken back: the client has an answer and may try again.
    let fate = match session.send_within(order, Duration::from_secs(1)).await {
        Ok(fate) => fate,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let code = match &fate {
        Fate::Written { .. } => StatusCode::ACCEPTED,
        // The order may have been sent, so the client must not simply try again.
        Fate::Unknown { .. } => StatusCode::BAD_GATEWAY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let text = match fate.written() {
        Ok(connection) => format!("sent on connection {connection}"),
        Err(error) => error.to_string(),
    };
    (code, text)
}

/// Healthy is an open connection that answers its heartbeats.
async fn health(State(session): State<Handle>) -> (StatusCode, String) {
    let status = session.status();
    let unanswered = status.probe_out_for().unwrap_or_default();
    let code = match status.phase {
        Phase::Open if unanswered < Duration::from_secs(5) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let cause = status.last_cause.map_or_else(String::new, |cause| format!(", {cause}"));
    (code, format!("{:?}{cause}", status.phase))
}

/// Reads the session. It ends with it.
async fn read(mut inbox: Inbox) {
    while let Some(event) = inbox.next().await {
        match event {
            Event::Message(message) => println!("  received {:?}", message.as_text()),
            Event::Lost(lost) => println!("  lost: {}", lost.cause),
            Event::Closed(closed) => println!("  closed: {}", closed.reason),
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let exchange = Server::start(|order| Some(format!("{order} is done")))?;
    let (driver, inbox) = connect(exchange.url())?.build()?.into_driver(256)?;
    let session = driver.handle();
    let background = [tokio::spawn(driver), tokio::spawn(read(inbox))];

    let service = Router::new()
        .route("/orders", post(order))
        .route("/health", get(health))
        .with_state(session.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // The service ends when the session has ended.
    let closed = session.clone();
    let service = axum::serve(listener, service)
        .with_graceful_shutdown(async move { println!("  the end: {}", closed.closed().await) });
    let service = tokio::spawn(service.into_future());

    session.opened().await?;
    expect(address, "GET /health", "", 200).await?;
    expect(address, "POST /orders", "3 tea", 202).await?;
    exchange.stop();
    wait_for(&session, |phase| phase != Phase::Open).await;
    expect(address, "GET /health", "", 503).await?;
    expect(address, "POST /orders", "5 tea", 503).await?;
    exchange.restart();
    session.opened().await?;
    expect(address, "GET /health", "", 200).await?;

    session.close();
    for task in background {
        task.await?;
    }
    Ok(service.await??)
}

async fn wait_for(session: &Handle, is_wanted: impl Fn(Phase) -> bool) {
    let mut changes = session.status_changes();
    while let Some(status) = changes.next().await
        && !is_wanted(status.phase)
    {}
}

/// Makes a request to the service, and checks the status of the answer.
async fn expect(
    address: SocketAddr,
    request: &str,
    body: &str,
    status: u16,
) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!("{request} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n");
    stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let text = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    println!("{request}: {}: {text}", answer.lines().next().unwrap_or_default());
    match answer.starts_with(&format!("HTTP/1.1 {status} ")) {
        true => Ok(()),
        false => Err(format!("the status is not {status}").into()),
    }
}
