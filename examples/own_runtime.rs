//! A backend for another runtime: the executor of the futures crate, with sockets and timers of
//! async-io. A runtime needs only a `Network` and a `Timer`.

use std::{
    error::Error,
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    pin::Pin,
    thread,
    time::Instant,
};

use async_io::Async;
use futures::{Future, channel::oneshot, executor::block_on};
use websocket_heartbeat::{Event, Timer, Timestamp};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_tungstenite::{Network, SocketOptions, Target, connect};

/// The sockets of this runtime.
#[derive(Clone)]
struct Sockets;

impl Network for Sockets {
    type Stream = Async<TcpStream>;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        // The resolver of the system blocks its thread.
        let (host, (sender, receiver)) = (host.to_owned(), oneshot::channel());
        thread::spawn(move || sender.send((host, port).to_socket_addrs().map(Iterator::collect)));
        receiver.await.map_err(io::Error::other)?
    }

    async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<Self::Stream> {
        let stream = Async::<TcpStream>::connect(target.tcp()?).await?;
        options.apply(&stream)?;
        Ok(stream)
    }
}

/// The timer of this runtime.
#[derive(Clone)]
struct Clock {
    epoch: Instant,
}

impl Timer for Clock {
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        let timer = async_io::Timer::after(deadline.saturating_since(self.now()));
        Box::pin(async move {
            timer.await;
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::echo()?;
    let clock = Clock { epoch: Instant::now() };
    let mut supervisor = connect(Sockets, clock, server.url())?.build()?;
    let handle = supervisor.handle();
    handle.try_queue("hello from another runtime")?;
    block_on(async {
        while let Some(event) = supervisor.next().await {
            match event {
                Event::Message(message) => {
                    println!("echoed: {}", message.as_text().unwrap_or_default());
                    handle.close();
                }
                Event::Closed(closed) => println!("{}", closed.reason),
                _ => {}
            }
        }
    });
    Ok(())
}
