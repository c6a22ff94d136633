//! The demo's server: it echoes, and has faults on demand.

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

/// Commands a server that runs on a thread of its own.
pub(super) struct Server {
    pub(super) port: u16,
    orders: UnboundedSender<Order>,
}

/// An order, and where to say that it is carried out.
type Order = (Fault, oneshot::Sender<io::Result<()>>);

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The present connection is neither read nor written any more. Its TCP stays up.
    FallSilent,
    /// Every connection is dropped and nobody listens any more.
    Die,
    /// Listens again at the same port.
    ComeBack,
}

impl Server {
    /// Starts a server at a free port of the loopback interface.
    pub(super) fn start() -> io::Result<Self> {
        let listener = listen(0)?;
        let port = listener.get_ref().local_addr()?.port();
        let (orders, queue) = unbounded();
        let house = House { port, listener: Some(listener), client: None, mute: Vec::new() };
        thread::Builder::new()
            .name("server".into())
            .spawn(move || async_io::block_on(house.run(queue)))?;
        Ok(Self { port, orders })
    }

    pub(super) async fn fall_silent(&self) -> io::Result<()> {
        self.order(Fault::FallSilent).await
    }

    pub(super) async fn die(&self) -> io::Result<()> {
        self.order(Fault::Die).await
    }

    pub(super) async fn come_back(&self) -> io::Result<()> {
        self.order(Fault::ComeBack).await
    }

    async fn order(&self, fault: Fault) -> io::Result<()> {
        let gone = || io::Error::other("the demo's server is gone");
        let (done, carried_out) = oneshot::channel();
        self.orders.unbounded_send((fault, done)).map_err(|_| gone())?;
        carried_out.await.map_err(|_| gone())?
    }
}

type Socket = WebSocketStream<Async<TcpStream>>;

/// The server itself. It serves one client at a time, which is all that there is.
struct House {
    port: u16,
    listener: Option<Async<TcpListener>>,
    client: Option<Socket>,
    /// Connections that are up and dead.
    mute: Vec<Socket>,
}

enum Next {
    Order(Option<Order>),
    Client(io::Result<(Async<TcpStream>, SocketAddr)>),
    Heard(Option<Result<Message, tungstenite::Error>>),
}

impl House {
    async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        loop {
            match self.next(&mut orders).await {
                Next::Order(None) => return,
                Next::Order(Some((fault, done))) => {
                    let result = self.suffer(fault).await;
                    // Whoever ordered it may have left meanwhile.
                    let _ = done.send(result);
                }
                Next::Client(Ok((stream, _))) => self.client = upgrade(stream).await,
                // Such as one that left before it was accepted.
                Next::Client(Err(_)) => {}
                Next::Heard(Some(Ok(message))) => self.echo(message).await,
                Next::Heard(None | Some(Err(_))) => self.client = None,
            }
        }
    }

    async fn next(&mut self, orders: &mut UnboundedReceiver<Order>) -> Next {
        let Self { listener, client, .. } = self;
        let mut accept = listener.as_ref().map(|listener| Box::pin(listener.accept()));
        poll_fn(|cx: &mut Context<'_>| {
            if let Poll::Ready(order) = orders.poll_next_unpin(cx) {
                return Poll::Ready(Next::Order(order));
            }
            if let Some(accept) = &mut accept
                && let Poll::Ready(client) = accept.as_mut().poll(cx)
            {
                return Poll::Ready(Next::Client(client));
            }
            if let Some(client) = client
                && let Poll::Ready(heard) = Pin::new(client).poll_next(cx)
            {
                return Poll::Ready(Next::Heard(heard));
            }
            Poll::Pending
        })
        .await
    }

    async fn suffer(&mut self, fault: Fault) -> io::Result<()> {
        match fault {
            Fault::FallSilent => self.mute.extend(self.client.take()),
            Fault::Die => {
                self.listener = None;
                self.client = None;
                self.mute.clear();
            }
            Fault::ComeBack => self.listener = Some(listen_again(self.port).await?),
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

/// Another program may have been given the port for a moment.
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

/// A stranger who does not upgrade must not keep the client out.
async fn upgrade(stream: Async<TcpStream>) -> Option<Socket> {
    const PATIENCE: Duration = Duration::from_secs(2);
    // Else an echo may wait 40 ms for the acknowledgement of the one before.
    stream.get_ref().set_nodelay(true).ok()?;
    match select(Box::pin(accept_async(stream)), Timer::after(PATIENCE)).await {
        Either::Left((accepted, _)) => accepted.ok(),
        Either::Right(_) => None,
    }
}
