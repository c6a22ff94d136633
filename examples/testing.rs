//! Tests of an application with the mock: a scripted server, and a virtual clock. An hour of outage
//! takes milliseconds, and every run gives the same result.
//!
//! The tests of this file run by `cargo test -p websocket-heartbeat-examples --bin testing`.

use std::{error::Error, time::Duration};

use tokio::runtime::{self, Runtime};
use websocket_heartbeat::{Event, Exponential, LostCause, Supervisor, Timer, Timestamp, Transport};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_mock::{Clock, MockTransport, Remote, Script, mock, run};
use websocket_heartbeat_smol::connect;
use websocket_heartbeat_tokio::TokioTimer;

/// The messages that the application has read, and the causes of its losses.
#[derive(Debug, Default)]
struct News {
    texts: Vec<String>,
    losses: Vec<LostCause>,
}

/// The application. It asks for news on each connection until the answer is "the end".
///
/// It is generic over the transport and the timer. So the same code runs over sockets and in tests.
async fn read_news<T: Transport, K: Timer>(
    mut session: Supervisor<T, K>,
) -> Result<News, Box<dyn Error>> {
    let handle = session.handle();
    handle.replay("news", "news?")?;
    let mut news = News::default();
    while let Some(event) = session.next().await {
        match event {
            Event::Message(message) => {
                news.texts.extend(message.as_text().map(str::to_owned));
                if message.as_text() == Some("the end") {
                    handle.close();
                }
            }
            Event::Lost(lost) => news.losses.push(lost.cause),
            _ => {}
        }
    }
    Ok(news)
}

/// The session of the application over the mock. The delays are random; with a seed they are the
/// same in every run.
fn session<K: Timer>(
    transport: MockTransport,
    timer: K,
) -> Result<Supervisor<MockTransport, K>, Box<dyn Error>> {
    Ok(Supervisor::builder(transport, timer).backoff(Exponential::new().seed(1)).build()?)
}

const SECOND: Duration = Duration::from_secs(1);

/// A server that sends half of the news, crashes, and is down for an hour.
fn down_for_an_hour(clock: &Clock) -> (MockTransport, Remote) {
    let (transport, remote) = mock(clock);
    let (now, back_at) = (clock.clone(), Timestamp::from_epoch(3600 * SECOND));
    remote.script(move |attempt| match attempt {
        1 => Script::accept().send_after(SECOND, "the beginning").end_after(2 * SECOND),
        _ if now.now() < back_at => Script::refuse_connection(),
        _ => Script::accept().send_after(SECOND, "the end"),
    });
    (transport, remote)
}

/// A server whose first connection dies silently: it stays open, and nothing arrives any more.
fn silently_dead(clock: &Clock) -> (MockTransport, Remote) {
    let (transport, remote) = mock(clock);
    remote.script(|attempt| match attempt {
        1 => Script::accept().half_open_after(SECOND),
        _ => Script::accept().reply_with(|_| Some("the end".into())),
    });
    (transport, remote)
}

/// The executor of the mock polls the application, and moves the clock when nothing else is to do.
fn through_an_outage() -> Result<(), Box<dyn Error>> {
    let clock = Clock::new();
    let (transport, remote) = down_for_an_hour(&clock);
    let news = run(&clock, read_news(session(transport, clock.timer())?))?;
    assert_eq!(news.texts, ["the beginning", "the end"]);
    // The trace has each thing that the mock saw, with its time in milliseconds.
    assert_eq!(remote.trace().times("-> text \"news?\"").len(), 2);
    let last = *remote.dials().last().ok_or("nothing was dialled")?;
    println!("an outage: {} attempts, the last after {last}", remote.dials().len());
    Ok(())
}

/// A test on tokio, for applications that need it. Its paused clock moves when all tasks wait, and
/// the clock of the mock follows it.
async fn on_a_dead_connection() -> Result<(), Box<dyn Error>> {
    let clock = Clock::new();
    tokio::spawn(clock.follow(TokioTimer::new()));
    let (transport, _remote) = silently_dead(&clock);
    let news = read_news(session(transport, TokioTimer::new())?).await?;
    assert_eq!(news.texts, ["the end"]);
    assert!(matches!(news.losses[..], [LostCause::HeartbeatTimeout(_)]), "{:?}", news.losses);
    println!("a dead connection: replaced, and the end is read after {}", clock.now());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(|_| Some("the end".to_owned()))?;
    let news = smol::block_on(read_news(connect(server.url())?.build()?))?;
    println!("over a socket: {:?}", news.texts);
    through_an_outage()?;
    paused_tokio()?.block_on(on_a_dead_connection())
}

/// `#[tokio::test(start_paused = true)]` makes the same.
fn paused_tokio() -> std::io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
}

#[test]
fn the_application_survives_an_hour_of_outage() -> Result<(), Box<dyn Error>> {
    through_an_outage()
}

#[tokio::test(start_paused = true)]
async fn the_application_survives_a_dead_connection() -> Result<(), Box<dyn Error>> {
    on_a_dead_connection().await
}
