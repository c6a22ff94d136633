//! stream-reconnect over tokio-tungstenite. It reconnects and has no heartbeat.

use std::{future::Future, io, pin::Pin};

use stream_reconnect::{ReconnectStream, UnderlyingStream};
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

pub(crate) struct Dial;

pub(crate) type Item = Result<Message, Error>;

impl UnderlyingStream<Target, Item, Error> for Dial {
    type Stream = WebSocketStream<TcpStream>;

    fn establish(
        target: Target,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream, Error>> + Send>> {
        Box::pin(async move {
            let stream = TcpStream::connect(target.address).await?;
            stream.set_nodelay(true)?;
            Ok(client_async(target.url(), stream).await?.0)
        })
    }

    fn is_write_disconnect_error(_: &Error) -> bool {
        true
    }

    fn is_read_disconnect_error(item: &Item) -> bool {
        item.is_err()
    }

    fn exhaust_err() -> Error {
        Error::Io(io::ErrorKind::NotConnected.into())
    }
}

pub(crate) struct Peer;

impl MessageClient for Peer {
    type Runtime = Tokio;
    type Message = Message;
    type Error = Error;
    type Connection = ReconnectStream<Dial, Target, Item, Error>;

    async fn connect(target: Target) -> Fallible<Self::Connection> {
        Ok(ReconnectStream::connect(target).await?)
    }
}
