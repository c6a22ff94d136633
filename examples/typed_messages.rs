//! Typed messages by serde: a client that sends orders and reads confirmations as Rust types. A
//! message that does not parse is reported, and the session goes on.

use std::{error::Error, future::ready};

use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Event, Message, connect,
    typed::{Typed, typed},
};

#[derive(Serialize, Deserialize)]
struct Order {
    item: String,
    count: u32,
}

#[derive(Serialize, Deserialize)]
struct Confirmation {
    item: String,
    price: u32,
}

fn encode(order: Order) -> Result<Message, Box<dyn Error>> {
    Ok(Message::text(serde_json::to_string(&order)?))
}

fn decode(message: &Message) -> serde_json::Result<Confirmation> {
    serde_json::from_slice(message.as_bytes())
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(|text| {
        let Order { item, count } = serde_json::from_str(text).ok()?;
        // The server has a bug.
        let price = if item == "coffee" { "-".to_owned() } else { (count * 3).to_string() };
        Some(format!(r#"{{"item":"{item}","price":{price}}}"#))
    })?;
    let supervisor = connect(server.url())?.build()?;
    let handle = supervisor.handle();
    // A sink of orders and a stream of confirmations.
    let mut session = supervisor.with(|order| ready(encode(order))).map(typed(decode));

    smol::block_on(async {
        let (mut confirmed, mut undecoded) = (0, 0);
        while let Some(item) = session.next().await {
            match item {
                Typed::Other(Event::Open(_)) => {
                    for (item, count) in [("tea", 2), ("coffee", 1), ("milk", 3)] {
                        session.send(Order { item: item.to_owned(), count }).await?;
                    }
                }
                Typed::Other(Event::Closed(closed)) => println!("{}", closed.reason),
                Typed::Other(_) => {}
                Typed::Message(Confirmation { item, price }) => {
                    println!("{item} for {price}");
                    confirmed += 1;
                }
                Typed::Undecoded { message, error } => {
                    println!("{message:?} is no confirmation: {error}");
                    undecoded += 1;
                }
            }
            if confirmed + undecoded == 3 {
                handle.close();
            }
        }
        if (confirmed, undecoded) != (2, 1) {
            return Err(format!("{confirmed} confirmed, {undecoded} not").into());
        }
        Ok(())
    })
}
