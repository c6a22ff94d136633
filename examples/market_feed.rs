//! Market data: a feed of numbered prices. The client subscribes again on each connection, asks for
//! the prices that it missed, and marks its prices as stale while it cannot trust them.
//!
//! The exchange crashes once. Later it hangs: its connection stays open, and nothing arrives.

use std::{cmp::Ordering, error::Error, time::Duration};

use websocket_heartbeat_examples::Exchange;
use websocket_heartbeat_tokio::{
    Constant, Event, Handle, Heartbeat, Message, Phase, Status, connect,
};

/// Prices in the order of the exchange, without gaps.
#[derive(Default)]
struct Prices {
    /// The number of the next price. `None` before the first one.
    next: Option<u64>,
    last: f64,
    count: u32,
    /// The connection on which the client asked for missed prices.
    asked_on: u64,
    gaps: u32,
}

impl Prices {
    /// Takes a price. Returns the number of the first missed price, if some were missed.
    fn take(&mut self, number: u64, price: f64, connection: u64) -> Option<u64> {
        let next = *self.next.get_or_insert(number);
        match number.cmp(&next) {
            Ordering::Equal => {
                (self.next, self.last) = (Some(number + 1), price);
                self.count += 1;
                None
            }
            // The exchange sends it a second time.
            Ordering::Less => None,
            // Until the missed prices arrive, later ones are ignored: the exchange repeats them.
            Ordering::Greater if self.asked_on == connection => None,
            Ordering::Greater => {
                self.asked_on = connection;
                self.gaps += 1;
                Some(next)
            }
        }
    }
}

type Accident = fn(&Exchange);

fn parse(message: &Message) -> Option<(u64, f64)> {
    let (number, price) = message.as_text()?.split_once(' ')?;
    Some((number.parse().ok()?, price.parse().ok()?))
}

/// Whether the last price may be out of date: there is no connection, or a heartbeat was sent
/// because of a silence and is not answered yet.
fn is_stale(status: &Status) -> bool {
    status.phase != Phase::Open || status.probe_since.is_some()
}

/// Prints each change between fresh and stale until the session closes. Returns how often the prices
/// became stale.
async fn watch(handle: Handle) -> u32 {
    let (mut stale, mut times) = (true, 0);
    let mut changes = handle.status_changes();
    while let Some(status) = changes.next().await {
        if status.phase == Phase::Closing {
            break;
        }
        if is_stale(&status) != stale {
            stale = !stale;
            times += u32::from(stale);
            println!("  prices are {} ({:?})", if stale { "stale" } else { "fresh" }, status.phase);
        }
    }
    times
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let exchange = Exchange::start()?;
    let session = connect(exchange.url())?
        // This exchange is never silent for long. So a short silence is suspicious.
        .heartbeat(Heartbeat::idle(Duration::from_millis(200)).timeout(Duration::from_millis(300)))
        .backoff(Constant::new(Duration::from_millis(100)))
        .build()?;
    // The driver reads the connection in its own task, and the inbox has room for a burst of prices.
    let (driver, mut inbox) = session.into_driver(1024)?;
    let handle = driver.handle();
    let driver = tokio::spawn(driver);
    let watch = tokio::spawn(watch(handle.clone()));
    handle.replay("prices", "subscribe")?;

    let accidents: [(u32, Accident); 2] = [(50, Exchange::crash), (150, Exchange::hang)];
    let mut accidents = accidents.into_iter().peekable();
    let (mut prices, mut connection) = (Prices::default(), 0);
    while let Some(event) = inbox.next().await {
        match event {
            Event::Open(open) => connection = open.connection,
            Event::Message(message) => {
                let (number, price) = parse(&message).ok_or("this is no price")?;
                if let Some(missed) = prices.take(number, price, connection) {
                    println!("prices from {missed} to {} are missing", number - 1);
                    handle.queue(format!("from {missed}")).await?;
                }
                if let Some((_, accident)) = accidents.next_if(|(count, _)| prices.count >= *count)
                {
                    accident(&exchange);
                }
                if prices.count == 250 {
                    handle.close();
                }
            }
            Event::Lost(lost) => println!("connection {connection} is lost: {}", lost.cause),
            _ => {}
        }
    }
    driver.await?;

    let (stale, counters) = (watch.await?, handle.status().counters);
    println!("{} prices without a gap, the last one is {}", prices.count, prices.last);
    let enough = counters.opens >= 3 && counters.losses.heartbeat_timeout >= 1;
    if !enough || prices.gaps < 2 || stale < 2 {
        return Err(format!("{} gaps, {stale} times stale, {counters:?}", prices.gaps).into());
    }
    Ok(())
}
