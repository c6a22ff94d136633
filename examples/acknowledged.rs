//! Acknowledged delivery: a server takes orders, crashes with one taken and not acknowledged, and
//! in the end has each order once.

use std::{
    collections::HashSet,
    error::Error,
    sync::{Arc, Mutex, OnceLock},
};

use futures::{StreamExt, future};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Ack, AckSettings, Acknowledged, Event, Message, Preset, SmolTimer, connect,
};

const ORDERS: u32 = 10;

/// What survives the server's crash.
#[derive(Default)]
struct Books {
    orders: HashSet<u32>,
    duplicates: u32,
    crashed: bool,
}

/// A server that answers "order 7" by "taken 7", and crashes once, at the fifth.
fn server(books: &Arc<Mutex<Books>>) -> Result<Arc<OnceLock<Server>>, Box<dyn Error>> {
    let server = Arc::new(OnceLock::<Server>::new());
    let (itself, books) = (Arc::clone(&server), Arc::clone(books));
    let started = Server::start(move |text| {
        let id = text.strip_prefix("order ")?.parse().ok()?;
        let mut books = books.lock().ok()?;
        if !books.orders.insert(id) {
            // Seen before: the acknowledgement got lost. It is due all the same.
            books.duplicates += 1;
        }
        if id == 5 && !std::mem::replace(&mut books.crashed, true) {
            println!("the server has taken order 5, and crashes before it says so");
            itself.wait().cut();
            return None;
        }
        Some(format!("taken {id}"))
    })?;
    server.set(started).map_err(|_| "a server starts once")?;
    Ok(server)
}

fn taken(message: &Message) -> Option<Ack<u32>> {
    message.as_text()?.strip_prefix("taken ")?.parse().ok().map(Ack::One)
}

fn main() -> Result<(), Box<dyn Error>> {
    let books = Arc::new(Mutex::new(Books::default()));
    let server = server(&books)?;
    let supervisor = connect(server.wait().url())?.preset(Preset::Resilient).build()?;
    let handle = supervisor.handle();
    let acks = AckSettings::new(taken).window(4);
    let mut session = Acknowledged::new(supervisor, handle.clone(), SmolTimer::new(), acks)?;
    let sender = session.sender();

    let shop = async move {
        let mut receipts = Vec::new();
        for id in 1..=ORDERS {
            // Waits while four are unacknowledged.
            receipts.push(sender.queue(id, format!("order {id}")).await?);
        }
        let outcomes = future::join_all(receipts).await;
        handle.close();
        for outcome in outcomes {
            outcome?;
        }
        Ok::<_, Box<dyn Error>>(())
    };
    let news = async move {
        while let Some(event) = session.next().await {
            match event {
                Event::Open(e) => println!("open, connection {}", e.connection),
                Event::Lost(e) => println!("lost: {}", e.cause),
                Event::Closed(e) => println!("{}", e.reason),
                _ => {}
            }
        }
    };
    let (shopped, ()) = smol::block_on(future::join(shop, news));
    shopped?;

    let books = books.lock().map_err(|_| "the server has failed")?;
    println!(
        "{} orders acknowledged, {} in the books, {} seen twice",
        ORDERS,
        books.orders.len(),
        books.duplicates
    );
    if books.orders.len() != ORDERS as usize || books.duplicates == 0 {
        return Err("not what was ordered".into());
    }
    Ok(())
}
