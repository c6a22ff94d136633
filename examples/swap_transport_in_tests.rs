//! An application that uses sockets in production and the mock in its tests. With the mock, an hour
//! of outage takes milliseconds and every run gives the same result.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use websocket_heartbeat::{Event, Supervisor, Timer, Timestamp, Transport};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_mock::{Clock, Remote, Script, mock, run};

/// The application. It asks for news on each connection until the answer is "the end".
///
/// It is generic over the transport and the timer.
async fn read_news<T: Transport, K: Timer>(mut session: Supervisor<T, K>) -> Vec<String> {
    let handle = session.handle();
    let mut news = Vec::new();
    while let Some(event) = session.next().await {
        match event {
            Event::Open(_) => handle.try_queue("news?").expect("the outbox has room"),
            Event::Message(message) => {
                news.extend(message.as_text().map(str::to_owned));
                if message.as_text() == Some("the end") {
                    handle.close();
                }
            }
            _ => {}
        }
    }
    news
}

/// Runs the application against a server that sends half of the news, crashes, and is down for an
/// hour.
fn through_an_outage() -> Result<(Vec<String>, Remote), Box<dyn Error>> {
    let clock = Clock::new();
    let back_at = Timestamp::from_epoch(Duration::from_secs(3600));
    let (transport, remote) = mock(&clock);
    let now = clock.clone();
    remote.script(move |dial| match dial {
        1 => Script::accept()
            .send_after(Duration::from_secs(1), "the beginning")
            .end_after(Duration::from_secs(2)),
        _ if now.now() < back_at => Script::refuse_connection(),
        _ => Script::accept().send_after(Duration::from_secs(1), "the end"),
    });
    let session = Supervisor::builder(transport, clock.timer()).build()?;
    Ok((run(&clock, read_news(session)), remote))
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(|_| Some("the end".to_owned()))?;
    let session = websocket_heartbeat_smol::connect(server.url())?.build()?;
    println!("over a socket: {:?}", smol::block_on(read_news(session)));

    let start = Instant::now();
    let (news, remote) = through_an_outage()?;
    let dials = remote.dials();
    let last = dials.last().ok_or("nothing was dialled")?.since_epoch();
    println!("over the mock: {news:?}");
    println!(
        "{} attempts, the last one after {} s, in {} ms",
        dials.len(),
        last.as_secs(),
        start.elapsed().as_millis()
    );
    Ok(())
}

#[test]
fn an_hour_of_outage_loses_no_news() -> Result<(), Box<dyn Error>> {
    let (news, remote) = through_an_outage()?;
    assert_eq!(news, ["the beginning", "the end"]);
    assert_eq!(remote.trace().times("-> text \"news?\"").len(), 2);
    Ok(())
}
