//! Whole sessions over the transport and the timer.

use std::{future::poll_fn, pin::Pin, time::Duration};

use futures_core::Stream;
use websocket_heartbeat::{
    Attempt, CloseReason, Constant, Event, Heartbeat, LostCause, Supervisor, Transport,
};

use super::client::{Broken, Client, ConnectionOf, Kept, Subject, ensure};

/// A transport whose attempts use one path after the other, and then the last one.
struct Route<'a, S> {
    client: &'a Client<'a, S>,
    paths: &'static [&'static str],
    number: u64,
}

impl<S: Subject> Transport for Route<'_, S> {
    type Connection = ConnectionOf<S>;
    type Connect = <S::Transport as Transport>::Connect;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        let index = usize::try_from(attempt.connection - 1).unwrap_or(usize::MAX);
        let path = self.paths[index.min(self.paths.len() - 1)];
        self.client.subject.transport(&self.client.url(path, self.number)).connect(attempt)
    }

    fn can_ping(&self) -> bool {
        self.client.subject.transport(&self.client.url("/echo", self.number)).can_ping()
    }
}

type SessionOf<'a, S> = Supervisor<Route<'a, S>, &'a <S as Subject>::Timer>;

struct Session<'a, S: Subject> {
    supervisor: Pin<Box<SessionOf<'a, S>>>,
    number: u64,
}

impl<'a, S: Subject> Session<'a, S> {
    fn start(
        client: &'a Client<'a, S>,
        paths: &'static [&'static str],
        heartbeat: Heartbeat,
    ) -> Result<Self, Broken> {
        let number = client.subject.next_number();
        let settings = Supervisor::builder(Route { client, paths, number }, client.subject.timer())
            .backoff(Constant::new(Duration::from_millis(10)))
            .stable_after(Duration::ZERO)
            .minimum_gap(Duration::from_millis(1))
            .heartbeat(heartbeat);
        let supervisor = settings.build().map_err(|error| Broken::new(error.to_string()))?;
        Ok(Self { supervisor: Box::pin(supervisor), number })
    }

    async fn next(&mut self) -> Result<Event, Broken> {
        loop {
            match poll_fn(|cx| self.supervisor.as_mut().poll_next(cx)).await {
                Some(Event::Connecting(_) | Event::Retry(_)) => {}
                Some(event) => return Ok(event),
                None => return Err(Broken::new("the session ends")),
            }
        }
    }

    async fn opens(&mut self) -> Kept {
        let event = self.next().await?;
        ensure!(matches!(event, Event::Open(_)), "{event:?} instead of an open connection");
        Ok(())
    }

    async fn lost(&mut self) -> Result<LostCause, Broken> {
        match self.next().await? {
            Event::Lost(lost) => Ok(lost.cause),
            other => Err(Broken::new(format!("{other:?} instead of a loss"))),
        }
    }

    /// Sends a text and reads it back.
    async fn echo(&mut self, text: &'static str) -> Kept {
        let queued = self.supervisor.handle().try_queue(text);
        queued.map_err(|error| Broken::new(error.to_string()))?;
        let event = self.next().await?;
        let echoed = matches!(&event, Event::Message(message) if message.as_text() == Some(text));
        ensure!(echoed, "{event:?} instead of an echo");
        Ok(())
    }
}

pub(super) async fn closed(client: &Client<'_, impl Subject>) -> Kept {
    let mut session = Session::start(client, &["/close-1001", "/echo"], Heartbeat::off())?;
    session.opens().await?;
    session.echo("one").await?;
    let cause = session.lost().await?;
    ensure!(cause.close_code() == Some(1001), "the connection is lost because {cause}");
    session.opens().await?;
    session.echo("again").await
}

pub(super) async fn ended(client: &Client<'_, impl Subject>) -> Kept {
    let mut session = Session::start(client, &["/end-after-echo", "/echo"], Heartbeat::off())?;
    session.opens().await?;
    session.echo("two").await?;
    let cause = session.lost().await?;
    ensure!(matches!(cause, LostCause::Broken(_)), "the connection is lost because {cause}");
    session.opens().await?;
    session.echo("again").await
}

pub(super) async fn failed(client: &Client<'_, impl Subject>) -> Kept {
    let mut session = Session::start(client, &["/answer-half", "/echo"], Heartbeat::off())?;
    let cause = session.lost().await?;
    ensure!(matches!(cause, LostCause::Connect(_)), "the attempt fails because {cause}");
    session.opens().await?;
    session.echo("again").await
}

pub(super) async fn silent(client: &Client<'_, impl Subject>) -> Kept {
    let heartbeat = Heartbeat::idle(Duration::from_millis(100)).ping();
    let heartbeat = heartbeat.timeout(Duration::from_millis(200));
    let mut session = Session::start(client, &["/silent", "/echo"], heartbeat)?;
    session.opens().await?;
    let cause = session.lost().await?;
    let timeout = matches!(cause, LostCause::HeartbeatTimeout(_));
    ensure!(timeout, "the connection is lost because {cause}");
    session.opens().await
}

pub(super) async fn closes(client: &Client<'_, impl Subject>) -> Kept {
    let mut session = Session::start(client, &["/answer-close-1000"], Heartbeat::off())?;
    session.opens().await?;
    session.supervisor.handle().close();
    match session.next().await? {
        Event::Closed(closed) if closed.reason == CloseReason::User => {}
        other => return Err(Broken::new(format!("{other:?} instead of the end"))),
    }
    let after = poll_fn(|cx| session.supervisor.as_mut().poll_next(cx)).await;
    ensure!(after.is_none(), "{after:?} after the end");
    client.observe(session.number).await?.verdict().await.map(drop)
}
