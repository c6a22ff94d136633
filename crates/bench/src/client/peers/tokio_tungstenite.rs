//! tokio-tungstenite.

use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message},
};

use super::super::{
    message_socket::MessageClient,
    runtime::Tokio,
    socket::{Fallible, Target},
};

pub(crate) struct Peer;

impl MessageClient for Peer {
    type Runtime = Tokio;
    type Message = Message;
    type Error = Error;
    type Connection = WebSocketStream<TcpStream>;

    async fn connect(target: Target) -> Fallible<Self::Connection> {
        let stream = super::tcp(target).await?;
        Ok(client_async(target.url(), stream).await?.0)
    }
}
