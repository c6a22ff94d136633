//! Combinators of `futures` and of transports. A supervisor is a stream of events and a sink of
//! messages, and its handles are sinks. A transport can be combined with an exchange before the
//! connection counts as open, and with other transports.

use std::{error::Error, future::ready, net::TcpListener, time::Duration};

use futures::{SinkExt, Stream, StreamExt, future::join, stream};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Constant, Endpoints, ErrorKind, Event, Message, Request, SmolTimer, SmolTransport, Supervisor,
    TransportError, before_open, connect,
};

type Session = Supervisor<SmolTransport, SmolTimer>;

fn main() -> Result<(), Box<dyn Error>> {
    let squares = Server::start(|text| text.parse().ok().map(|n: u64| (n * n).to_string()))?;
    let shouts = Server::start(|text| Some(text.to_uppercase()))?;
    let session = |server: &Server| -> Result<Session, Box<dyn Error>> {
        Ok(connect(server.url())?.build()?)
    };
    smol::block_on(async {
        forward(session(&squares)?).await?;
        merge(session(&squares)?, session(&shouts)?).await?;
        split(session(&shouts)?).await?;
        failover(&shouts).await
    })
}

/// The text messages of a stream of events.
fn texts(events: impl Stream<Item = Event>) -> impl Stream<Item = String> {
    events.filter_map(|event| {
        ready(match event {
            Event::Message(message) => message.as_text().map(str::to_owned),
            _ => None,
        })
    })
}

/// Forwards a stream into a handle while the supervisor is read. The end of the stream closes only
/// the handle's sink and not the session.
async fn forward(session: Session) -> Result<(), Box<dyn Error>> {
    let numbers = stream::iter(1..=5).map(|n: u64| Ok(Message::text(n.to_string())));
    let asked = numbers.forward(session.handle());
    let answered = texts(session).take(5).collect::<Vec<_>>();
    let (asked, answers) = join(asked, answered).await;
    asked?;
    println!("forward: {}", answers.join(" "));
    Ok(())
}

/// Merges two sessions into one stream, up to a number of messages and a time limit.
async fn merge(squares: Session, shouts: Session) -> Result<(), Box<dyn Error>> {
    squares.handle().try_queue("12")?;
    shouts.handle().try_queue("hello")?;
    let too_late = smol::Timer::after(Duration::from_secs(10));
    let either = stream::select(texts(squares), texts(shouts)).take_until(too_late).take(2);
    let mut answers: Vec<_> = either.collect().await;
    answers.sort();
    println!("select: {}", answers.join(" "));
    Ok(())
}

/// Uses both halves at the same time. Closing the sink of a supervisor closes the session: queued
/// messages are written, and messages that arrive before the server's close frame are read.
async fn split(session: Session) -> Result<(), Box<dyn Error>> {
    let (mut sink, events) = session.split();
    let mut words = stream::iter(["quiet", "please"]).map(|word| Ok(Message::text(word)));
    let send = async {
        sink.send_all(&mut words).await?;
        sink.close().await
    };
    let (sent, answers) = join(send, texts(events).collect::<Vec<_>>()).await;
    sent?;
    println!("split: {}", answers.join(" "));
    Ok(())
}

/// Uses two servers for one session. The preferred one is down. Each connection starts with a login,
/// and queued messages wait for it.
async fn failover(shouts: &Server) -> Result<(), Box<dyn Error>> {
    // An address without a listener: the listener is dropped immediately.
    let down = format!("ws://{}/", TcpListener::bind("127.0.0.1:0")?.local_addr()?);
    let timer = SmolTimer::new();
    let mut servers = Vec::new();
    for url in [down, shouts.url()] {
        let transport = SmolTransport::new(Request::new(&url)?);
        let login = before_open(transport, |mut raw, _| async {
            raw.send("login").await?;
            match raw.next().await?.as_text() {
                Some("LOGIN") => Ok(raw),
                _ => Err(TransportError::new(ErrorKind::Other, "the login was refused")),
            }
        });
        servers.push(login);
    }
    let session = Supervisor::builder(Endpoints::new(servers)?, timer)
        .backoff(Constant::new(Duration::from_millis(100)))
        .build()?;
    session.handle().try_queue("hello")?;
    let answers: Vec<_> = texts(session).take(1).collect().await;
    println!("failover: {}", answers.join(" "));
    Ok(())
}
