//! The server of the demo: it echoes messages, and it fails on command.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    pin::Pin,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use async_io::{Async, Timer};
use async_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{self, Message},
};
use futures::{
    Stream, StreamExt,
    channel::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
        oneshot,
    },
    future::{Either, poll_fn, select},
};

/// Controls a server that runs on a separate thread.
pub(super) struct ServerControl {
    pub(super) port: u16,
    commands: UnboundedSender<Command>,
}

/// A fault, and the sender that reports that it is applied.
type Command = (Fault, oneshot::Sender<io::Result<()>>);

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The server stops reading and writing the current connection and keeps its TCP open.
    GoSilent,
    /// The server drops every connection and stops listening.
    Stop,
    /// The server listens again at the same port.
    Restart,
}

impl ServerControl {
    /// Starts a server at a free port of the loopback interface.
    pub(super) fn start() -> io::Result<Self> {
        let listener = listen(0)?;
        let port = listener.get_ref().local_addr()?.port();
        let (commands, queue) = unbounded();
        let server = Server { port, listener: Some(listener), client: None, silent: Vec::new() };
        thread::Builder::new()
            .name("server".into())
            .spawn(move || async_io::block_on(server.run(queue)))?;
        Ok(Self { port, commands })
    }

    pub(super) async fn go_silent(&self) -> io::Result<()> {
        self.command(Fault::GoSilent).await
    }

    pub(super) async fn stop(&self) -> io::Result<()> {
        self.command(Fault::Stop).await
    }

    pub(super) async fn restart(&self) -> io::Result<()> {
        self.command(Fault::Restart).await
    }

    async fn command(&self, fault: Fault) -> io::Result<()> {
        let ended =
            || io::Error::other("the thread of the demo's server ended; this is a bug in wsbeat");
        let (done, applied) = oneshot::channel();
        self.commands.unbounded_send((fault, done)).map_err(|_| ended())?;
        applied.await.map_err(|_| ended())?
    }
}

type Socket = WebSocketStream<Async<TcpStream>>;

/// A server for one client.
struct Server {
    port: u16,
    listener: Option<Async<TcpListener>>,
    client: Option<Socket>,
    /// Connections that are open and ignored.
    silent: Vec<Socket>,
}

enum Next {
    Command(Option<Command>),
    Client(io::Result<(Async<TcpStream>, SocketAddr)>),
    Message(Option<Result<Message, tungstenite::Error>>),
}

impl Server {
    async fn run(mut self, mut commands: UnboundedReceiver<Command>) {
        loop {
            match self.next(&mut commands).await {
                Next::Command(None) => return,
                Next::Command(Some((fault, done))) => {
                    let result = self.apply(fault).await;
                    // The story may have ended.
                    let _ = done.send(result);
                }
                Next::Client(Ok((stream, _))) => self.client = upgrade(stream).await,
                // For example, the client left before it was accepted.
                Next::Client(Err(_)) => {}
                Next::Message(Some(Ok(message))) => self.echo(message).await,
                Next::Message(None | Some(Err(_))) => self.client = None,
            }
        }
    }

    async fn next(&mut self, commands: &mut UnboundedReceiver<Command>) -> Next {
        let Self { listener, client, .. } = self;
        let mut accept = listener.as_ref().map(|listener| Box::pin(listener.accept()));
        poll_fn(|cx: &mut Context<'_>| {
            if let Poll::Ready(command) = commands.poll_next_unpin(cx) {
                return Poll::Ready(Next::Command(command));
            }
            if let Some(accept) = &mut accept
                && let Poll::Ready(client) = accept.as_mut().poll(cx)
            {
                return Poll::Ready(Next::Client(client));
            }
            if let Some(client) = client
                && let Poll::Ready(message) = Pin::new(client).poll_next(cx)
            {
                return Poll::Ready(Next::Message(message));
            }
            Poll::Pending
        })
        .await
    }

    async fn apply(&mut self, fault: Fault) -> io::Result<()> {
        match fault {
            Fault::GoSilent => self.silent.extend(self.client.take()),
            Fault::Stop => {
                self.listener = None;
                self.client = None;
                self.silent.clear();
            }
            Fault::Restart => self.listener = Some(listen_again(self.port).await?),
        }
        Ok(())
    }

    async fn echo(&mut self, message: Message) {
        if !(message.is_text() || message.is_binary()) {
            return;
        }
        if let Some(client) = &mut self.client
            && client.send(message).await.is_err()
        {
            self.client = None;
        }
    }
}

fn listen(port: u16) -> io::Result<Async<TcpListener>> {
    Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, port))
}

/// Tries several times, since another program may use the port for a moment.
async fn listen_again(port: u16) -> io::Result<Async<TcpListener>> {
    const TRIES: u32 = 100;
    for _ in 1..TRIES {
        if let Ok(listener) = listen(port) {
            return Ok(listener);
        }
        Timer::after(Duration::from_millis(50)).await;
    }
    listen(port)
}

/// Times out clients that do not complete the handshake.
async fn upgrade(stream: Async<TcpStream>) -> Option<Socket> {
    const TIMEOUT: Duration = Duration::from_secs(2);
    // Without it an echo may wait 40 ms for the acknowledgement of the previous one.
    stream.get_ref().set_nodelay(true).ok()?;
    match select(Box::pin(accept_async(stream)), Timer::after(TIMEOUT)).await {
        Either::Left((accepted, _)) => accepted.ok(),
        Either::Right(_) => None,
    }
}
