//! [`Script`]: an upstream that sends the same messages on each connection.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// A WebSocket server. It ends on drop.
#[derive(Debug)]
pub(crate) struct Script {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Script {
    /// Sends these messages on each connection, with this time between two.
    pub(crate) async fn start(messages: Vec<Message>, pause: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let received: Arc<Mutex<Vec<String>>> = Arc::default();
        let texts = Arc::clone(&received);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serve = serve(stream, messages.clone(), pause, Arc::clone(&texts));
                tokio::spawn(serve);
            }
        });
        Self { address, received, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// The texts that clients have sent.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().expect("no panic").clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    messages: Vec<Message>,
    pause: Duration,
    received: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let (mut sink, mut stream) = accept_async(stream).await.ok()?.split();
    let send = async {
        for message in messages {
            sink.send(message).await.ok()?;
            sleep(pause).await;
        }
        std::future::pending::<Option<()>>().await
    };
    let read = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                received.lock().expect("no panic").push(text.to_string());
            }
        }
    };
    tokio::select! {
        done = send => done,
        () = read => Some(()),
    }
}
