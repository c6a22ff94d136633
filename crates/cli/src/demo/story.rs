//! The demo's story, step by step. Each step waits for what it tells of.

use std::{
    error::Error,
    io::{self, Stdout},
    time::Duration,
};

use futures::StreamExt;
use websocket_heartbeat_smol::{
    CloseReason, Event, Exponential, Handle, Heartbeat, Lost, LostCause, Preset, Receipt, Request,
    SmolTimer, SmolTransport, Supervisor, Timer,
};

use super::{server::Server, summary::Summary};
use crate::{
    duration::show,
    record::Line,
    session::{News, Session},
    timeline::Timeline,
};

/// Short enough to be watched.
const PING_TIMEOUT: Duration = Duration::from_millis(1_000);
const PONG_TIMEOUT: Duration = Duration::from_millis(700);
const BACKOFF: (Duration, Duration) = (Duration::from_millis(400), Duration::from_secs(2));
/// Refused attempts before the server comes back.
const REFUSALS: u32 = 3;

type Spoiled = Box<dyn Error>;

struct Story {
    server: Server,
    session: Session,
    handle: Handle,
    timer: SmolTimer,
    timeline: Timeline<Stdout>,
    summary: Summary,
    receipts: Vec<Receipt>,
    readings: u32,
}

/// Tells the whole story; an error is a story that came out otherwise.
pub(super) async fn tell(timer: SmolTimer) -> Result<(), Spoiled> {
    let mut story = Story::begin(timer)?;
    story.life().await?;
    story.silence().await?;
    story.death().await?;
    story.farewell().await
}

impl Story {
    fn begin(timer: SmolTimer) -> Result<Self, Spoiled> {
        let server = Server::start()?;
        let request = Request::new(&format!("ws://127.0.0.1:{}/demo", server.port))?;
        let supervisor = Supervisor::builder(SmolTransport::new(request), timer.clone())
            .preset(Preset::Resilient)
            .heartbeat(Heartbeat::idle(PING_TIMEOUT).timeout(PONG_TIMEOUT).ping())
            .backoff(Exponential::new().base(BACKOFF.0).cap(BACKOFF.1).jitter(0.2))
            .stable_after(PING_TIMEOUT / 2)
            .build()?;
        let (session, handle) = Session::start(supervisor)?;
        let mut timeline = Timeline::new(io::stdout());
        timeline.text(&format!(
            "wsbeat demo: a server on 127.0.0.1:{}, and a client that sends a ping after {} of\n\
             silence and waits {} for any answer. Nothing leaves this machine.",
            server.port,
            show(PING_TIMEOUT),
            show(PONG_TIMEOUT),
        ))?;
        Ok(Self {
            server,
            session,
            handle,
            timer,
            timeline,
            summary: Summary::default(),
            receipts: Vec::new(),
            readings: 0,
        })
    }

    async fn life(&mut self) -> Result<(), Spoiled> {
        self.timeline.chapter("1. A connection opens, and its heart beats.")?;
        self.open().await?;
        self.send(2).await?;
        self.echoes(2).await?;
        self.heartbeats(3).await
    }

    async fn silence(&mut self) -> Result<(), Spoiled> {
        self.timeline.chapter(
            "2. The server falls silent. Its TCP connection stays up and takes what is sent.",
        )?;
        self.server.fall_silent().await?;
        self.tell("server", "reads nothing and answers nothing from now on")?;
        self.send(2).await?;
        let silence = self
            .lost(|lost| match lost.cause {
                LostCause::HeartbeatTimeout(silence) => Some(silence),
                _ => None,
            })
            .await?;
        self.tell(
            "detected",
            &format!(
                "after {} of silence; configured: {} + {} = {}",
                show(silence),
                show(PING_TIMEOUT),
                show(PONG_TIMEOUT),
                show(PING_TIMEOUT + PONG_TIMEOUT)
            ),
        )?;
        self.open().await?;
        self.heartbeats(2).await
    }

    async fn death(&mut self) -> Result<(), Spoiled> {
        self.timeline.chapter("3. The server dies. It refuses until it is back.")?;
        self.server.die().await?;
        self.tell("server", "is gone")?;
        self.lost(|_| Some(())).await?;
        let echoed = self.summary.echoed();
        self.send(2).await?;
        self.tell("queued", "2 messages wait in the outbox")?;
        for _ in 0..REFUSALS {
            self.lost(|lost| (!lost.opened).then_some(())).await?;
        }
        self.server.come_back().await?;
        self.tell("server", "is back at the same port")?;
        self.open().await?;
        self.echoes(echoed + 2).await?;
        self.heartbeats(2).await
    }

    async fn farewell(mut self) -> Result<(), Spoiled> {
        self.timeline.chapter("4. The client says goodbye.")?;
        self.send(1).await?;
        self.handle.close();
        let reason = loop {
            if let News::Event(Event::Closed(closed)) = self.next().await? {
                break closed.reason;
            }
        };
        if reason != CloseReason::User {
            return Err(format!("the session ended otherwise than by the user: {reason}").into());
        }
        for receipt in self.receipts.drain(..) {
            self.summary.note_fate(&receipt.await);
        }
        self.timeline.chapter("Summary")?;
        for line in self.summary.lines() {
            self.timeline.text(&line)?;
        }
        Ok(())
    }
}

/// Steps.
impl Story {
    /// Waits for what comes next, and shows it.
    async fn next(&mut self) -> Result<News, Spoiled> {
        let news = self.session.next().await.ok_or("the session ended unexpectedly")?;
        self.summary.note(&news);
        let now = self.timer.now();
        let line = match &news {
            News::Heartbeat(heartbeat) => Line::heartbeat(heartbeat),
            News::Event(Event::Connecting(event)) => Line::connecting(event),
            News::Event(Event::Open(event)) => Line::open(event),
            News::Event(Event::Message(message)) => Line::message(0, message),
            News::Event(Event::Lost(event)) => Line::lost(event),
            News::Event(Event::WriteBlocked(event)) => Line::write_blocked(event),
            News::Event(Event::Retry(event)) => Line::retry(event),
            News::Event(Event::Closed(event)) => Line::closed(event),
            News::Event(_) => return Ok(news),
        };
        self.timeline.line(now, &line)?;
        Ok(news)
    }

    /// As [`next`](Self::next), where the end of the session is not part of the story.
    async fn more(&mut self) -> Result<News, Spoiled> {
        match self.next().await? {
            News::Event(Event::Closed(_)) => Err("the session ended too early".into()),
            news => Ok(news),
        }
    }

    async fn open(&mut self) -> Result<(), Spoiled> {
        while !matches!(self.more().await?, News::Event(Event::Open(_))) {}
        Ok(())
    }

    async fn heartbeats(&mut self, count: u32) -> Result<(), Spoiled> {
        for _ in 0..count {
            while !matches!(self.more().await?, News::Heartbeat(_)) {}
        }
        Ok(())
    }

    /// Until so many echoes have come in all, or cannot come any more because the connection was
    /// lost, which on a stalled machine may happen outside the story.
    async fn echoes(&mut self, count: u32) -> Result<(), Spoiled> {
        while self.summary.echoed() < count {
            if let News::Event(Event::Lost(_)) = self.more().await? {
                return self.open().await;
            }
        }
        Ok(())
    }

    async fn lost<R>(&mut self, wanted: impl Fn(&Lost) -> Option<R>) -> Result<R, Spoiled> {
        loop {
            if let News::Event(Event::Lost(lost)) = self.more().await?
                && let Some(result) = wanted(&lost)
            {
                return Ok(result);
            }
        }
    }

    async fn send(&mut self, count: u32) -> Result<(), Spoiled> {
        for _ in 0..count {
            self.readings += 1;
            let reading = format!("reading {}", self.readings);
            self.receipts.push(self.handle.queue_with_receipt(reading).await?);
        }
        Ok(())
    }

    fn tell(&mut self, who: &str, what: &str) -> io::Result<()> {
        self.timeline.note(self.timer.now(), who, what)
    }
}
