//! fastwebsockets on the bare socket, which is its best case: its own handshake would leave the
//! connection in hyper. It cannot feed without a flush: each frame is a write.

use async_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::super::{
    runtime::Tokio,
    socket::{Fallible, Socket, Target},
};

pub(crate) struct Peer {
    socket: FragmentCollector<TcpStream>,
}

#[derive(Clone, Copy)]
pub(crate) enum Outbound {
    Text(&'static str),
    Binary(&'static [u8]),
}

impl Socket for Peer {
    type Runtime = Tokio;
    type Message = Outbound;

    fn text(payload: &'static str) -> Outbound {
        Outbound::Text(payload)
    }

    fn binary(payload: &'static [u8]) -> Outbound {
        Outbound::Binary(payload)
    }

    async fn connect(target: Target) -> Fallible<Self> {
        let mut stream = super::tcp(target).await?;
        let key = generate_key();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n",
            target.route, target.address
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        if !String::from_utf8_lossy(&head).contains(&derive_accept_key(key.as_bytes())) {
            return Err("the server did not accept the key".into());
        }
        let socket = WebSocket::after_handshake(stream, Role::Client);
        Ok(Self { socket: FragmentCollector::new(socket) })
    }

    async fn receive(&mut self) -> Fallible<usize> {
        loop {
            let frame = self.socket.read_frame().await?;
            match frame.opcode {
                OpCode::Text | OpCode::Binary => return Ok(frame.payload.len()),
                OpCode::Close => return Err("the server closed the connection".into()),
                _ => {}
            }
        }
    }

    async fn receive_pong(&mut self) -> Fallible<()> {
        loop {
            match self.socket.read_frame().await?.opcode {
                OpCode::Pong => return Ok(()),
                OpCode::Close => return Err("the server closed the connection".into()),
                _ => {}
            }
        }
    }

    async fn feed(&mut self, message: Outbound) -> Fallible<()> {
        self.send(message).await
    }

    async fn flush(&mut self) -> Fallible<()> {
        Ok(())
    }

    async fn send(&mut self, message: Outbound) -> Fallible<()> {
        let frame = match message {
            Outbound::Text(text) => Frame::text(Payload::Borrowed(text.as_bytes())),
            Outbound::Binary(bytes) => Frame::binary(Payload::Borrowed(bytes)),
        };
        Ok(self.socket.write_frame(frame).await?)
    }

    async fn ping(&mut self) -> Fallible<()> {
        let frame = Frame::new(true, OpCode::Ping, None, Payload::Borrowed(b""));
        Ok(self.socket.write_frame(frame).await?)
    }
}
