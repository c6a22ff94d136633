//! Acknowledged delivery: a server stores an order and crashes before it sends the acknowledgement.
//! At the end it has every order exactly once.

use std::{
    collections::HashSet,
    error::Error,
    sync::{Arc, Mutex, OnceLock},
};

use futures::future;
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Event, Message, SmolTimer,
    acks::{Ack, AckSettings, Acknowledged},
    connect,
};

const ORDERS: u32 = 10;

/// The data that survives the crash of the server.
#[derive(Default)]
struct Books {
    orders: HashSet<u32>,
    duplicates: u32,
    crashed: bool,
}

/// A server that answers "order 7" with "taken 7". It crashes once, at order 5.
fn server(books: &Arc<Mutex<Books>>) -> Result<Arc<OnceLock<Server>>, Box<dyn Error>> {
    let server = Arc::new(OnceLock::<Server>::new());
    let (own, books) = (Arc::clone(&server), Arc::clone(books));
    let started = Server::start(move |text| {
        let id = text.strip_prefix("order ")?.parse().ok()?;
        let mut books = books.lock().ok()?;
        if !books.orders.insert(id) {
            // A duplicate: the first acknowledgement was lost, so the server sends it again.
            books.duplicates += 1;
        }
        if id == 5 && !std::mem::replace(&mut books.crashed, true) {
            println!("the server stores order 5 and crashes before it acknowledges it");
            own.wait().cut();
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
    let supervisor = connect(server.wait().url())?.build()?;
    let handle = supervisor.handle();
    let acks = AckSettings::new(taken).window(4);
    let mut session = Acknowledged::new(supervisor, handle.clone(), SmolTimer::new(), acks)?;
    let sender = session.sender();

    let shop = async move {
        let mut receipts = Vec::new();
        for id in 1..=ORDERS {
            // Waits while four orders are unacknowledged.
            receipts.push(sender.queue(id, format!("order {id}")).await?);
        }
        let outcomes = future::join_all(receipts).await;
        handle.close();
        for outcome in outcomes {
            outcome?;
        }
        Ok::<_, Box<dyn Error>>(())
    };
    let events = async move {
        while let Some(event) = session.next().await {
            match event {
                Event::Open(e) => println!("open, connection {}", e.connection),
                Event::Lost(e) => println!("lost: {}", e.cause),
                Event::Closed(e) => println!("{}", e.reason),
                _ => {}
            }
        }
    };
    let (shopped, ()) = smol::block_on(future::join(shop, events));
    shopped?;

    let books = books.lock().map_err(|_| "the server panicked")?;
    println!(
        "{} orders acknowledged, {} stored, {} duplicates",
        ORDERS,
        books.orders.len(),
        books.duplicates
    );
    if books.orders.len() != ORDERS as usize || books.duplicates == 0 {
        return Err("the server does not have every order exactly once".into());
    }
    Ok(())
}
