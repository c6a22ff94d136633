//! One open connection.

use std::{
    future::{pending, poll_fn},
    net::TcpStream,
    task::Poll,
    time::Instant,
};

use async_io::{Async, Timer};
use async_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use futures::{FutureExt, StreamExt, channel::mpsc::UnboundedReceiver, future::Either};

use super::{
    behaviour::{Behaviour, Faults, Step},
    command::Command,
    departure::departure,
    paced::Paced,
};

pub(super) type Socket = WebSocketStream<Paced<Async<TcpStream>>>;

/// Serves a connection to its end, and returns the reason of the end.
pub(super) async fn serve(
    socket: Socket,
    behaviour: &Behaviour,
    faults: &Faults,
    commands: UnboundedReceiver<Command>,
) -> String {
    let age = wait(faults.age_limit.map(|limit| Instant::now() + limit));
    let served = Connection { socket, behaviour, faults, commands, messages: 0, ticks: 0 }.run();
    match futures::future::select(Box::pin(served), Box::pin(age)).await {
        Either::Left((reason, _)) => reason,
        Either::Right(_) => "ended by --age-limit".to_owned(),
    }
}

struct Connection<'a> {
    socket: Socket,
    behaviour: &'a Behaviour,
    faults: &'a Faults,
    commands: UnboundedReceiver<Command>,
    messages: u64,
    ticks: u64,
}

enum Next {
    Command(Option<Command>),
    Message(Option<Result<Message, async_tungstenite::tungstenite::Error>>),
    Tick,
    Idle,
}

impl Connection<'_> {
    async fn run(mut self) -> String {
        let mut tick_at = self.behaviour.tick().map(|interval| Instant::now() + interval);
        let mut step = self.faults.step(0);
        loop {
            match step {
                Step::Serve => {}
                Step::Drop => return "ended by --drop-every".to_owned(),
                Step::Silence => {
                    if let Some(end) = self.be_silent().await {
                        return end.to_owned();
                    }
                }
                Step::Close(frame) => {
                    if self.socket.close(Some(frame)).await.is_err() {
                        return "lost".to_owned();
                    }
                }
            }
            step = Step::Serve;
            // There may always be a message or a tick.
            let_others_run().await;
            let result = match self.next(tick_at).await {
                Next::Command(Some(Command::Silence)) => {
                    step = Step::Silence;
                    Ok(())
                }
                Next::Command(Some(Command::Close)) => {
                    let frame = CloseFrame { code: CloseCode::from(4000), reason: "asked".into() };
                    self.socket.close(Some(frame)).await
                }
                Next::Command(Some(_)) => Ok(()),
                Next::Command(None) => return "ended by a command".to_owned(),
                Next::Idle => return "ended by --idle-limit".to_owned(),
                Next::Tick => {
                    self.ticks += 1;
                    tick_at = self.behaviour.tick().map(|interval| Instant::now() + interval);
                    self.socket.send(Message::text(format!("tick {}", self.ticks))).await
                }
                Next::Message(Some(Ok(message))) => {
                    if message.is_text() || message.is_binary() {
                        self.messages += 1;
                        step = self.faults.step(self.messages);
                    }
                    match step {
                        // Not echoed: the client cannot know whether it arrived.
                        Step::Drop => Ok(()),
                        _ => self.echo(message).await,
                    }
                }
                Next::Message(None) => return "closed".to_owned(),
                Next::Message(Some(Err(error))) => Err(error),
            };
            if let Err(error) = result {
                return error.to_string();
            }
        }
    }

    async fn echo(
        &mut self,
        message: Message,
    ) -> Result<(), async_tungstenite::tungstenite::Error> {
        let Some(prefix) = self.behaviour.echo() else { return Ok(()) };
        match message {
            Message::Text(text) => self.socket.send(Message::text(format!("{prefix}{text}"))).await,
            Message::Binary(bytes) => self.socket.send(Message::Binary(bytes)).await,
            _ => Ok(()),
        }
    }

    /// Waits for the end of the silence. Returns the reason if the connection shall end.
    async fn be_silent(&mut self) -> Option<&'static str> {
        let Self { socket, commands, .. } = self;
        let command = async {
            loop {
                match commands.next().await {
                    None => return Some("ended by a command"),
                    Some(Command::Answer) => return None,
                    Some(_) => {}
                }
            }
        };
        let departure = departure(socket.get_ref().inner().get_ref());
        match futures::future::select(Box::pin(command), Box::pin(departure)).await {
            Either::Left((end, _)) => end,
            Either::Right(_) => Some("the client has left"),
        }
    }

    async fn next(&mut self, tick_at: Option<Instant>) -> Next {
        let last_byte = self.socket.get_ref().last_byte();
        let idle_at = self.faults.idle_limit.map(|limit| last_byte + limit);
        let command = self.commands.next().map(Next::Command);
        let message = self.socket.next().map(Next::Message);
        let tick = wait(tick_at).map(|()| Next::Tick);
        let idle = wait(idle_at).map(|()| Next::Idle);
        let times = futures::future::select(Box::pin(tick), Box::pin(idle));
        let sources = futures::future::select(command, message);
        match futures::future::select(sources, times).await {
            Either::Left((next, _)) => next.factor_first().0,
            Either::Right((next, _)) => next.factor_first().0,
        }
    }
}

/// Pending once.
async fn let_others_run() {
    let mut ran = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut ran, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => drop(Timer::at(until).await),
        None => pending().await,
    }
}
